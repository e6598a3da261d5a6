"""A control group with a CPU quota, made from outside, for a program that is to be throttled."""
import os
import pathlib

import pytest

V1 = pathlib.Path("/sys/fs/cgroup/cpu")
V2 = pathlib.Path("/sys/fs/cgroup")


class Quota:
    """`share` of a core, for what is started behind `prefix`."""

    def __init__(self, name, share, period_us=100000):
        v1 = (V1 / "cpu.cfs_quota_us").exists()
        self.folder = (V1 if v1 else V2) / name
        try:
            self.folder.mkdir()
            if v1:
                (self.folder / "cpu.cfs_period_us").write_text(str(period_us))
                (self.folder / "cpu.cfs_quota_us").write_text(str(round(share * period_us)))
            else:
                (self.folder / "cpu.max").write_text(f"{round(share * period_us)} {period_us}")
        except OSError as why:
            self.close()
            pytest.skip(f"no control group with a CPU quota can be made here: {why}")
        self.prefix = ["sh", "-c", f'echo $$ >"{self.folder}/cgroup.procs" && exec "$@"', "sh"]

    def throttled(self):
        """How often the kernel says that it was."""
        return next(int(line.split()[1]) for line in (self.folder / "cpu.stat").read_text().splitlines()
                    if line.startswith("nr_throttled"))

    def close(self):
        if self.folder.exists():
            os.rmdir(self.folder)
