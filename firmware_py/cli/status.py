"""`floorguard status`: the floor on one screen as the daemon sees it, or everything with --all.

Reads the control socket. With --exit-code it ends with 7 while an alarm is not acknowledged. It must not decide what
any of it means.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from firmware_py.cli.codes import Code
from firmware_py.cli.screen import Look, draw
from firmware_py.cli.spell import age, value
from firmware_py.cli.wire import ask


def run(args: argparse.Namespace) -> int:
    """Print one picture."""
    answer, code = ask(args.socket, "status")
    if not isinstance(answer, dict):
        return code
    if args.exit_code and any(not one["acked"] for one in answer.get("alarms", {}).values()):
        code = Code.UNACKED
    if args.json:
        print(json.dumps({"v": 1, **answer}, ensure_ascii=False))
        return code
    more = (*advice(answer), *points(answer)) if args.all else ()
    for line in (*draw(answer, look_of(whole=args.all)), *more):
        print(line.rstrip())
    return code


def look_of(*, whole: bool = False, width: int = 80, height: int = 24) -> Look:
    """How this terminal wants it: no colour without a terminal or with NO_COLOR, no dots where there is no UTF-8."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    letters = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return Look(whole=whole, colour=colour, letters=letters, width=width, height=height)


def advice(seen: Mapping[str, Any]) -> Iterator[str]:
    """What each alarm means, what follows and what to do, in the language of the site."""
    alarms = seen.get("alarms", {})
    if not alarms:
        return
    from config.texts import load_texts

    texts = load_texts(str(seen.get("language", "en")))
    yield from ("", texts.report["head.advice"].upper())
    for name, one in alarms.items():
        follows, todo = texts.advice(one["text"])
        yield f"  {texts.alarm_text(name, one['text'])}"
        yield from (f"    {texts.legend['follows']}: {follows}", f"    {texts.legend['todo']}: {todo}")


def points(seen: Mapping[str, Any]) -> Iterator[str]:
    """Every point with its age and quality."""
    yield ""
    yield "POINTS"
    for name, point in seen.get("points", {}).items():
        doubt = "" if point["quality"] == "good" else f"{point['quality'].upper()} {point['reason']} {point['detail']}"
        shown = f"{value(point['value'])} {point['unit']}".strip()
        yield f"  {name:<32} {shown:>16} {age(point['age_ms']):>6}  {doubt}"[:79]
