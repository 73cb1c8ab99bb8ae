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
from firmware_py.runtime.ledger import summary
from tests.conftest import require_program
from tests.report.told import SITE, book_of, incident_of, outage, words

pytestmark = pytest.mark.proof

# Boxes of all drawn texts that lie over one another or outside the drawing, cells whose content is clipped, and whether
# the page can be pushed sideways; looked at on a screen and on paper of A4's width.
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
document.body.setAttribute('data-found',JSON.stringify({texts:boxes.length,over,clipped,
 wide:document.documentElement.scrollWidth-document.documentElement.clientWidth}));}</script>"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    book = book_of(outage(), tmp_path_factory.mktemp("book"))
    ledger: Any = summary("2026-11", *book.month("2026-11"))
    found = incident_of(book, "2026-0001")
    told = {f"incident-{language}": incident_page(found, SITE, words(language)) for language in ("en", "zh")}
    return told | {f"month-{one}": month_page(ledger, SITE, words(one), 1_795_900_000) for one in ("en", "zh")}


@pytest.mark.parametrize("width", [700, 1040])
@pytest.mark.parametrize("name", ["incident-en", "incident-zh", "month-en", "month-zh"])
def test_every_text_has_room_of_its_own(pages: dict[str, Page], name: str, width: int, tmp_path: Path) -> None:
    chromium = require_program("chromium")
    path = tmp_path / "page.html"
    path.write_text(as_html(pages[name]).replace("</body>", LOOK + "</body>"), encoding="utf-8")
    said = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},1400",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    match = re.search(r'data-found="([^"]*)"', said)
    assert match is not None
    found = json.loads(match[1].replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert (found["over"], found["clipped"], found["wide"]) == ([], [], 0)
    assert found["texts"] > (20 if "incident" in name else -1)
