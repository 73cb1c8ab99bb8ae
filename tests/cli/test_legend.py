"""The legend: every lamp, rhythm and button of the site, in both languages, as text and as a page in a browser."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from config.legend_parts import Rhythm
from firmware_py.cli import main
from firmware_py.cli.legend import bar
from firmware_py.cli.legend_page import lit
from firmware_py.core.output import PATTERN_STEPS, Pattern
from tests.config.test_alarms import SERVICE
from tests.conftest import require_program

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "sites" / "example.toml"
# Put into the page by the test alone: what sticks out of the page or of its own box, or lies on something else.
JUDGE = """<script>
const bad = [], wide = document.documentElement.clientWidth;
const boxes = [...document.querySelectorAll('h1,h2,p,td,.notes')];
for (const box of boxes) {
  const r = box.getBoundingClientRect();
  if (r.right > wide + 0.5 || r.left < -0.5) bad.push('outside: ' + box.textContent.slice(0, 40));
  if (box.scrollWidth > box.clientWidth + 1 && box.clientWidth) bad.push('clipped: ' + box.textContent.slice(0, 40));
}
const cells = [...document.querySelectorAll('td,h1,h2,.notes')].map(b => [b, b.getBoundingClientRect()]);
for (let i = 0; i < cells.length; i++) for (let j = i + 1; j < cells.length; j++) {
  const [a, p] = cells[i], [b, q] = cells[j];
  const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
  if (across > 1 && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 1)
    bad.push('overlap: ' + a.textContent.slice(0, 20) + ' / ' + b.textContent.slice(0, 20));
}
document.body.setAttribute('data-seen', boxes.length);
document.body.setAttribute('data-bad', bad.join('; '));
</script>"""


def legend(capsys: pytest.CaptureFixture[str], *more: str, site: Path = EXAMPLE) -> str:
    assert main(["legend", str(site), *more]) == 0
    return capsys.readouterr().out


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """The example with everything that a panel can have."""
    site = tmp_path / "full.toml"
    site.write_text(EXAMPLE.read_text(encoding="utf-8") + SERVICE, encoding="utf-8")
    return site


def test_the_text_names_lamps_rhythms_sounds_and_buttons(capsys: pytest.CaptureFixture[str], full: Path) -> None:
    text = legend(capsys, site=full)
    assert "SERVICE: this is a drill" in text and "CONTROLLER: this is a drill" not in text
    bare = legend(capsys)
    assert "CONTROLLER: this is a drill" in bare and "SERVICE" not in bare
    rows = ["POWER", "PHONES", "COOLING", "FIRE", "LINK", "CONTROLLER", "SERVICE"]
    assert [line.split()[0] for line in text.splitlines() if re.match(r"  [A-Z]+ \(", line)] == rows
    assert "███" in text and "every 15 s" in text and "ACK: acknowledge" in text
    assert "not a fire alarm system" in text and "car park B" in text
    assert "ups1.on_battery" not in text
    every = legend(capsys, "--all")
    assert "ups1.on_battery\n    HIGH: act at once. ups1: mains lost" in every
    assert every.count("    If nobody acts: ") == every.count("    Do: ") > 30


def test_it_speaks_the_other_language_too(capsys: pytest.CaptureFixture[str]) -> None:
    text = legend(capsys, "--language", "zh", "--all")
    assert "指示灯说明" in text and "市电中断" in text
    assert not re.search(r"acknowledge|act at once", text)


def test_a_faulty_site_has_no_legend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "site.toml").write_text("[site]\n")
    assert main(["legend", str(tmp_path / "site.toml")]) == 3
    assert "site.id: is missing" in capsys.readouterr().err


def test_a_rhythm_is_drawn_as_it_runs() -> None:
    assert bar(Rhythm(steps=PATTERN_STEPS[Pattern.SLOW], means="")) == ("█" * 10 + "·" * 10) * 2
    assert list(lit((1000, 0))) == [(0, 1000), (1000, 2000), (2000, 3000), (3000, 4000)]
    assert list(lit((200, 59_800))) == [(0, 200)]
    for pattern, steps in PATTERN_STEPS.items():
        on_ms = sum(until - begin for begin, until in lit(steps))
        assert on_ms > 0 and "█" in bar(Rhythm(steps=steps, means=pattern)), pattern


def test_the_page_needs_nothing_from_outside(capsys: pytest.CaptureFixture[str]) -> None:
    html = legend(capsys, "--html")
    assert "<script" not in html and "http" not in html and "@import" not in html
    assert html.startswith("<!doctype html>") and html.rstrip().endswith("</html>")


@pytest.mark.acceptance
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [820, 390], ids=["a sheet", "a telephone"])
def test_a_browser_shows_it_without_overlap_or_clipping(
    language: str, width: int, tmp_path: Path, full: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chromium = require_program("chromium")
    page = tmp_path / "legend.html"
    shown = legend(capsys, "--html", "--all", "--language", language, site=full)
    page.write_text(shown.replace("</body>", f"{JUDGE}</body>"))
    seen = subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile",
            f"--window-size={width},1160", "--virtual-time-budget=1000", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    judged = re.search(r'data-seen="(\d+)" data-bad="([^"]*)"', seen)
    assert judged is not None, seen[-2000:]
    assert int(judged[1]) > 100
    assert judged[2] == ""


@pytest.mark.acceptance
@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_paper_the_legend_is_one_sheet(
    language: str, tmp_path: Path, full: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chromium = require_program("chromium")
    page, paper = tmp_path / "legend.html", tmp_path / "legend.pdf"
    page.write_text(legend(capsys, "--html", "--language", language, site=full))
    subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile",
            "--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri(),
        ],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    assert len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes())) == 1
