"""What a schema cannot see about telephones: groups that cannot be satisfied, lines without a source, a failover that
never happens, actions for a surge that nobody sees.

Each check is a function from the site to findings. Judges the file only; asks no exchange and opens nothing.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from config.faults import Path
from config.finding import Check, Finding, unknown
from config.model_devices import Exchange
from config.model_floor import InputKind
from config.model_outputs import AmiOutput, CampaignOutput, ExchangeOutput, Switch
from config.model_phones import Line, LineSource
from config.model_site import Site
from config.units import DURATION


def check_phones(site: Site) -> Iterator[Finding]:
    """A trunk group can be satisfied, and no secret travels in the clear unless the site says so."""
    for index, group in enumerate(site.trunk_group):
        count = len(site.trunk_names(group.id))
        if count < group.minimum_up:
            message = (
                f"only {count} trunks name this group"
                if count
                else "no [[exchange.trunk]] and no [[line]] names this group; put it there"
            )
            yield Finding(
                path=("trunk_group", index, "minimum_up"), message=message, got=group.minimum_up, absence=True
            )
    for index, one in enumerate(site.exchange):
        if not one.tls and not one.cleartext and not _is_loopback(one.host):
            message = "the secret would travel in the clear; set tls = true, or cleartext = true on a line of its own"
            yield Finding(path=("exchange", index, "host"), message=message, got=one.host, absence=True)
        if one.ca_file is not None and not one.tls:
            yield Finding(
                path=("exchange", index, "ca_file"),
                message="has no use without tls = true; set that, or take this out",
                absence=True,
            )


_INLINE = re.compile(
    r"(?i)(?:^|[?&;\s])(?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?key|auth)=(?!\{secret\})[^&\s]+"
    r"|://[^/@\s:]*:(?!\{secret\}@)[^/@\s]+@"
)
ACTIONS = ("Setvar", "QueuePause", "QueuePenalty")  # what the least account may do, and what can be undone


def check_campaigns(site: Site) -> Iterator[Finding]:
    """A campaign is looked at in words, its secret is not shown to the line, its action can be undone."""
    for index, output in enumerate(site.output):
        where: Path = ("output", index)
        if isinstance(output, CampaignOutput):
            yield from _campaign(where, output)
        if isinstance(output, AmiOutput):
            for key, headers in (("pause", output.pause), ("resume", output.resume)):
                action = headers.get("Action")
                if action not in ACTIONS:
                    message = f"needs an Action among {', '.join(ACTIONS)}: the least account may, and they undo"
                    yield Finding(path=(*where, key), message=message, got=action)


def _campaign(where: Path, output: CampaignOutput) -> Iterator[Finding]:
    if (output.look is None) != (output.paused is None):
        key = "paused" if output.paused is None else "look"
        yield Finding(path=(*where, key), message="look and paused come together", absence=True)
    told = (output.pause, output.resume, output.look or "", output.pause_body or "", output.resume_body or "")
    if output.secret_file is None and any("{secret}" in text for text in (*told, output.authorization or "")):
        yield Finding(
            path=(*where, "secret_file"),
            message="is missing, since {secret} is used; name the file that holds it",
            absence=True,
        )
    texts = {key: getattr(output, key) or "" for key in ("pause", "resume", "look", "pause_body", "resume_body")}
    inline = [key for key, text in texts.items() if _INLINE.search(text)]
    if output.authorization is not None and "{secret}" not in output.authorization:
        inline.append("authorization")
    for key in inline:
        message = "holds a secret; write {secret} in its place and name its file in secret_file"
        yield Finding(path=(*where, key), message=message, absence=True)
    for key, url in (("pause", output.pause), ("resume", output.resume), ("look", output.look)):
        if url is None:
            continue
        host = _host(url)
        if not host:
            yield Finding(
                path=(*where, key),
                message="names no host and port that can be used; write it like https://dialler.example:8443/pause",
            )
        elif url.startswith("http:") and not output.cleartext and not _is_loopback(host):
            message = "would travel in the clear; use https, or cleartext = true on a line of its own"
            yield Finding(path=(*where, key), message=message, absence=True)


def _host(url: str) -> str:
    """The host of an address, '' when it has none or its port is none."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "" if parts.port != 0 else ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_lines(site: Site) -> Iterator[Finding]:
    """A line has what its source needs and nothing of another's; inputs of lines are lines."""
    groups, cards = [group.id for group in site.trunk_group], [card.id for card in site.line_card]
    kinds = {entry.id: entry.kind for entry in site.input}
    for index, line in enumerate(site.line):
        where: Path = ("line", index)
        yield from unknown((*where, "group"), line.group, groups, "trunk_group")
        yield from _line_source(where, line)
        if line.card is not None:
            yield from unknown((*where, "card"), line.card, cards, "line_card")
        if kinds.get(line.contact or "", InputKind.LINE) is not InputKind.LINE:
            message = 'is an input of another kind; its kind must be "line"'
            yield Finding(path=(*where, "contact"), message=message, got=line.contact)


