"""Hosts on one machine: network namespaces at one switch, each with an address of its own. What they send each other can be cut,
lost in part, or slowed down. Needs root, iproute2 and nftables. All of it ends with the processes that hold the namespaces."""
import ctypes
import os
import shutil
import subprocess
import threading

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
TOOLS = "ip", "nft", "nsenter", "unshare"
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


class Unavailable(Exception):
    """This host makes no such hosts."""


def _do(*words, text=None):
    done = subprocess.run([*map(str, words)], input=text, capture_output=True, text=True, env={**os.environ, "PATH": PATH}, timeout=20)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


class Here:
    """This host, by its loopback: what others of this file's hosts can be asked, too."""

    address, prefix = "127.0.0.1", []

    def inside(self, function):
        return function()


class Space:
    """A network namespace that lasts as long as the process that holds it, which ends with ours."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo ready && exec cat"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            raise Unavailable(self.holder.stderr.read())
        self.pid = self.holder.pid
        self.prefix = ["nsenter", f"--net=/proc/{self.pid}/ns/net"]  # becomes the program: same process, same signals
        _do(*self.prefix, "ip", "link", "set", "lo", "up")

    def inside(self, function):
        """What `function` gives, called by a thread in there: sockets that it makes belong there for good."""
        given = []

        def enter():
            try:
                with open(f"/proc/{self.pid}/ns/net") as space:
                    if LIBC.setns(space.fileno(), CLONE_NEWNET) != 0:
                        raise Unavailable(os.strerror(ctypes.get_errno()))
                given.append((function(), None))
            except BaseException as why:  # pylint: disable=broad-except
                given.append((None, why))
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        (result, why), = given
        if why is not None:
            raise why
        return result

    def close(self):
        if self.holder.stdin.closed:
            return
        self.holder.stdin.close()
        self.holder.wait(20)
        self.holder.stdout.close()
        self.holder.stderr.close()


class Host(Space):
    """One of a Lan."""

    def __init__(self, switch, number):
        super().__init__()
        self.address = f"10.77.{number // 250}.{number % 250 + 1}"
        _do("ip", "link", "add", "eth0", "netns", self.pid, "type", "veth", "peer", "name", f"port{number}", "netns", switch.pid)
        _do(*switch.prefix, "ip", "link", "set", f"port{number}", "master", "switch", "up")
        _do(*self.prefix, "ip", "address", "add", f"{self.address}/16", "dev", "eth0")
        _do(*self.prefix, "ip", "link", "set", "eth0", "up")

    def _rules(self, *rules):
        """What holds for packets that come in, instead of all before. Those to itself pass."""
        _do(*self.prefix, "nft", "-f", "-", text="\n".join([
            "table ip faults", "delete table ip faults", "table ip faults {", "chain in {",
            "type filter hook input priority 0; policy accept;", 'iifname "lo" accept', *rules, "}", "}", ""]))

    def cut(self, *others):
        """Nothing comes from these any more, or from anybody."""
        self._rules(*(f"ip saddr {o.address} drop" for o in others) if others else ("drop",))

    def disturb(self, *others, lost_percent=0, bytes_per_s=None):
        """Of what these send, so much is lost at random, and each of them gets no more than so much through."""
        rules = []
        for other in others:
            rules += [f"ip saddr {other.address} numgen random mod 100 < {lost_percent} drop"] if lost_percent else []
            rules += [f"ip saddr {other.address} limit rate over {bytes_per_s} bytes/second burst 4000 bytes drop"] if bytes_per_s else []
        self._rules(*rules)

    def heal(self):
        self._rules()


class Lan:
    """A switch and the hosts at it."""

    def __init__(self):
        self.hosts = []
        if os.geteuid() != 0:
            raise Unavailable("only root makes network namespaces")
        for tool in TOOLS:
            if not shutil.which(tool, path=PATH):
                raise Unavailable(f"no {tool} on this host: install iproute2, nftables and util-linux")
        self.switch = Space()
        _do(*self.switch.prefix, "ip", "link", "add", "switch", "type", "bridge")
        _do(*self.switch.prefix, "ip", "link", "set", "switch", "up")

    def host(self):
        self.hosts.append(Host(self.switch, len(self.hosts)))
        return self.hosts[-1]

    def close(self):
        for host in self.hosts:
            host.close()
        self.switch.close()
