"""The pages in a real browser: every text has room, none lies over another, nothing is wider than the paper."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from firmware_py.report.incident import incident_page
from firmware_py.report.month import month_page
from firmware_py.report.page import Page
from firmware_py.report.render_html import as_html
from firmware_py.report.shift import defects_page, shift_page
from firmware_py.runtime.ledger import summary
from tests.conftest import require_program
from tests.report.told import SITE, book_of, incident_of, outage, words

pytestmark = pytest.mark.proof

# Boxes of all drawn texts that lie over one another or outside the drawing, cells whose content is clipped, words that
# are broken in two, and whether the page can be pushed sideways; looked at on a screen and on paper of A4's width.
LOOK = """<script>window.onload=()=>{
const boxes=[...document.querySelectorAll('svg text')].map(t=>({t:t.textContent,r:t.getBoundingClientRect()}));
const paper=document.querySelector('svg')?.getBoundingClientRect();
const over=[];
for(let i=0;i<boxes.length;i++){const a=boxes[i].r;
 if(a.left<paper.left-1||a.right>paper.right+1||a.bottom>paper.bottom+1)over.push(['outside',boxes[i].t]);
 for(let j=i+1;j<boxes.length;j++){const b=boxes[j].r;
  if(a.left<b.right-1&&b.left<a.right-1&&a.top<b.bottom-4&&b.top<a.bottom-4)over.push([boxes[i].t,boxes[j].t]);}}
const cells=[...document.querySelectorAll("td,th,dd,dt,h1,h2,p")];
const clipped=cells.filter(e=>e.scrollWidth>e.clientWidth+1&&e.clientWidth)
 .map(e=>e.textContent);
const broken=[],walk=document.createTreeWalker(document.body,NodeFilter.SHOW_TEXT);
while(walk.nextNode()){const n=walk.currentNode;
 if(!n.parentElement.closest('td,th,dt,h1,h2')||n.parentElement.closest('svg,.w'))continue;
 for(const m of n.textContent.matchAll(/[A-Za-z0-9]{2,24}/g)){const r=document.createRange();
  r.setStart(n,m.index);r.setEnd(n,m.index+m[0].length);
  if(new Set([...r.getClientRects()].map(b=>Math.round(b.top))).size>1)broken.push(m[0]);}}
document.body.setAttribute('data-found',JSON.stringify({texts:boxes.length,over,clipped,broken,
 wide:document.documentElement.scrollWidth-document.documentElement.clientWidth}));}</script>"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    book = book_of(outage(), tmp_path_factory.mktemp("book"))
    ledger: Any = summary("2026-11", *book.month("2026-11"))
    found = incident_of(book, "2026-0001")
    picture = open_matters()
    told = {}
    for language in ("en", "zh"):
        said = words(language)
        told[f"incident-{language}"] = incident_page({**found, "state": "open"}, SITE, said)
        told[f"month-{language}"] = month_page(ledger, SITE, said, 1_795_900_000)
        told[f"shift-{language}"] = shift_page(picture, ledger, SITE, said)
        told[f"defects-{language}"] = defects_page(picture, [ledger], SITE, said)
    return told


def open_matters() -> dict[str, Any]:
    """What the daemon shows of a floor where much is open."""
    texts = {
        "ups1.unreachable": "ups_unreachable", "hvac1.failed": "hvac_failed", "trunks.main.down": "trunk_down",
        "fire1.zone2.disabled": "fire_disabled", "a_rather.long_name.of_a.room_that.has_no_end.hot": "room_hot",
    }  # fmt: skip
    kinds = ("alarm", "shelved", "out_of_service", "alarm", "alarm")
    matters: list[dict[str, str]] = [
        {"id": f"{kind}:{name}", "kind": kind, "about": name, "by": "wang", "why": "painters in the corridor"}
        for kind, name in zip(kinds, texts, strict=True)
    ]
    matters.append({"id": "item:power.recovery.systems", "kind": "item", "about": "power.recovery.systems"})
    return {
        "mode": "normal", "matters": matters, "handover": {"by": "li", "left": ["x"], "taken": []},
        "alarms": {name: {"text": f"alarm.{text}", "elapsed_ms": 100_000_000} for name, text in texts.items()},
        "lists": {"power.recovery": {"elapsed_ms": 100_000_000}},
    }  # fmt: skip


@pytest.mark.parametrize("width", [700, 1040])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", ["incident", "month", "shift", "defects"])
def test_every_text_has_room_of_its_own(
    pages: dict[str, Page], kind: str, language: str, width: int, tmp_path: Path
) -> None:
    chromium = require_program("chromium")
    path = tmp_path / "page.html"
    path.write_text(as_html(pages[f"{kind}-{language}"]).replace("</body>", LOOK + "</body>"), encoding="utf-8")
    said = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},1400",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    match = re.search(r'data-found="([^"]*)"', said)
    assert match is not None
    found = json.loads(match[1].replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert (found["over"], found["clipped"], found["broken"], found["wide"]) == ([], [], [], 0)
    assert kind != "incident" or found["texts"] > 20  # only its picture has texts that could lie on each other
