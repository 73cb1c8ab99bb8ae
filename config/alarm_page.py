"""What to do about each alarm, as a page for the folder beside the lamps: one file per language, made from the texts.

`python -m config.alarm_page zh` prints docs/alarms.zh.md; a test compares the two. It must not know a site.
"""

import sys

from config.texts import load_texts


def alarm_page(language: str) -> str:
    """The whole page."""
    texts = load_texts(language)
    report = texts.report
    lines = [
        f"# {report['head.advice']}",
        "",
        f"`python -m config.alarm_page {language}`; `floorguard legend --all`: {texts.legend['alarms']}.",
        "",
        f"| {report['col.alarm']} | {report['col.follows']} | {report['col.todo']} |",
        "|---|---|---|",
    ]
    for name, sentence in texts.alarm.items():
        said = sentence.replace("{instance}", f"({texts.legend['device']})")
        lines.append(f"| {said} | {texts.consequence[name]} | {texts.action[name]} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(alarm_page(sys.argv[1] if len(sys.argv) > 1 else "en"))
