"""What people have to do, item by item: a list opens with a cause or after it, and stays until each item is ticked.

What was left open when a list opens anew is carried over. This module must not know what stands on a list; its items
are keys into the language file.
"""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

from config.valued import dataclass, replace
from firmware_py.core.command import CommandRefused
from firmware_py.core.condition import ConditionState
from firmware_py.core.event import Event, Severity
from firmware_py.core.incident import Fact, IncidentState
from firmware_py.core.mode import CausePhase, CauseState

TARGET = "checklist"  # what `ack` names to tick all that is open, and the flag beside the mode


class Opens(StrEnum):
    """What opens a list."""

    CAUSE_BEGINS = "cause_begins"
    CAUSE_ENDS = "cause_ends"
    CONDITION_BEGINS = "condition_begins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """Declared once; `of` names the cause or condition that opens it, `items` are keys into the language file."""

    id: str
    opens: Opens
    of: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Who has done what."""

    item: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListState:
    """An open list, of the latest incident that opened it. `carried`: items that were open from an earlier one."""

    incident: str = ""
    elapsed_ms: int = 0
    ticks: tuple[Tick, ...] = ()
    carried: tuple[str, ...] = ()

    def left(self, items: tuple[str, ...]) -> tuple[str, ...]:
        """What nobody has ticked yet."""
        done = {tick.item for tick in self.ticks}
        return tuple(item for item in items if item not in done)


Lists = Mapping[str, ListState]
Declared = Mapping[str, Checklist]


def tick(declared: Declared, lists: Lists, target: str, by: str) -> Lists:
    """Tick the item `list.item`, or all that is open (TARGET). CommandRefused says what is wrong."""
    if target == TARGET:
        if not lists:
            raise CommandRefused("no checklist is open")
        chosen = {name: one.left(declared[name].items) for name, one in lists.items()}
    else:
        name, _, item = target.rpartition(".")
        if name not in lists:
            raise CommandRefused(f"no checklist '{name}' is open; `handover` lists what is")
        if item not in declared[name].items:
            raise CommandRefused(f"'{name}' has no item '{item}', but: {', '.join(declared[name].items)}")
        who = [one.by for one in lists[name].ticks if one.item == item]
        if who:
            raise CommandRefused(f"'{item}' was ticked by {who[0]}")
        chosen = {name: (item,)}
    ticked = {
        name: replace(lists[name], ticks=(*lists[name].ticks, *(Tick(item=item, by=by) for item in items)))
        for name, items in chosen.items()
    }
    return {**lists, **ticked}


def opened(
    declared: Declared,
    causes: tuple[Mapping[str, CauseState], Mapping[str, CauseState]],
    conditions: tuple[Mapping[str, ConditionState], Mapping[str, ConditionState]],
) -> tuple[Checklist, ...]:
    """Those that open now; `causes` and `conditions` before and now."""
    if causes[0] is causes[1] and conditions[0] is conditions[1]:
        return ()
    return tuple(one for one in declared.values() if _opens(one, causes, conditions))


def stand(declared: Declared, lists: Lists, opened: Collection[Checklist]) -> bool:
    """Whether any is open after this step, `lists` being what people have left of them before it."""
    return bool(opened) or any(one.left(declared[name].items) for name, one in lists.items())


def advance(
    declared: Declared, lists: Lists, opened: Collection[Checklist], incidents: Mapping[str, IncidentState], dt_ms: int
) -> Lists:
    """Drop what is done, age the rest and open what is due."""
    if not (lists or opened):
        return lists
    kept = {
        name: replace(one, elapsed_ms=one.elapsed_ms + dt_ms)
        for name, one in lists.items()
        if one.left(declared[name].items)
    }
    for one in opened:
        carried = kept[one.id].left(one.items) if one.id in kept else ()
        incident = incidents[one.of].id if one.of in incidents else ""
        kept[one.id] = ListState(incident=incident, carried=carried)
    return kept


def _opens(
    one: Checklist,
    causes: tuple[Mapping[str, CauseState], Mapping[str, CauseState]],
    conditions: tuple[Mapping[str, ConditionState], Mapping[str, ConditionState]],
) -> bool:
    if one.opens is Opens.CONDITION_BEGINS:
        before, now = (seen[one.of].holds for seen in conditions)
        return now and not before
    was, phase = (seen[one.of].phase for seen in causes)
    if one.opens is Opens.CAUSE_BEGINS:
        return phase is CausePhase.ACTIVE and was is CausePhase.IDLE
    return phase is CausePhase.IDLE and was is not CausePhase.IDLE


def tell(declared: Declared, before: Lists, ticked: Lists, now: Lists, now_ms: int) -> Iterator[Event]:
    """What became of the lists: items ticked (`ticked` are the lists after the orders), lists done and opened."""
    for name, one in declared.items() if before or ticked or now else ():
        was, said, is_now = before.get(name), ticked.get(name), now.get(name)
        if was is not None and said is not None:
            for made in said.ticks[len(was.ticks) :]:
                yield _event("checklist.ticked", one, said, now_ms, item=made.item, by=made.by)
            if not said.left(one.items):
                yield _event("checklist.done", one, said, now_ms)
        if is_now is not None and (said is None or (is_now.elapsed_ms == 0 and is_now.ticks == () and is_now != said)):
            yield _event("checklist.opened", one, is_now, now_ms)


def _event(kind: str, one: Checklist, state: ListState, now_ms: int, *, item: str = "", by: str = "") -> Event:
    data: dict[str, Fact] = {
        "list": one.id,
        "items": one.items,
        "open": state.left(one.items),
        "carried": state.carried,
    }
    if item:
        data |= {"item": item, "by": by}
    return Event(type=kind, severity=Severity.WARNING, at_ms=now_ms, incident=state.incident or None, data=data)
