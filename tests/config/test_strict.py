"""The strict loader: every fault at its line and column, the nearest name, and never a secret."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest

from config.shape import Field
from config.strict import (
    MAX_BYTES,
    CelsiusC,
    ConfigError,
    DurationMs,
    Host,
    Model,
    Name,
    Percent,
    PointId,
    Port,
    Text,
    Watts,
    check,
    parse,
    read,
)


class Driver(StrEnum):
    SNMP = "snmp"
    MODBUS = "modbus"


class Pin(Model):
    port: Literal["gpio"]
    pin: Annotated[int, Field(ge=2, le=27)]


class Coil(Model):
    port: Literal["coil"]
    coil: int


class Device(Model):
    id: Name
    driver: Driver = Driver.SNMP
    every: DurationMs = 1000
    kind: Literal["fast", "slow"] = Field(default="slow", alias="class")
    hosts: Annotated[tuple[Host, ...], Field(max_length=2)] = ()
    at: tuple[float, float] | None = None


class Root(Model):
    device: tuple[Device, ...] = ()
    output: tuple[Annotated[Pin | Coil, Field(discriminator="port")], ...] = ()
    named: dict[str, Device] = Field(default_factory=dict)
    port: Port = 1
    room: CelsiusC = 20.0
    level: Percent = 50.0
    draws: Watts = 1.0
    point: PointId = "a"
    about: Text = "x"
    flag: bool = False
    number: float = 0.0
    password_file: Text | None = None


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        check(parse(text, "t"), Root)
    assert str(caught.value).split("\n") == [str(fault) for fault in caught.value.faults]
    return [str(fault) for fault in caught.value.faults]


def test_ok__words_lists_and_units_become_values() -> None:
    text = """
    level = "12.5 %"
    number = 3
    [[device]]
    id = "ups1"
    driver = "modbus"
    every = "5 s"
    class = "fast"
    hosts = ["192.0.2.1", "ups.example.org"]
    at = [1, 2.5]
    [[output]]
    port = "coil"
    coil = 3
    [named.x]
    id = "x"
    """
    root = check(parse(text, "t"), Root)
    device = root.device[0]
    assert (device.driver, device.every, device.kind, device.hosts[1]) == (
        Driver.MODBUS,
        5000,
        "fast",
        "ups.example.org",
    )
    assert device.at == (1.0, 2.5)
    assert root.level == 12.5
    assert root.output[0] == Coil(port="coil", coil=3)
    assert root.named["x"].id == "x"


def test_every_fault_is_told_at_once_in_the_order_of_the_file() -> None:
    text = (
        'port = "1883"\nlevel = "180 %"\n[[device]]\nid = "Ups"\ndriver = "snmpp"\nat = [1, 2, 3]\n'
        '[[device]]\nidd = "x"\n[[output]]\nport = "gpoi"\n[[output]]\nport = "gpio"\npin = 40\ncoil = 1\n'
        "[named.y]\nid = 1\n"
    )
    assert faults(text) == [
        "t:1:1: error: port: must be a whole number without quotes (got '1883')",
        "t:2:1: error: level: must be between 0 % and 100 % (got '180 %')",
        "t:4:1: error: device.0.id: must be a name of small letters, digits and _, at most 32,"
        " starting with a letter (got 'Ups')",
        "t:5:1: error: device.0.driver: must be one of snmp, modbus; did you mean \"snmp\"? (got 'snmpp')",
        "t:6:1: error: device.0.at: must have at most 2 entries (got a list of 3)",
        "t:7:3: error: device.1.id: is missing; it has no default",
        't:8:1: error: device.1.idd: unknown key; did you mean "id"?',
        "t:10:1: error: output.0.port: must be one of gpio, coil; did you mean \"gpio\"? (got 'gpoi')",
        "t:13:1: error: output.1.pin: must be at most 27 (got 40)",
        "t:14:1: error: output.1.coil: unknown key; known here: pin, port (got 1)",
        't:16:1: error: named.y.id: must be text in quotes, like "abc" (got 1)',
    ]


@pytest.mark.parametrize(
    ("line", "fragment"),
    [
        ("flag = 1", "must be true or false"),
        ('flag = "true"', "must be true or false"),
        ("port = 1.0", "must be a whole number"),
        ("port = true", "must be a whole number"),
        ("port = 0", "at least 1"),
        ("port = 65536", "at most 65535"),
        ("number = nan", "finite"),
        ("number = inf", "finite"),
        ("number = true", "must be a number"),
        ("about = 1979-05-27", "must be text"),
        ("about = ''", "one line of text"),
        ('about = "a\\nb"', "one line of text"),
        ("device = 1", "must be a list"),
        ("named = []", "must be a table"),
        ("[device]", "must be a list"),
        ("device = [1]", "must be a table"),
        ("[[output]]", "needs the key 'port'"),
        ('room = "27"', "a temperature with its unit"),
        ("draws = 120", "a power with its unit"),
        ('point = "a..b"', "must be an id"),
        (f'point = "{"a" * 97}"', "must be an id"),
    ],
)
def test_fail__a_value_of_another_type_is_refused_with_what_it_must_be(line: str, fragment: str) -> None:
    assert fragment in "\n".join(faults(line))


@pytest.mark.parametrize("host", ["localhost", "ups-1.example.org", "192.0.2.7", "2001:db8::1", "a_b"])
def test_ok__a_host_is_a_name_or_an_address(host: str) -> None:
    assert check(parse(f'[[device]]\nid = "x"\nhosts = ["{host}"]', "t"), Root).device[0].hosts == (host,)


@pytest.mark.parametrize(
    "host", ["", "a b", "http://a", "a:80", "192.0.2", "192.0.2.300", "1.2.3.4.5", "-a", "a-", "a..b", "x" * 254, "a/b"]
)
def test_fail__a_host_with_port_or_scheme_is_refused(host: str) -> None:
    assert "host name or an IP address" in faults(f'[[device]]\nid = "x"\nhosts = ["{host}"]')[0]


@pytest.mark.parametrize(
    ("text", "place", "fragment"),
    [
        ("a = 1\na = 2", "t:2:1:", "already there"),
        ("[a]\n[b]\n  [a]", "t:3:3:", "already there"),
        ("a = 1\n\nb = ", "t:3:5:", "invalid value"),
        ('a = "x', "t:1:7:", "not TOML"),
        ("a = 'x\n'", "t:1:7:", "not TOML"),
        ("a == 1", "t:1:4:", "invalid value"),
        ("a", "t:1:2:", "expected '='"),
        ('a = "\\q"', "t:1:", "not TOML"),
        ("a = 08", "t:1:", "not TOML"),
        ("a = 2024-13-01", "t:1:", "not TOML"),
        ("a = 1\nb = \x00", "t:2:5:", "NUL"),
        ("x = 1\n" + "a" * 5000, "t:2:4000:", "longer than 4000"),
        ("a = " + "[" * 1500 + "]" * 1500, "t:1:1:", "too large"),
        ("a = " + "[" * 20 + "]" * 20, "t:1:1:", "deeper than 16"),
        ("b = 1\na" + ".a" * 500 + " = 1", "t:2:1:", "more than 16 parts"),
        ("[[a" + '. "a"' * 20 + "]]", "t:1:1:", "more than 16 parts"),
        ("a = {a" + ".a" * 500 + " = 1}", "t:1:1:", "deeper than 16"),
        ("a.b = 1\n  a = { b = 1 }", "t:2:3:", "already there"),
        ("a = 1\rb = 2", "t:1:6:", "not TOML"),
    ],
)
def test_fail__text_that_is_not_toml_is_refused_with_its_place(text: str, place: str, fragment: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "t")
    assert str(caught.value).startswith(place)
    assert fragment in str(caught.value)


def test_ok__a_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    for start in (b"", b"\xef\xbb\xbf"):
        (tmp_path / "a.toml").write_bytes(start + b"port = 7\r\n")
        document = read(tmp_path / "a.toml")
        assert check(document, Root).port == 7
        assert document.file == str(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("content", "place", "fragment"),
    [
        (b"a = 1\nb = '\xe9\xff'", ":2:6:", "not UTF-8"),
        (b"\xff\xfea\x00", ":1:1:", "not UTF-8"),
        (b"# " + b"x\n" * (MAX_BYTES // 2), ":1:1:", "larger than"),
    ],
)
def test_fail__a_file_of_another_encoding_or_size_is_refused(
    tmp_path: Path, content: bytes, place: str, fragment: str
) -> None:
    (tmp_path / "a.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=fragment) as caught:
        read(tmp_path / "a.toml")
    assert place in str(caught.value)


@pytest.mark.parametrize("name", ["nothing", ".", "a\0b"])
def test_fail__a_file_that_is_not_there_is_a_fault_of_the_configuration(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / name)


@pytest.mark.parametrize(
    "line",
    [
        'password = "hunter2"',
        'passwrd = "hunter2"',
        'mqtt_secret = "hunter2"',
        'sesame = "hunter2"',
        'password_file = ["hunter2"]',
        'password_file = """hunter2\nx"""',
        'password_file = { hunter2 = "hunter2" }',
        'auth = { key = "hunter2" }',
        'about = "mqtt://me:hunter2@host\\n"',
        'port = "amqp://me:hunter2@host"',
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(line: str) -> None:
    assert "hunter2" not in "\n".join(faults(line))


def test_a_secret_in_the_file_is_answered_with_the_way_to_do_it() -> None:
    assert faults('password = "x"') == [
        't:1:1: error: password: unknown key; did you mean "password_file"?; a secret never stands in this file,'
        " only the name of the file that holds it"
    ]


def test_what_is_echoed_cannot_move_the_cursor_and_is_not_endless() -> None:
    shown = "\n".join(faults('port = "\\u001b[2J' + "x" * 500 + '"\n"\\u001b[31m" = 1'))
    assert "\x1b" not in shown
    assert len(shown) < 400


def test_a_place_that_is_not_in_the_text_is_that_of_the_table_around_it() -> None:
    document = parse("[a]\n[[a.b]]\nc = 1", "t")
    assert document.where(("a", "b", 0, "zzz", 7)) == (2, 5)
    assert document.where(("q",)) == (1, 1)
    assert document.where(()) == (1, 1)
    assert document.value(("a", "b", 0, "c")) == 1
    assert document.value(("a", "b", -1)) is None
    assert isinstance(document.tree, Mapping)
