"""Which numbers must never be blocked: the country's list, which is data of ours, and what the site names itself.

An exchange whose outbound we can pause needs at least one, else the site is refused. It asks no exchange.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from config.finding import Check, Finding
from config.model_devices import Exchange
from config.model_outputs import ExchangeOutput, Switch
from config.model_site import Site

_FILE = Path(__file__).resolve().parent / "emergency_numbers.toml"


@cache
def countries() -> Mapping[str, tuple[str, ...]]:
    """Emergency numbers by the two letters of a country."""
    listed = tomllib.loads(_FILE.read_text(encoding="utf-8"))["numbers"]
    return {country: tuple(numbers) for country, numbers in listed.items()}


def numbers_of(exchange: Exchange) -> tuple[str, ...]:
    """All numbers that this exchange must let pass, each once."""
    listed = countries().get(exchange.country or "", ())
    return tuple(dict.fromkeys((*exchange.emergency_numbers, *listed)))


def check_emergency(site: Site) -> Iterator[Finding]:
    """No gate without emergency numbers, and no country that the list does not have."""
    gated = {
        output.exchange
        for output in site.output
        if isinstance(output, ExchangeOutput) and output.switch is Switch.OUTBOUND
    }
    for index, exchange in enumerate(site.exchange):
        if exchange.country is not None and exchange.country not in countries():
            message = f"is not in the list ({', '.join(countries())}); name the numbers in emergency_numbers"
            yield Finding(path=("exchange", index, "country"), message=message, got=exchange.country)
        elif exchange.id in gated and not numbers_of(exchange):
            message = "is empty, but an output pauses outbound here; name a country or the numbers that must pass"
            path = ("exchange", index, "emergency_numbers")
            yield Finding(path=path, message=message, absence=True)


CHECKS: tuple[Check, ...] = (check_emergency,)
