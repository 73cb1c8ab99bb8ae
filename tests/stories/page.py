"""Plays every story of the procedures and writes docs/procedures.md: row, story, result. Run it after a change of them.

`python -m tests.stories.page` ends with 1 when a row does not hold.
"""

import subprocess
import sys

from tests.conftest import PROJECT
from tests.stories.rows import Row, play, read_rows

PAGE = PROJECT / "docs" / "procedures.md"
_FILES = {"1": "1-power", "2": "2-phones", "3": "3-cooling", "4": "4-fire", "5": "5-systems", "6": "6-records"}


def head() -> str:
    """What stands above the table."""
    return (
        "# The procedures of the emergency plans, and whether they hold\n\n"
        "Written by `python -m tests.stories.page`, which plays each story on the example floor and writes down what\n"
        "came of it. A story is a text that reads like the plan: times, what happens, what must follow. Rows that are\n"
        "open say why.\n\n"
    )


def result(row: Row) -> str:
    """Plays a row."""
    if row.open_because:
        return f"open: {row.open_because}"
    if row.elsewhere:
        story = ["-m", "pytest", "-q", "-p", "no:cacheprovider", row.elsewhere.replace(" ", "::")]
        played = subprocess.run([sys.executable, *story], cwd=PROJECT, capture_output=True, text=True, check=False)
        return "holds" if played.returncode == 0 else f"DOES NOT HOLD: {played.stdout.splitlines()[-1]}"
    try:
        play(row)
    except AssertionError as error:
        return f"DOES NOT HOLD: {str(error).splitlines()[0]}"
    return "holds"


def main() -> int:
    """Play, write, say how many hold."""
    lines, broken = [head()], 0
    section = ""
    for row in read_rows():
        if row.section != section:
            section = row.section
            gap = "\n" if len(lines) > 1 else ""
            lines.append(f"{gap}## {section}\n\n| row | the plans say | story | result |\n|---|---|---|---|\n")
        came = result(row)
        broken += came.startswith("DOES NOT")
        file = f"tests/stories/procedures/{_FILES[row.number[0]]}.txt"
        story = row.elsewhere.replace(" ", ": ") if row.elsewhere else "" if row.open_because else file
        lines.append(f"| {row.number} | {row.says} | {story} | {came} |\n")
        print(row.number, came)  # noqa: T201 - a command for the terminal
    PAGE.write_text("".join(lines), encoding="utf-8")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
