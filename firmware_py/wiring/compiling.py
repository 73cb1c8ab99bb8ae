"""The room where configurations are checked: a process of its own, so that a controller never grows by the checking.

`python -m firmware_py.wiring.compiling WORK` reads its task from stdin and writes the outcome to stdout, both as
`compiled.dump` has them. It opens nothing but files, knows no secret, and ends with its work.
"""

import sys
from contextlib import suppress
from pathlib import Path

from config.faults import ConfigError
from config.model_site import Site
from firmware_py.wiring.building import build_floor
from firmware_py.wiring.compiled import dump, label, load, wrap
from firmware_py.wiring.judging import judge


def build(path: Path) -> bytes:
    """A site file in compiled form, wrapped. ConfigError with all faults."""
    told = label(path)  # before it is read for good: what changes meanwhile is another text
    return wrap(told, dump(build_floor(path)))


def work(task: object) -> tuple[str, object]:
    """The outcome of one task: `("built", bytes)`, `("judged", document)` or `("faults", faults)`."""
    try:
        match task:
            case ("build", str(path)):
                return "built", build(Path(path))
            case ("judge", dict(files), Site() | dict() as before):
                return "judged", judge(files, before)
            case _:
                raise ValueError("no such work")
    except ConfigError as error:
        return "faults", error.faults


def main() -> int:
    """One task from stdin, its outcome to stdout."""
    with suppress(OSError):  # should memory run out, it is this process that has to go, not the controller
        Path("/proc/self/oom_score_adj").write_text("1000")
    outcome = work(load(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(dump(outcome))
    return 0


if __name__ == "__main__":
    sys.exit(main())
