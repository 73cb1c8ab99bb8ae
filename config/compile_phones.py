"""What is watched of an exchange's calls, out of the site: emergency numbers, the account, calls that remain.

It must not open a connection.
"""

from config.emergency import numbers_of
from config.model_site import Site
from monitors import calls
from monitors.parts import Part


def watch_calls(site: Site) -> list[Part]:
    """One part for each exchange."""
    gates = {
        output.exchange: output.id
        for output in site.output
        if output.port == "exchange" and output.id in site.outbound.outputs
    }
    return [
        calls.watch(calls.Calls(exchange=one.id, verifies=bool(numbers_of(one)), gate=gates.get(one.id, "")))
        for one in site.exchange
    ]
