"""A first site file as commented text, from what was found and a few answers.

Pure: every value is one that `check` accepts, or a comment that says what is to be put there. It must not ask anybody.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl

from config.valued import dataclass
from firmware_py.wiring.discover import Found
from firmware_py.wiring.probe import SERIAL

_ROLES = ("ups", "hvac", "fire", "relays", "generic", "exchange")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What nobody can find out by asking devices."""

    id: str
    name: str
    country: str
    broker: str = ""
    user: str = "floorguard"
    trunks: tuple[str, ...] = ()
    pins: bool = True
    state: str = ""
    socket: str = ""
    secrets: str = ""


def write(found: Sequence[Found], answers: Answers) -> str:
    """The whole file."""
    return "\n".join(_lines(found, answers)) + "\n"


def _lines(found: Sequence[Found], answers: Answers) -> Iterator[str]:
    yield "# Written by `floorguard init`. What is not here has a default: `floorguard check --effective` prints"
    yield "# all of them, docs/configuration.md says what each is for. After a change: floorguard check, diff, apply."
    yield ""
    yield "[site]"
    yield f'id = "{answers.id}"            # in MQTT topics; never change it once the central server knows it'
    yield f'name = "{answers.name}"'
    yield ""
    yield "# Who is told, tier 1 first. Put real people here; nobody is told by a controller without them."
    yield "# [[person]]"
    yield "# tier = 1"
    yield '# name = "Duty manager"'
    yield '# phone = "+86 21 5550 0101"'
    yield from _upses([one for one in found if one.scheme == "snmp"], answers)
    yield from _modbus([one for one in found if one.scheme.startswith("modbus")])
    yield from _exchanges([one for one in found if one.scheme == "ami"], answers)
    yield from _outputs(found, answers)
    yield from _own(answers)


def _upses(found: Sequence[Found], answers: Answers) -> Iterator[str]:
    for number, one in enumerate(found, 1):
        yield ""
        yield f"# {one.said}"
        yield "[[ups]]"
        yield f'id = "ups{number}"'
        yield f'address = "{one.host}"'
        yield f"port = {one.port}" if one.port != 161 else "# port = 161"
        yield f'profile = "{one.suits[0].profile}"' if one.suits else 'profile = "ups_auto"'
        yield f'community_file = "{_secret(answers, "ups.community")}"   # one line: the community for reading'


def _modbus(found: Sequence[Found]) -> Iterator[str]:
    lines: dict[tuple[str, str, int], list[Found]] = {}
    for one in found:
        lines.setdefault((one.scheme, one.host, one.port), []).append(one)
    counts = dict.fromkeys(_ROLES, 0)
    for number, ((scheme, host, port), units) in enumerate(lines.items(), 1):
        yield ""
        yield "[[modbus]]"
        yield f'id = "line{number}"'
        if scheme == SERIAL:
            said = dict(parse_qsl(units[0].line))
            yield 'transport = "serial"'
            yield f'device = "{host}"'
            yield f"baud = {said['baud']}"
            yield f'parity = "{said["parity"]}"'
            yield f"stop_bits = {said['stop_bits']}"
        else:
            yield f'transport = "{scheme.removeprefix("modbus+")}"'
            yield f'address = "{host}"'
            yield f"port = {port}"
        for one in units:
            best = one.suits[0]
            counts[best.kind] += 1
            yield ""
            yield f"# {one.said}; best: " + ", ".join(f"{s.profile} {s.good}/{s.asked}" for s in one.suits[:3])
            yield "[[modbus.unit]]"
            yield f'id = "{best.kind}{counts[best.kind]}"'
            yield f"unit = {one.unit}"
            yield f'class = "{best.kind}"'
            yield f'profile = "{best.profile}"'
            if best.kind == "hvac":
                yield f'room = "room{counts[best.kind]}"'


def _exchanges(found: Sequence[Found], answers: Answers) -> Iterator[str]:
    for number, one in enumerate(found, 1):
        yield ""
        yield f"# {one.said}"
        yield "[[exchange]]"
        yield f'id = "pbx{number}"'
        yield f'host = "{one.host}"'
        yield f"port = {one.port}"
        yield f'user = "{answers.user}"'
        yield f'secret_file = "{_secret(answers, f"pbx{number}.secret")}"'
        if one.host not in ("127.0.0.1", "localhost", "::1"):
            yield "cleartext = true          # better: tls = true, where the exchange offers it"
        yield f'country = "{answers.country}"             # its emergency numbers are never blocked'
        for trunk in answers.trunks if number == 1 else ():
            yield ""
            yield "[[exchange.trunk]]"
            yield f'name = "{slug(trunk)}"'
            yield f'endpoint = "{trunk}"'
            yield 'group = "main"'
    if found and answers.trunks:
        yield ""
        yield "[[trunk_group]]"
        yield 'id = "main"'
        yield f"minimum_up = {max(1, len(answers.trunks) // 2)}            # fewer up than this: conservation"


def _outputs(found: Sequence[Found], answers: Answers) -> Iterator[str]:
    exchange = any(one.scheme == "ami" for one in found)
    if exchange:
        yield ""
        yield "[outbound]"
        yield 'outputs = ["outbound_paused"]'
        yield ""
        yield "# The dialplan asks this gate: docs/asterisk-gate.md has the ten lines that it needs."
        yield "[[output]]"
        yield 'id = "outbound_paused"'
        yield 'port = "exchange"'
        yield 'exchange = "pbx1"'
        yield 'switch = "outbound"'
        yield 'on_stop = "hold"'
        yield 'on_fault = "hold"'
    if not answers.pins:
        return
    yield ""
    yield "[gpio]"
    yield 'factory = "lgpio"           # "mock" where there are no pins, for trying out'
    rows = (("power", 17), ("phones", 27), ("cooling", 22), ("fire", 5), ("link", 6), ("controller", 13))
    for row, pin in rows:
        yield ""
        yield "[[output]]"
        yield f'id = "lamp.{row}"'
        yield 'port = "gpio"'
        yield f"pin = {pin}"
        yield 'polarity = "active_high"'
        yield f'on_stop = "{"on" if row == "controller" else "off"}"'
        yield f'on_fault = "{"on" if row == "controller" else "off"}"'
        yield ""
        yield "[[lamp]]"
        yield f'row = "{row.upper()}"'
        yield f'output = "lamp.{row}"'


def _own(answers: Answers) -> Iterator[str]:
    if answers.broker:
        host, _, port = answers.broker.partition(":")
        yield ""
        yield "[mqtt]"
        yield f'host = "{host}"'
        yield f"port = {port or 1883}"
        yield "# TLS and a password: docs/mqtt.md"
    if answers.state:
        yield ""
        yield "[storage]"
        yield f'directory = "{answers.state}"'
    if answers.socket:
        yield ""
        yield "[control]"
        yield f'socket = "{answers.socket}"'


def slug(text: str) -> str:
    """A name that the model takes, made of the exchange's own: small letters, digits and _."""
    made = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in text.lower())[:31]
    return made if made[:1].isalpha() else f"t{made}"


def _secret(answers: Answers, name: str) -> str:
    return f"{answers.secrets}/{name}" if answers.secrets else f"credential:{name}"
