"""`floorguard legend`: the panel's legend as text, or as one page of HTML that prints well, in the site's language.

Of what is in force where a controller runs, else of the site file. It must not decide what a lamp says.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from config.legend_parts import Legend, Rhythm
from firmware_py.cli.codes import Code
from firmware_py.cli.legend_page import page
from firmware_py.cli.places import DEFAULT_SITE
from firmware_py.cli.spell import columns
from firmware_py.cli.wire import ask
from firmware_py.core.codec import decode
from firmware_py.report.fold import fold

CELLS, CELL_MS = 40, 100
_SHOWN_MS = CELLS * CELL_MS


def run(args: argparse.Namespace) -> int:
    """Print the legend."""
    legend, code = _find(args)
    if legend is None:
        return code
    if args.json:
        print(json.dumps(_as_json(legend), ensure_ascii=False))
        return Code.OK
    if args.html:
        print(page(legend, every=args.all))
        return Code.OK
    room = columns()
    for line in _lines(legend, every=args.all):
        indent = " " * (len(line) - len(line.lstrip()))
        print("\n".join(fold(line.lstrip(), room, indent, indent + "  ")))
    return Code.OK


def _find(args: argparse.Namespace) -> tuple[Legend | None, Code]:
    """Of the file that is named; else of what a running controller has in force, else of the usual file."""
    if not args.file and Path(args.socket).exists():
        answer, code = ask(args.socket, "legend", language=args.language)
        return (None, code) if answer is None else (decode(Legend, answer), code)
    from config.faults import ConfigError
    from firmware_py.cli.kept import find_gist

    file = Path(args.file or DEFAULT_SITE)
    if (gist := find_gist(file)) and args.language in ("", gist.legend.language):
        return gist.legend, Code.OK
    from config.legend import arrange
    from config.texts import load_texts
    from firmware_py.wiring.building import build_floor

    try:
        floor, _ = build_floor(file)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return None, Code.CHECK
    language = args.language or floor.site.site.language
    return arrange(floor, load_texts(language), language), Code.OK


def _lines(legend: Legend, *, every: bool) -> Iterator[str]:
    words = legend.words
    yield f"{legend.site}: {words['title']}"
    for name, scope, lamps in legend.panels:
        yield from ("", f"{words['panel']} {name} ({scope}). {words['rows']}:")
        for lamp in lamps:
            yield f"  {lamp.label} ({lamp.colour}): {lamp.speaks}"
    yield from ("", f"{words['rhythms']} ({_SHOWN_MS // 1000} {words['second']})")
    yield from (f"  {bar(rhythm)}  {rhythm.means}" for rhythm in legend.lamp_rhythms)
    if legend.sound_rhythms:
        yield from ("", words["sounder"])
        yield from (f"  {bar(rhythm)}  {rhythm.means}" for rhythm in legend.sound_rhythms)
    if legend.buttons:
        yield from ("", words["buttons"])
        yield from (f"  {name}: {what}" for name, what in legend.buttons)
    yield from ("", *legend.notes)
    if every:
        yield from ("", words["alarms"])
        for one in legend.alarms:
            yield from (f"  {one.id}", f"    {one.priority}. {one.text}")
            yield from (f"    {words['follows']}: {one.follows}", f"    {words['todo']}: {one.todo}")


def _as_json(legend: Legend) -> dict[str, object]:
    def rhythms(told: tuple[Rhythm, ...]) -> list[dict[str, object]]:
        return [{"steps_ms": list(one.steps), "means": one.means} for one in told]

    return {
        "v": 1, "site": legend.site, "language": legend.language,
        "panels": [
            {
                "name": name, "scope": scope,
                "lamps": [
                    {"row": lamp.row, "label": lamp.label, "speaks": lamp.speaks, "colour": lamp.colour}
                    for lamp in lamps
                ],
            }
            for name, scope, lamps in legend.panels
        ],
        "rhythms": rhythms(legend.lamp_rhythms), "sounds": rhythms(legend.sound_rhythms),
        "buttons": [{"name": name, "does": does} for name, does in legend.buttons],
        "notes": list(legend.notes),
        "alarms": [
            {
                "id": one.id, "row": one.row, "priority": one.priority, "text": one.text, "follows": one.follows,
                "todo": one.todo,
            }
            for one in legend.alarms
        ],
    }  # fmt: skip


def bar(rhythm: Rhythm) -> str:
    """Four seconds of a pattern, one character for each tenth of one: lit when it is on for most of that."""
    lit = []
    for cell in range(CELLS):
        on_ms = sum(_is_on(rhythm.steps, cell * CELL_MS + ms) for ms in range(0, CELL_MS, 10)) * 10
        lit.append("█" if 2 * on_ms >= CELL_MS else "·")
    return "".join(lit)


def _is_on(steps: tuple[int, ...], at_ms: int) -> bool:
    at_ms %= sum(steps)
    for number, step_ms in enumerate(steps):
        if at_ms < step_ms:
            return number % 2 == 0
        at_ms -= step_ms
    return False
