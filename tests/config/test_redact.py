"""The sieve for texts that leave: what was read as a secret is struck out, however it stands there."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import redact as sieve
from config.redact import STRUCK, forget, learn, redact
from config.secrets import read_secret
from firmware_py.cli.run import _Plain, _Prefixed
from firmware_py.ports import DeviceError

HIDDEN = 'correct "horse"/+ ä'


@pytest.fixture(autouse=True)
def knows_nothing() -> Iterator[None]:
    before = list(sieve._known)
    forget()
    yield
    forget()
    for one in before:
        learn(one)


@pytest.mark.parametrize(
    "shown",
    [HIDDEN, quote(HIDDEN, safe=""), quote(HIDDEN), quote_plus(HIDDEN), json.dumps(HIDDEN), repr(HIDDEN),
     json.dumps(HIDDEN, ensure_ascii=False)],
)  # fmt: skip
def test_a_secret_is_struck_out_in_every_form_that_a_far_end_may_repeat(shown: str) -> None:
    assert redact(f"he said {shown}!") == f"he said {shown}!", "nobody has learnt it"
    learn(HIDDEN)
    told = redact(f"he said {shown}!")
    assert STRUCK in told and "correct" not in told and "horse" not in told
    assert told.startswith("he said ") and told.endswith("!")


def test_reading_a_secret_is_learning_it(tmp_path: Path) -> None:
    file = tmp_path / "s"
    file.touch(mode=0o600)
    file.write_text(HIDDEN + "\n")
    assert read_secret(str(file), {}).reveal() == HIDDEN
    assert redact(HIDDEN) == STRUCK


def test_a_device_error_and_a_line_of_the_log_go_through_the_sieve() -> None:
    learn(HIDDEN)
    assert str(DeviceError(f"login failed for {HIDDEN}")) == f"login failed for {STRUCK}"
    try:
        raise ZeroDivisionError(HIDDEN)
    except ZeroDivisionError as error:
        trouble = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "with %s", (HIDDEN,), trouble)
    for formatter in (_Plain("%(levelname)s %(message)s"), _Prefixed("%(message)s")):
        record.exc_text = None
        line = formatter.format(record)
        assert "horse" not in line and line.count(STRUCK) == 2 and "ZeroDivisionError" in line


def test_a_short_secret_is_struck_out_as_a_word_only_and_a_factory_word_never() -> None:
    learn("floor")
    learn("public")
    learn("abc")
    assert redact("community floor of fan.floor, floor1 and public abc") == (
        f"community {STRUCK} of fan.floor, floor1 and public abc"
    )


def test_what_looks_like_a_secret_goes_even_when_nobody_has_learnt_it() -> None:
    assert redact("https://u:pw@h/x?pass=hunter2&active=N") == f"https://{STRUCK}@h/x?pass={STRUCK}&active=N"
    kept = 'password_file = "credential:mqtt.password"\npass={secret}\nsecret = "/etc/x"'
    assert redact(kept) == kept


def test_what_is_known_has_a_limit_and_the_newest_stays() -> None:
    for number in range(1_000):
        learn(f"secret number {number}")
    assert len(sieve._known) <= 256
    assert redact("secret number 999") == STRUCK
    learn("secret number 999")
    assert len(sieve._known) <= 256


@given(st.text(min_size=8, max_size=40), st.text(max_size=60), st.text(max_size=60))
def test_whatever_the_secret_and_the_text_it_is_gone(secret: str, before: str, after: str) -> None:
    told = redact(before + secret + after, [secret])
    assert secret not in told or secret in STRUCK * 3
