"""What technicians type at a shell: one module per verb, loaded only when it is asked for.

Talks to a running daemon through its control socket only; never touches a device itself.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

from firmware_py.cli.codes import Code
from firmware_py.cli.verbs import build_parser


def main(words: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code (`cli.codes`)."""
    parser = build_parser()
    args = parser.parse_args(words)
    if args.module is None:
        parser.print_help()
        return Code.USAGE
    try:
        code = import_module(args.module).run(args)
    except BrokenPipeError:
        # `floorguard status | head`: whoever reads has seen enough.
        sys.stderr.close()
        return Code.OK
    assert isinstance(code, int)
    return code
