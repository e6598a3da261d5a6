"""Where the tests of one checkout play: side by side, or one of them alone.

Every test is on the stage while it runs (conftest.py). One that needs the host for itself asks for the stage: no test begins any more, those
that run end, it plays alone, and the others go on. Two locks of files that are there anyway: `STAGE` is shared by all that play, `DOOR` is
gone through by all that begin, and held by whoever wants to be alone, so that no beginner goes before. A lock ends with its process.
"""
import contextlib
import fcntl
import os
import pathlib

STAGE = pathlib.Path(__file__)
DOOR = STAGE.parent

_held = None  # of this process: the descriptor by which it is on the stage


@contextlib.contextmanager
def _locked(path, how):
    there = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(there, how)
        yield there
    finally:
        fcntl.flock(there, fcntl.LOCK_UN)  # also where a child has the descriptor, too
        os.close(there)


@contextlib.contextmanager
def beside_others():
    """For the time of one test."""
    global _held
    with contextlib.ExitStack() as stack:
        with _locked(DOOR, fcntl.LOCK_SH):
            _held = stack.enter_context(_locked(STAGE, fcntl.LOCK_SH))
        try:
            yield
        finally:
            _held = None


@contextlib.contextmanager
def alone():
    """For a part of a test that is on the stage: it leaves it meanwhile, so two that ask have it one after the other."""
    fcntl.flock(_held, fcntl.LOCK_UN)
    with _locked(DOOR, fcntl.LOCK_EX):
        fcntl.flock(_held, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(_held, fcntl.LOCK_SH)
