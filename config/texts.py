"""Text that people read, by key, in the language of the site: one TOML file per language beside this module.

Must not know who shows it.
"""

from collections.abc import Mapping
from pathlib import Path

from config.strict import Model, check, read

_FOLDER = Path(__file__).resolve().parent / "text"


class Texts(Model):
    """One language. `{instance}` in an alarm's text is the device, zone, trunk or room it speaks of; `consequence` and
    `action` have the same keys: what follows if nobody acts, and what to do (ISA-18.2's rationalisation)."""

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
    return check(read(_FOLDER / f"{language}.toml"), Texts)
