"""Whatever a file holds: it loads, or is refused with a ConfigError whose places are in the file. Never a traceback."""

import contextlib
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from config.site import build_site, load_site
from config.strict import ConfigError, Fault, parse
from tests.config.test_site_wrong import EXAMPLE

LINES = EXAMPLE.split("\n")
KEYS = sorted({line.split(" =")[0] for line in LINES if " =" in line and not line.startswith("#")})
VALUES = st.sampled_from(
    [
        *(
            '""',
            '"x"',
            '"5 s"',
            '"80 %"',
            '"27 C"',
            '"on"',
            '"credential:a"',
            '"/a"',
            '"ups1"',
            '"\\u0000"',
            '"é"',
            "''",
        ),
        *("1", "0", "-1", "99999999999999999999999", "1.5", "nan", "inf", "true", "false", "1979-05-27", "07:32:00"),
        *(
            "[]",
            "[[]]",
            "[1, 'a']",
            "{}",
            "{ id = 1 }",
            "[{ id = 'x' }]",
            "{ a.b.c.d = [] }",
            "'''\n'''",
            "1e400",
            "0x1F",
        ),
    ]
)
HEADERS = sorted({line for line in LINES if line.startswith("[")})


def faults_of(text: str) -> tuple[Fault, ...]:
    try:
        build_site(parse(text, "site.toml"))
    except ConfigError as error:
        return error.faults
    return ()


def judge(text: str) -> None:
    """Loads, or is refused with places that the text has."""
    lines = text.replace("\r\n", "\n").split("\n")
    for fault in faults_of(text):
        assert fault.file == "site.toml"
        assert 1 <= fault.line <= len(lines), fault
        assert 1 <= fault.col <= len(lines[fault.line - 1]) + 1, fault
        assert fault.message
        assert "\n" not in str(fault)


@given(st.text(max_size=200))
@example("\ufeff")
@example("[site]\nid = 1\n[site.id]\n")
@example("\x00")
@example("a" + ".a" * 1900 + " = 1")
@example("a = [" + "[" * 1900)
@example("site.id = 'a'\nsite.name = 'b'")
@example("[[site]]\nid = 'a'")
@example('"" = 1\n"a.b" = { "" = 2 }')
@example("input = []\nups = [[], {}, 1]")
def test_any_text_loads_or_is_refused_at_a_place_that_it_has(text: str) -> None:
    judge(text)


TOML_WORDS = st.lists(
    st.sampled_from([*HEADERS, *KEYS, "=", "\n", ".", ",", "{", "}", "[", "]", '"""', "#", " ", "\t"]) | VALUES,
    max_size=40,
)


@given(TOML_WORDS)
def test_any_pile_of_toml_words_loads_or_is_refused_at_a_place_that_it_has(words: list[str]) -> None:
    judge(" ".join(words))


@st.composite
def mutants(draw: st.DrawFn) -> str:
    """The example site with up to four lines changed, moved, doubled or lost."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        index = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 6)):
            case 0:
                del lines[index]
            case 1:
                lines.insert(index, lines[index])
            case 2:
                lines[index] = f"{lines[index].split(' =')[0]} = {draw(VALUES)}"
            case 3:
                lines.insert(index, draw(st.sampled_from(HEADERS)))
            case 4:
                lines.insert(index, f"{draw(st.sampled_from(KEYS))} = {draw(VALUES)}")
            case 5:
                other = draw(st.integers(0, len(lines) - 1))
                lines[index], lines[other] = lines[other], lines[index]
            case _:
                cut = draw(st.integers(0, len(lines[index])))
                lines[index] = lines[index][:cut] + draw(st.text(max_size=3)) + lines[index][cut:]
    return "\n".join(lines)


@given(mutants())
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
def test_a_mutant_of_the_example_loads_or_is_refused_at_a_place_that_it_has(text: str) -> None:
    judge(text)


def test_the_example_without_any_one_line_loads_or_is_refused() -> None:
    """Every fifth line; all of them would cost more time than they tell."""
    for index in range(0, len(LINES), 5):
        judge("\n".join(LINES[:index] + LINES[index + 1 :]))


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_in_a_file_are_refused_or_load(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "site.toml").write_bytes(content)
    with pytest.raises(ConfigError):
        load_site(tmp_path / "site.toml")


def test_bits_that_flip_on_a_bad_card_give_no_traceback(tmp_path: Path) -> None:
    chance = random.Random(7)
    content = EXAMPLE.encode()
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        (tmp_path / "site.toml").write_bytes(damaged)
        with contextlib.suppress(ConfigError):
            load_site(tmp_path / "site.toml")
