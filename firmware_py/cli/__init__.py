"""What technicians type at a shell: one module per verb, loaded only when it is asked for.

Talks to a running daemon through its control socket only; never touches a device itself.
"""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module

from firmware_py.cli.codes import Code
from firmware_py.cli.places import DEFAULT_SITE

_LONG = frozenset({f"firmware_py.cli.{verb}" for verb in ("watch", "demo")})  # `run` collects from its first cycle on


def main(words: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code (`cli.codes`)."""
    given = sys.argv[1:] if words is None else words
    from firmware_py.cli.verbs import build_parser

    parser = build_parser(given[0] if given else "")
    args = parser.parse_args(given)
    if args.module is None:
        parser.print_help()
        return Code.USAGE
    gc.disable()  # most verbs are over before a collection would pay
    try:
        module = import_module(args.module)
        if args.module in _LONG:
            gc.enable()
        code = module.run(args)
    except BrokenPipeError:
        # `floorguard status | head`: whoever reads has seen enough.
        sys.stderr.close()
        return Code.OK
    finally:
        gc.enable()
    assert isinstance(code, int)
    return code


def _guard(words: Sequence[str]) -> int | None:
    """What systemd starts, `run` alone or with its file, without the words of the command line being made (13 ms)."""
    match words:
        case ["run"]:
            path = DEFAULT_SITE
        case ["run", "--config", path] if not path.startswith("-"):
            pass
        case _:
            return None
    gc.disable()  # `run` collects from its first cycle on
    from config.plain_start import prepare

    prepare()
    from firmware_py.cli.run import guard_site

    return int(guard_site(path))


def command() -> int:
    """The same for a process of its own, which is over then: nothing is to be collected any more."""
    code = _guard(sys.argv[1:])
    if code is None:
        code = main()
    gc.freeze()
    return code