def _line_source(where: Path, line: Line) -> Iterator[Finding]:
    given = {"contact": line.contact, "card": line.card, "index": line.index}
    needed = {LineSource.CONTACT: {"contact"}, LineSource.LINE_CARD: {"card", "index"}, LineSource.MANUAL: set[str]()}
    for key, value in given.items():
        if key in needed[line.source] and value is None:
            yield Finding(path=(*where, key), message=f"is missing; source {line.source} needs it", absence=True)
        if key not in needed[line.source] and value is not None:
            yield Finding(path=(*where, key), message=f"has no use with source {line.source}; take it out", got=value)


def check_failover(site: Site) -> Iterator[Finding]:
    """Failover knows what to do; and what moves lines themselves can prove that no call is on them."""
    failover = site.failover
    if not failover.enabled:
        return
    for key, given in (("output", failover.output), ("group", failover.group)):
        if given is None:
            yield Finding(path=("failover", key), message="is missing; enabled failover needs it", absence=True)
    inputs = [entry.id for entry in site.input]
    yield from unknown(("failover", "in_use"), failover.in_use, inputs, "input")
    if not site.moves_lines:
        return
    counted = bool(site.calls_of(failover.group or ""))
    if not counted and failover.in_use is None:
        message = "a transfer relay ends the calls on its lines; name the input that tells of them"
        yield Finding(path=("failover", "in_use"), message=message, absence=True)
    if failover.back == "stable" and failover.in_use is None:
        message = "needs in_use: moved lines are not seen by the exchange, and their calls would be cut"
        yield Finding(path=("failover", "back"), message=message, got=failover.back, absence=True)


def check_dial_time(site: Site) -> Iterator[Finding]:
    """A dial that ends before SIP gives up never fails over: the call was still waiting, nobody said that it failed."""
    backed = {
        output.exchange
        for output in site.output
        if isinstance(output, ExchangeOutput) and output.switch is Switch.BACKUP
    }
    for index, one in enumerate(site.exchange):
        where: Path = ("exchange", index, "dial_timeout")
        if one.id not in backed:
            continue
        if one.dial_timeout_ms is None:
            if site.failover.enabled:
                message = "is missing; failover needs to know that a dial outlasts SIP timer B"
                yield Finding(path=where, message=message, absence=True)
        elif one.dial_timeout_ms <= one.timer_b_ms:
            yield Finding(path=where, message=_too_short(one), got=DURATION.show(one.dial_timeout_ms))


def _too_short(exchange: Exchange) -> str:
    return (
        f"ends before SIP timer B, {DURATION.show(exchange.timer_b_ms)}: a dead trunk is never found out, and the"
        " dialplan never goes on to the backup; set timer_b in pjsip.conf below it (and here), or dial for longer"
    )


def check_surge(site: Site) -> Iterator[Finding]:
    """An action for a surge needs somebody who counts callers, and a pause something that pauses."""
    surge = site.surge
    outputs = [output.id for output in site.output]
    yield from unknown(("surge", "announcement"), surge.announcement, outputs, "output")
    yield from unknown(("surge", "agents"), surge.agents, outputs, "output")
    counted = any(one.queues for one in site.exchange)
    asked = {
        "pause_outbound": surge.pause_outbound,
        "announcement": surge.announcement is not None,
        "agents": surge.agents is not None,
    }
    for key, wanted in asked.items():
        if wanted and not counted:
            message = "no [[exchange]] names queues, so no surge is ever seen; list its queues there"
            yield Finding(path=("surge", key), message=message, absence=True)
    if surge.pause_outbound and not site.outbound.outputs:
        message = "there is no output in outbound.outputs; name there what pauses outbound"
        yield Finding(path=("surge", "pause_outbound"), message=message, absence=True)


CHECKS: tuple[Check, ...] = (check_phones, check_campaigns, check_lines, check_failover, check_dial_time, check_surge)
