"""Text that people read, by key, in the language of the site: one TOML file per language beside this module.

Shipped with the code and checked by its tests, so that a report loads no schema. Must not know who shows it.
"""

from collections.abc import Mapping
from pathlib import Path

from config.valued import dataclass

LANGUAGES = ("en", "zh")
_FOLDER = Path(__file__).resolve().parent / "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """One language; each table is a file's, and a file without one, or with one more, is a fault of ours.

    `{instance}` in an alarm's text is the device, zone, trunk or room it speaks of; `consequence` and `action` have the
    same keys: what follows if nobody acts, and what to do (ISA-18.2's rationalisation).
    """

    alarm: Mapping[str, str]
    consequence: Mapping[str, str]
    action: Mapping[str, str]
    mode: Mapping[str, str]
    row: Mapping[str, str]
    checklist: Mapping[str, str]
    priority: Mapping[str, str]
    pattern: Mapping[str, str]
    meaning: Mapping[str, str]
    colour: Mapping[str, str]
    legend: Mapping[str, str]
    call_in: Mapping[str, str]
    cause: Mapping[str, str]
    notice: Mapping[str, str]
    report: Mapping[str, str]

    def alarm_text(self, alarm: str, key: str) -> str:
        """The sentence for an alarm id and its text key (`alarm.on_battery`); the key itself where none is known."""
        sentence = self.alarm.get(key.removeprefix("alarm."), key)
        instance = alarm.rpartition(".")[0] or alarm
        return sentence.replace("{instance}", instance.removeprefix("trunks."))

    def advice(self, key: str) -> tuple[str, str]:
        """What follows if nobody acts on an alarm of this text key, and what to do; empty where none is known."""
        name = key.removeprefix("alarm.")
        return self.consequence.get(name, ""), self.action.get(name, "")


def load_texts(language: str) -> Texts:
    """The texts of one language (`en`, `zh`)."""
    import tomllib

    return Texts(**tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8")))
