"""Makes itself small and becomes another program: limits, no new rights, death with its parent, nothing inherited.

Started by `hook` as a file of its own, so that the limits hold before the first byte of the other program runs. It must
import nothing of ours.
"""

import ctypes
import os
import resource
import signal
import sys

CPU_S = 60
MEMORY_BYTES = 256 * 1024 * 1024
FILE_BYTES = 1024 * 1024
OPEN_FILES = 64
_PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h
_PR_SET_NO_NEW_PRIVS = 38
PATH = "/usr/local/bin:/usr/bin:/bin"


def main(arguments: list[str]) -> int:
    """Confine this process and run the program; comes back only when it cannot be run."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for option, value in ((_PR_SET_NO_NEW_PRIVS, 1), (_PR_SET_PDEATHSIG, signal.SIGKILL)):
        if prctl(option, ctypes.c_ulong(value), 0, 0, 0):
            print(f"prctl {option}: {os.strerror(ctypes.get_errno())}", file=sys.stderr)  # noqa: T201 - to the hook
            return 126
    for kind, most in (
        (resource.RLIMIT_CPU, CPU_S), (resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES), (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        resource.setrlimit(kind, (most, most))
    os.umask(0o077)
    try:
        os.execve(arguments[0], arguments, {"PATH": PATH, "LANG": "C.UTF-8"})  # noqa: S606 - without a shell on purpose
    except OSError as error:
        print(f"{arguments[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - the hook reads it
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
