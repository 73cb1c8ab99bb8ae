"""What a schema cannot see about endurance and people: targets that nothing can reach, tiers that nobody is in.

Each check is a function from the site to findings; one more needs the points of the profiles. Asks no device.
"""

from collections.abc import Collection, Iterator

from config.finding import Check, Finding
from config.model_floor import Load, StageCause
from config.model_site import Site
from config.strict import ConfigError, Document
from config.units import DURATION, WATTS


def check_kept(site: Site) -> Iterator[Finding]:
    """What is never cut must fit into the rating of its UPS, else no stage makes the battery last."""
    cut = {name for stage in site.stage if stage.cause is StageCause.POWER for name in stage.loads}
    for index, ups in enumerate(site.ups):
        kept = [load for load in site.load if load.ups == ups.id and load.id not in cut]
        kept_w = sum(load.watts_w for load in kept)
        if ups.rating_w is not None and kept_w > ups.rating_w:
            target = DURATION.show(site.power.endurance_ms if ups.endurance_ms is None else ups.endurance_ms)
            message = (
                f"what no stage cuts ({_names(kept)}) takes {WATTS.show(kept_w)}, more than this: an endurance of"
                f" {target} cannot be reached; let a stage cut more, or lower it"
            )
            yield Finding(path=("ups", index, "rating"), message=message, got=WATTS.show(ups.rating_w))


def check_targets(site: Site) -> Iterator[Finding]:
    """A stage that sheds for an endurance cuts something that a UPS feeds, and before the endurance has passed."""
    feeds = {load.id: load.ups for load in site.load}
    own = {ups.id: ups.endurance_ms for ups in site.ups}
    for index, stage in enumerate(site.stage):
        if stage.cause is not StageCause.POWER or not site.ups:
            continue
        fed_by = [feeds[name] for name in stage.loads if feeds.get(name) in own]
        known = all(name in feeds for name in stage.loads)
        if stage.endurance and known and not fed_by:
            message = (
                f"no [[ups]] feeds {', '.join(stage.loads)}, so that no battery can be made to last by it; name its UPS"
            )
            yield Finding(path=("stage", index, "endurance"), message=message, absence=True)
        others = (stage.charge_below_pct, stage.runtime_below_ms, stage.load_above_pct, stage.endurance or None)
        if stage.after_ms is None or any(given is not None for given in others):
            continue
        targets_ms = [own[name] or site.power.endurance_ms for name in fed_by if name is not None]
        if targets_ms and stage.after_ms >= max(targets_ms):
            message = f"sheds only when the endurance of {DURATION.show(max(targets_ms))} has passed already"
            yield Finding(path=("stage", index, "after"), message=message, got=DURATION.show(stage.after_ms))


def check_tiers(site: Site) -> Iterator[Finding]:
    """Whoever is told later comes after somebody who is told before."""
    tiers = {person.tier for person in site.person}
    for index, person in enumerate(site.person):
        if 1 in tiers and person.tier == 3 and 2 not in tiers:
            after = DURATION.show(site.escalation.tier2_after_ms)
            message = f"nobody is in tier 2, which is told after {after}; put somebody there first"
            yield Finding(path=("person", index, "tier"), message=message, got=3, absence=True)
            return


def check_forecasts(document: Document, site: Site, points: Collection[str]) -> None:
    """ConfigError for an endurance asked of a battery of which the profile tells nothing to forecast from."""
    from config.compile_power import is_forecast  # what only looks at a file loads no monitors

    faults = [
        document.fault(("ups", index, "endurance"), f"cannot be watched: the profile {ups.profile} tells neither the "
                       "charge nor the runtime of the battery; use ups_auto, or take this out",
                       DURATION.show(ups.endurance_ms))
        for index, ups in enumerate(site.ups)
        if ups.endurance_ms is not None and not is_forecast(ups.id, points)
    ]  # fmt: skip
    if faults:
        raise ConfigError(faults)


def _names(loads: list[Load]) -> str:
    first = ", ".join(load.id for load in loads[:4])
    return first if len(loads) <= 4 else f"{first} and {len(loads) - 4} more"


CHECKS: tuple[Check, ...] = (check_kept, check_targets, check_tiers)
