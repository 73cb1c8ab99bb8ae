"""`floorguard report`: an incident, several, the shift, open defects or a month, as text, Markdown, JSON or HTML.

Asks the control socket; `--book` reads a copy of the book instead, without a daemon. Must not judge any number.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.texts import load_texts
from firmware_py.cli.codes import Code
from firmware_py.cli.spell import columns
from firmware_py.cli.wire import ask
from firmware_py.core.command import CommandRefused
from firmware_py.report.incident import incident_page
from firmware_py.report.month import incidents_page, month_page
from firmware_py.report.page import Page
from firmware_py.report.render_html import as_html
from firmware_py.report.render_text import as_markdown, as_text
from firmware_py.report.shift import defects_page, shift_page
from firmware_py.report.words import Words

Doc = Mapping[str, Any]
_RENDERED: Mapping[str, Callable[[Page], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "html": as_html,
    "json": lambda page: json.dumps({"v": 1, **page.data}, ensure_ascii=False) + "\n",
}
_NO_SITE = {"id": "-", "name": "-", "language": "en", "timezone": "UTC", "endurance_ms": 14_400_000}


class _NothingToReport(Exception):
    """The reason was printed already."""

    def __init__(self, code: Code) -> None:
        super().__init__()
        self.code = code


def run(args: argparse.Namespace) -> int:
    """Make the report and print it, or write it to a file."""
    try:
        page = _page(args, datetime.now(tz=UTC))
    except _NothingToReport as nothing:
        return nothing.code
    except CommandRefused as error:
        print(f"floorguard: {error}", file=sys.stderr)
        return Code.FAILED
    if args.format == "text" and not args.json and not args.output:
        sys.stdout.write(as_text(page, columns()))
        return Code.OK
    said = _RENDERED["json" if args.json else args.format](page)
    if not args.output:
        sys.stdout.write(said)
        return Code.OK
    try:
        Path(args.output).write_text(said, encoding="utf-8")
    except OSError as error:
        print(f"floorguard: {args.output}: {error.strerror}; name a file where you may write", file=sys.stderr)
        return Code.FAILED
    return Code.OK


def _page(args: argparse.Namespace, now: datetime) -> Page:
    match args.kind:
        case "incident":
            found = _records(args, "incident", args.about)
            return incident_page(found["incident"], found["site"], _words(args, found["site"]))
        case "month":
            found = _records(args, "month", args.about or f"{now:%Y-%m}")
            return month_page(found["month"], found["site"], _words(args, found["site"]), int(now.timestamp()))
        case "incidents":
            found = _records(args, "incidents", args.about)
            return incidents_page(found["incidents"], args.about, found["site"], _words(args, found["site"]))
        case _:
            picture = _picture(args)
            found = _records(args, "month", f"{now:%Y-%m}")
            words = _words(args, found["site"])
            if args.kind == "shift":
                return shift_page(picture, found["month"], found["site"], words)
            earlier = _records(args, "month", _month_before(now))
            return defects_page(picture, [found["month"], earlier["month"]], found["site"], words)


def _records(args: argparse.Namespace, asked: str, about: str) -> Doc:
    if args.book:
        # The book's files are read by what the daemon writes them with; a daemon that writes them is never disturbed.
        from firmware_py.runtime.book import Book
        from firmware_py.runtime.disk import ReadOnlyDisk
        from firmware_py.wiring.records import look_up

        book = Book(ReadOnlyDisk(), Path(args.book))
        if not book.open():
            raise CommandRefused(f"{args.book}: {book.degraded}")
        return {"site": _NO_SITE, **look_up(book, asked, about)}
    answer, code = ask(args.socket, "records", ask=asked, about=about)
    if not isinstance(answer, dict):
        raise _NothingToReport(code)
    return answer


def _picture(args: argparse.Namespace) -> Doc:
    if args.book:
        raise CommandRefused("what is open now is known to the running controller only: leave --book out")
    answer, code = ask(args.socket, "status")
    if not isinstance(answer, dict):
        raise _NothingToReport(code)
    return answer


def _words(args: argparse.Namespace, site: Doc) -> Words:
    zone = _zone(str(site["timezone"]))

    def local(seconds: int) -> str:
        return f"{datetime.fromtimestamp(seconds, tz=zone):%Y-%m-%d %H:%M:%S}"

    return Words(texts=load_texts(args.language or str(site["language"])), local=local)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        print(f"floorguard: this machine knows no time zone {name}; times are UTC", file=sys.stderr)
        return UTC


def _month_before(now: datetime) -> str:
    year, month = (now.year, now.month - 1) if now.month > 1 else (now.year - 1, 12)
    return f"{year:04d}-{month:02d}"
