"""The words of a report in one language, and numbers and times as people read them.

Knows no report. Times come as text of the journal and leave as local time of the site.
"""

from collections.abc import Callable, Mapping

from config.texts import Texts
from config.valued import dataclass
from firmware_py.core.calendar import seconds_of

Doc = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """`local`: seconds since 1970 to `2026-11-26 08:03:11` at the site."""

    texts: Texts
    local: Callable[[int], str]

    def __call__(self, key: str, **filled: object) -> str:
        """A word or sentence of the reports, its {places} filled in; the key itself where there is none."""
        said = self.texts.report.get(key, key)
        for name, value in filled.items():
            said = said.replace(f"{{{name}}}", str(value))
        return said

    def alarm(self, doc: Doc) -> str:
        """An activation's sentence."""
        return self.texts.alarm_text(str(doc.get("alarm")), str(doc.get("text") or doc.get("alarm")))

    def cause(self, name: object) -> str:
        """A cause as people call it."""
        return self.texts.cause.get(str(name), str(name))

    def mode(self, name: object) -> str:
        """A mode as people call it."""
        return self.texts.mode.get(str(name), str(name))

    def item(self, name: str) -> str:
        """What an item of a checklist asks for."""
        return self.texts.checklist.get(name, name)

    def event(self, record: Doc) -> str:
        """One line of a timeline."""
        kind, data = str(record.get("type")), data_of(record)
        if kind.startswith("alarm."):
            return f"{self('said.' + kind)}: {self.alarm(data)}"
        said = self.texts.report.get(f"said.{kind}", "")
        shown = {
            **{name: _shown(value) for name, value in data.items()},
            "cause": self.cause(data.get("cause")),
            "from": self.mode(data.get("from")), "to": self.mode(data.get("to")),
            "item": self.item(str(data.get("item"))), "age": self.span(data.get("age_ms")),
            "value": self(f"value.{str(data.get('value')).lower()}"), "name": self.list_name(str(data.get("list"))),
        }  # fmt: skip
        for name, value in shown.items():
            said = said.replace(f"{{{name}}}", value)
        return said or " ".join([kind, *(f"{name}={_shown(value)}" for name, value in list(data.items())[:4] if value)])

    def list_name(self, name: str) -> str:
        """A checklist as people call it."""
        return self.texts.report.get(f"list.{name}", name)

    def when(self, ts: object) -> str:
        """Local time of a record's stamp, a dash where there is none."""
        at_s = seconds(ts)
        return "-" if at_s is None else self.local(at_s)

    def span(self, ms: object) -> str:
        """A duration: `1 h 05 min`, `45 s`."""
        if not isinstance(ms, int | float) or isinstance(ms, bool):
            return "-"
        total_s = int(ms) // 1000
        minutes, hours = total_s // 60, total_s // 3600
        if total_s < 120:
            return self("span.s", s=total_s)
        if hours < 2:
            return self("span.min", min=minutes)
        return self("span.h", h=hours, min=f"{minutes % 60:02d}")


def seconds(ts: object) -> int | None:
    """Seconds since 1970 of a record's stamp (`2026-11-26T08:03:11.250Z`), None for anything else."""
    text = str(ts)
    try:
        return seconds_of(text[:16] + "Z") + int(text[17:19])
    except ValueError:
        return None


def data_of(record: Doc) -> Doc:
    """A record's data, empty where there is none."""
    data = record.get("data")
    return data if isinstance(data, Mapping) else {}


def docs(value: object) -> list[Doc]:
    """The objects in a list, whatever else it holds."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def strings(value: object) -> list[str]:
    """The texts in a list."""
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def number(value: object) -> float:
    """A number, 0 where there is none."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _shown(value: object) -> str:
    return ", ".join(strings(value)) if isinstance(value, list | tuple) else str(value)
