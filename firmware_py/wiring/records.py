"""The incident book as the control socket is asked about it, with the few facts of the site that a report needs.

Every question is answered in the storage thread, which the cycle never waits for. It must not judge any number.
"""

import re
from collections.abc import Mapping
from typing import cast

from config.model_site import Site
from firmware_py.core.command import CommandRefused
from firmware_py.ports import DeviceError
from firmware_py.runtime.board import Json
from firmware_py.runtime.book import Book
from firmware_py.runtime.ledger import summary
from firmware_py.runtime.lines import Document
from firmware_py.runtime.storage import Storage

_INCIDENT = r"\d{4}-\d{4,8}"
_MONTH = r"\d{4}-\d{2}"
LISTED, MOST = 50, 2_000


class Records:
    """`answer` is what `Control` calls for the verb `records`."""

    def __init__(self, storage: Storage, site: Site) -> None:
        self._storage = storage
        self._site = site_facts(site)

    def adopt(self, site: Site) -> None:
        """Another site file from now on."""
        self._site = site_facts(site)

    async def answer(self, request: Mapping[str, object]) -> Json:
        """`ask`: incident (with `about`: its id, "" for the newest), incidents (`about`: a month, a cause, a class,
        open or closed, several of them), or month (`about`: 2026-11)."""
        asked, about = str(request.get("ask"))[:20], str(request.get("about", ""))[:40]
        try:
            found = await self._storage.book(lambda book: look_up(book, asked, about))
        except DeviceError as error:
            raise CommandRefused(f"the book cannot be asked now ({error}); try again") from error
        return cast("Json", {"site": self._site, **found})


def look_up(book: Book, asked: str, about: str) -> Document:
    """The answer to one question. CommandRefused for what is not there."""
    match asked:
        case "incidents":
            return {"incidents": _list(book, about), "months": book.months()}
        case "incident":
            newest = book.incidents(limit=1)
            wanted = about or str(newest[0]["id"] if newest else "")
            found = book.incident(wanted) if re.fullmatch(_INCIDENT, wanted) else None
            if found is None:
                raise CommandRefused(
                    f"no incident {wanted}; `floorguard report incidents` lists them"
                    if wanted
                    else "the book has no incident yet; there is nothing to report"
                )
            return {"incident": found}
        case "month":
            if not re.fullmatch(_MONTH, about):
                raise CommandRefused("a month must be written like 2026-11")
            return {"month": summary(about, *book.month(about))}
        case _:
            raise CommandRefused(
                f"the book knows nothing called {asked!r}; use the floorguard command of the same release"
            )


def _list(book: Book, asked: str) -> list[Document]:
    """Newest first. Of a month all of it, else the newest."""
    words = asked.replace(",", " ").split()
    months = [word for word in words if re.fullmatch(_MONTH, word)]
    found = book.month(months[0])[0][::-1] if months else book.incidents(limit=MOST)
    for word in words:
        if word not in months:
            found = [one for one in found if word in (one.get("state"), one.get("cause"), one.get("class"))]
    return found if months else found[:LISTED]


def site_facts(site: Site) -> Document:
    """What stands at the head of a report."""
    place = site.site
    return {
        "id": place.id, "name": place.name, "language": place.language, "timezone": place.timezone,
        "endurance_ms": site.power.endurance_ms,
    }  # fmt: skip
