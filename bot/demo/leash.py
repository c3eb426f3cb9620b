"""Runs a Python program so that it ends when the process that started it ends, however that happens.

Run by its path: `python leash.py app.py …` or `python leash.py -m module …`. It imports nothing of this project, so
that the program on the leash finds an interpreter as it expects one.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>


def tie() -> None:
    """Ask the kernel to end us with our parent. Elsewhere than on Linux only an orderly end of the parent is felt."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel knew
        sys.exit(0)


def main(arguments: list[str]) -> None:
    """Become the program that is named; its own arguments follow it."""
    tie()
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path[0] = str(os.getcwd())  # noqa: PTH109  # pathlib costs more than all of this start
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))  # noqa: PTH100, PTH120  # as above
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
