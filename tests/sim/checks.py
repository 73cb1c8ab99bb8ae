"""What must hold after every step, whatever went wrong: the invariants of the floor.

Each is told from the readings, the decision and the one before, with rules of its own, not with the core's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_py.core.alarm import Display
from firmware_py.core.check import evaluate
from firmware_py.core.codec import decode, encode
from firmware_py.core.command import CommandKind
from firmware_py.core.condition import WhenBad
from firmware_py.core.mode import CausePhase, Mode
from firmware_py.core.output import Drive, Priority
from firmware_py.core.plan import Plan
from firmware_py.core.state import State
from firmware_py.core.step import step
from tests.sim.faults import SECOND
from tests.sim.run import Broken, Look

EVENTS_LIMIT = 250
EVENT_BYTES_LIMIT = 4_096
STATE_BYTES_LIMIT = 96 * 1024
AGAIN_EVERY = 80
MAINS = ("mains", "bypass")
SHOWN_BY_FIRE = ("lamp.fire", "beacon")


@dataclass
class Checks:
    """Call it with each step. Raises Broken with the name of the first invariant that does not hold."""

    steps: int = 0
    on_battery_ms: int | None = None  # since when each sound reading said so
    mains_ms: int | None = None
    changed_ms: dict[str, int] = field(default_factory=dict)
    starts_ms: list[int] = field(default_factory=list)
    told_ms: dict[str, int] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    newest: set[str] = field(default_factory=set)  # numbers that the last step gave that was kept
    unkept: set[str] = field(default_factory=set)  # and those since, while nothing could be written
    motor_on: bool | None = None
    turned_ms: int | None = None
    turned_unkept: bool = False  # since the last kept memory
    returned_ms: dict[str, int] = field(default_factory=dict)
    recovering_ms: dict[str, int] = field(default_factory=dict)
    blind_ms: int | None = None
    explained: dict[str, Drive] = field(default_factory=dict)
    known: frozenset[str] = frozenset()

    def __call__(self, look: Look) -> None:
        """All of them."""
        self.steps += 1
        if look.restored:
            for lost, given in ((look.forgot, self.unkept), (look.lost, self.newest)):
                self.numbers -= given if lost else set()  # told to nobody
            if self.turned_unkept and look.forgot:
                self.motor_on = self.turned_ms = None  # nobody can know it (decision 0089)
            self._forget()
        for invariant in INVARIANTS:
            for fault in invariant(self, look):
                name = (invariant.__doc__ or invariant.__name__).strip()
                raise Broken(f"{name} At {look.now_ms} ms: {fault}")

    def _forget(self) -> None:
        """What a restart makes unknown: it is judged from here on."""
        self.on_battery_ms = self.mains_ms = self.blind_ms = None
        for known in (self.changed_ms, self.told_ms, self.returned_ms, self.recovering_ms):
            known.clear()

    def fire_is_shown_at_once(self, look: Look) -> Iterator[str]:
        """A sound reading of fire outside a test is shown on lamp and beacon in the same decision."""
        said = [look.image[f"fire1.zone1.{flag}"] for flag in ("fire", "test", "walk_test")]
        burns = said[0].good and said[0].value is True and not any(r.good and r.value is True for r in said[1:])
        if not burns:
            return
        if not look.decision.state.alarms["fire1.zone1.burning"].active:
            yield "the alarm is not active"
        for output in SHOWN_BY_FIRE:
            if look.decision.outputs[output].value is False:
                yield f"{output} is off"
        if look.decision.outputs["fan.floor"].value is not False:
            yield "a fan runs"

    def nothing_ends_without_evidence(self, look: Look) -> Iterator[str]:
        """No condition ends but on sound readings that say the contrary; and no mode falls on lost data."""
        before, image = look.before.conditions, None
        for name, now in look.decision.state.conditions.items():
            was = before.get(name)
            if was is now or was is None or now.holds or not was.holds:
                continue
            condition = look.plan.conditions[name]
            if condition.when_bad is not WhenBad.CLEAR:
                image = image or look.image.joined(look.decision.derived)
                if evaluate(condition.test, image, holding=True) is not False:
                    yield f"{name} ended without an answer"
        was_power, now_power = look.before.causes.get("power"), look.decision.state.causes["power"]
        left = was_power and was_power.phase is CausePhase.ACTIVE and now_power.phase is not CausePhase.ACTIVE
        source = look.image["ups1.output_source"]
        if left and not (source.good and source.value in (*MAINS, "test")):
            yield f"the power cause was left while the source reads {source.value} ({source.quality.value})"

    def an_outage_is_acted_on_in_time(self, look: Look) -> Iterator[str]:
        """On battery in each sound reading for 4 s: conservation. It ends after its off-delay and no less."""
        source = look.image["ups1.output_source"]
        on_battery = source.good and source.value == "battery"
        if not source.good or on_battery:
            self.mains_ms = None
        elif self.mains_ms is None:
            self.mains_ms = look.now_ms
        if not on_battery:
            self.on_battery_ms = None
        elif self.on_battery_ms is None:
            self.on_battery_ms = look.now_ms
        elif look.now_ms - self.on_battery_ms >= 4 * SECOND and look.decision.mode < Mode.CONSERVATION:
            yield f"on battery since {self.on_battery_ms} ms, and the floor is {look.decision.mode.word}"
        was, now = look.before.conditions.get("ups1.on_battery"), look.decision.state.conditions["ups1.on_battery"]
        off_delay_ms = look.plan.conditions["ups1.on_battery"].off_delay_ms
        if was and was.holds and not now.holds:
            sound_ms = 0 if self.mains_ms is None else look.now_ms - self.mains_ms
            if sound_ms < off_delay_ms:
                yield f"on battery ended after {sound_ms} ms of the contrary, wanted {off_delay_ms}"

    def conserving_pauses_outbound(self, look: Look) -> Iterator[str]:
        """In conservation outbound is paused; it goes on only when no cause and no person holds it."""
        state, drive = look.decision.state, look.decision.outputs["outbound_paused"]
        holds = [n for n in ("power", "trunk", "manual") if state.causes[n].phase is not CausePhase.IDLE]
        if (holds or state.paused_by) and drive.value is not True:
            yield f"not paused although {holds or state.paused_by} asks for it"
        surge = state.causes.get("surge")  # may pause it, where the site says so, in any mode
        asked = holds or state.paused_by or (surge is not None and surge.phase is not CausePhase.IDLE)
        if not asked and drive.value is True:
            yield f"paused for nobody: {drive}"
        if drive.value is True and not drive.owners:
            yield "paused without an owner"

    def outputs_rest(self, look: Look) -> Iterator[str]:
        """No output changes faster than its shortest time on or off, but for life safety."""
        for name, drive in look.decision.outputs.items():
            was = look.before.outputs.get(name)
            if was is None or was.drive is drive or bool(was.drive.value) == bool(drive.value):
                continue
            output = look.plan.outputs[name]
            wanted_ms = output.min_on_ms if was.drive.value else output.min_off_ms
            since_ms = self.changed_ms.get(name)
            self.changed_ms[name] = look.now_ms
            if since_ms is not None and look.now_ms - since_ms < wanted_ms and drive.priority > Priority.LIFE_SAFETY:
                yield f"{name} changed after {look.now_ms - since_ms} ms"

    def compressors_are_spared(self, look: Look) -> Iterator[str]:
        """The compressor stays on and off for 5 min at least, starts six times an hour at most, never in a fire; and
        that although the controller was restarted in between."""
        name, limits = "feed.compressor", look.plan.compressors["feed.compressor"]
        was_on, now = self.motor_on, look.decision.state.compressors[name]
        self.motor_on = now.on
        self.turned_unkept = not look.kept and (self.turned_unkept or was_on is not now.on)
        if was_on is None or was_on is now.on:
            return
        since_ms = self.turned_ms
        self.turned_ms = look.now_ms
        wanted_ms = limits.min_off_ms if now.on else limits.min_on_ms
        wanted = look.decision.outputs[name]
        if since_ms is not None and look.now_ms - since_ms < wanted_ms and wanted.priority > Priority.LIFE_SAFETY:
            yield f"turned after {look.now_ms - since_ms} ms"
        if now.on:
            self.starts_ms = [at for at in self.starts_ms if look.now_ms - at < 3_600_000] + [look.now_ms]
            if len(self.starts_ms) > limits.start_limit:
                yield f"{len(self.starts_ms)} starts within an hour"
            # What was remembered as about to start counts as started; on the way back nobody knows better.
            if look.decision.state.conditions["fire.seen"].seen and not look.restored:
                yield "started during a fire"

    def loads_return_one_by_one(self, look: Look) -> Iterator[str]:
        """Stages come back last first, one load at a time, spaced, and not while the cause runs."""
        for cause in look.plan.causes.values():
            stages = look.plan.stages_of(cause.id)
            before, now = look.before.stages, look.decision.state.stages
            back = [
                s for s in stages
                if s.id in before and before[s.id].shed
                and (not now[s.id].shed or now[s.id].returned > before[s.id].returned)
            ]  # fmt: skip
            if not back:
                continue
            if len(back) > 1:
                yield f"{len(back)} stages at once"
            if look.decision.state.causes[cause.id].phase is CausePhase.ACTIVE:
                yield f"{back[0].id} while {cause.id} is active"
            if any(now[other.id].shed for other in stages if other.order > back[0].order):
                yield f"{back[0].id} before a later one"
            since_ms = self.returned_ms.get(cause.id)
            self.returned_ms[cause.id] = look.now_ms
            if since_ms is not None and look.now_ms - since_ms < cause.spacing_ms:
                yield f"{back[0].id} after {look.now_ms - since_ms} ms"

    def people_are_told_before(self, look: Look) -> Iterator[str]:
        """A load that people sit at goes only after they have been told for its time."""
        for stage in look.plan.stages.values():
            if not stage.announce_ms:
                continue
            was, now = look.before.stages.get(stage.id), look.decision.state.stages[stage.id]
            if now.announced_ms is not None:
                self.told_ms.setdefault(stage.id, look.now_ms - now.announced_ms)
            elif not now.shed:
                self.told_ms.pop(stage.id, None)
            if was and not was.shed and now.shed and stage.id in self.told_ms:
                told_ms = look.now_ms - self.told_ms.pop(stage.id)
                if told_ms < stage.announce_ms:
                    yield f"{stage.id} after {told_ms} ms"
            elif was and not was.shed and now.shed and not look.restored:
                yield f"{stage.id} without a word"

    def the_mode_is_its_causes(self, look: Look) -> Iterator[str]:
        """The mode is the highest that a cause asks for, and a cause is over only after it was stable for its time."""
        ranks = {CausePhase.IDLE: 0, CausePhase.RECOVERING: 1}
        asked = 0
        for name, cause in look.plan.causes.items():
            was, now = look.before.causes.get(name), look.decision.state.causes[name]
            asked = max(asked, min(int(cause.mode), ranks.get(now.phase, 9)))
            if now.phase is not CausePhase.RECOVERING:
                begun_ms = self.recovering_ms.pop(name, None)
                over = now.phase is CausePhase.IDLE and was is not None and was.phase is CausePhase.RECOVERING
                if over and begun_ms is not None and look.now_ms - begun_ms < cause.stable_ms:
                    yield f"{name} was over after {look.now_ms - begun_ms} ms"
            else:
                self.recovering_ms.setdefault(name, look.now_ms)
            jumped = was and was.phase is CausePhase.ACTIVE and now.phase is CausePhase.IDLE
            if jumped and cause.stable_ms:
                yield f"{name} was over without recovery"
        if int(look.decision.mode) != asked:
            yield f"{look.decision.mode.word}, and the causes ask for {Mode(asked).word}"

    def every_value_has_its_reason(self, look: Look) -> Iterator[str]:
        """What is not normal has a reason that names something of the plan, a person, or its own shortest time."""
        known = self.known = self.known or _known(look.plan)
        for name, drive in look.decision.outputs.items():
            if self.explained.get(name) is drive:
                continue  # the very same as last time
            self.explained[name] = drive
            if drive.value != look.plan.outputs[name].normal and not drive.because:
                yield f"{name}={drive.value} for no reason"
            if drive.because and drive.priority is not Priority.MINIMUM_ON_OFF and not _names(drive, known):
                yield f"{name} because {drive.because}"

    def it_looks_forward(self, look: Look) -> Iterator[str]:
        """It wakes later than now."""
        wake_ms = look.decision.wake_at_ms
        if wake_ms is not None and wake_ms <= look.image.now_ms:
            yield f"to be woken at {wake_ms} at {look.image.now_ms}"

    def everything_has_a_limit(self, look: Look) -> Iterator[str]:
        """Events a step, an event's bytes and the memory's bytes are bounded."""
        if len(look.decision.events) > EVENTS_LIMIT:
            yield f"{len(look.decision.events)} events"
        for event in look.decision.events:
            if len(repr(event.data)) > EVENT_BYTES_LIMIT:
                yield f"{event.type} of {len(repr(event.data))} bytes"

    def memory_is_all_there_is(self, look: Look) -> Iterator[str]:
        """The state written, read back and stepped again with the same inputs gives the same decision."""
        if self.steps % AGAIN_EVERY and not look.restored:
            return
        document = encode(look.before, sparse=True)
        size_bytes = len(repr(document))
        if size_bytes > STATE_BYTES_LIMIT:
            yield f"a memory of {size_bytes} bytes"
        again = step(look.plan, decode(State, document), look.image, look.commands, look.image.now_ms)
        if again != look.decision:
            yield "another decision"

    def only_people_acknowledge(self, look: Look) -> Iterator[str]:
        """An alarm is acknowledged and reset by orders and by nothing else; each order has one answer."""
        kinds = {command.kind for command in look.commands}
        for name, now in look.decision.state.alarms.items():
            was = look.before.alarms.get(name)
            if was is now:
                continue
            unseen = was and was.suppressed_by and not now.active  # it came and went while nobody was shown it
            if was and now.acked and not was.acked and CommandKind.ACK not in kinds and not unseen:
                yield f"{name} was acknowledged by nobody"
            raised = was and now.activations > was.activations
            if raised and now.acked:
                yield f"{name} was acknowledged before it was raised"
            if was and was.latched and not now.latched and not raised and CommandKind.RESET not in kinds:
                yield f"{name} was reset by nobody"
        if [reply.command for reply in look.decision.replies] != [command.id for command in look.commands]:
            yield "orders and answers differ"

    def it_sounds_for_a_reason(self, look: Look) -> Iterator[str]:
        """The sounder sounds exactly while an alarm waits for a person, and never beside the fire panel."""
        waiting = [n for n, a in look.decision.state.alarms.items()
                   if a.active and not a.silenced and a.display is Display.ACTIVE_UNACKED]  # fmt: skip
        drive = look.decision.outputs["sounder"]
        if look.decision.state.conditions["fire.seen"].seen:
            if drive.value is not False:
                yield "it sounds beside the fire panel"
        elif drive.value is not False and not waiting and drive.priority is not Priority.MANUAL_OPERATOR:
            yield "nobody is waited for"
        audible = [n for n in waiting if n in ("ups1.on_battery", "trunks.main.below_minimum", "hvac1.failed")]
        hand = drive.priority is Priority.MANUAL_OPERATOR
        if audible and drive.value is False and not hand and not look.decision.state.conditions["fire.seen"].seen:
            yield f"silent although {audible} wait"

    def incidents_follow_causes(self, look: Look) -> Iterator[str]:
        """Every cause that is not idle has its incident, and no number that anybody was told is given twice."""
        state = look.decision.state
        given = set()
        for name, cause in state.causes.items():
            if cause.phase is not CausePhase.IDLE and name not in state.incidents:
                yield f"{name} without an incident"
        for name, incident in state.incidents.items():
            if name in look.before.incidents:
                continue
            if incident.id in self.numbers:
                yield f"{incident.id} is given twice"
            given.add(incident.id)
        self.numbers |= given
        self.newest, self.unkept = (given, set()) if look.kept else (self.newest, self.unkept | given)

    def blindness_is_told(self, look: Look) -> Iterator[str]:
        """A fire panel that cannot be read soundly for 10 s is an alarm; a UPS for 17 s."""
        fire = look.image["fire1.zone1.fire"]
        if fire.good:
            self.blind_ms = None
        elif self.blind_ms is None:
            self.blind_ms = look.now_ms
        state = look.decision.state
        told = state.alarms["fire1.unreachable"].active or state.alarms["fire1.zone1.unknown"].active
        if self.blind_ms is not None and look.now_ms - self.blind_ms > 10 * SECOND and not told:
            yield f"blind since {self.blind_ms} ms"


def _known(plan: Plan) -> frozenset[str]:
    names = plan.conditions.keys() | plan.alarms.keys() | plan.causes.keys() | plan.stages.keys()
    return frozenset(names | {rule.flag for rule in plan.flags})


def _names(drive: Drive, known: frozenset[str]) -> bool:
    words = ("by ", "always", "override by ", "paused by ")
    modes = {mode.word for mode in Mode}
    people = {"anna", "bo", "night shift", "operator"}
    return any(
        reason in known or reason in modes or reason in people or reason.startswith(words) for reason in drive.because
    )


INVARIANTS = tuple(value for name, value in vars(Checks).items() if callable(value) and not name.startswith("_"))
