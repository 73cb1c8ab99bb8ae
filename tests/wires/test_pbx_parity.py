"""The simulated exchange answers what the driver asks in the same words as a real Asterisk: header by header."""

import pytest

from drivers.ami import Answer
from drivers.ami_account import Account
from drivers.ami_link import AmiLink
from firmware_py.demo.exchange import SimExchange, SimTrunk
from tests.conftest import run
from tests.wires.asterisk import Asterisk

pytestmark = pytest.mark.wire
GATE = "DEVICE_STATE(Custom:parity)"
QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("Ping", {}),
    ("Getvar", {"Variable": GATE}),
    ("Setvar", {"Variable": GATE, "Value": "INUSE"}),
    ("Getvar", {"Variable": GATE}),
    ("Getvar", {"Variable": "DEVICE_STATE(PJSIP/trunk-main)"}),
    ("Getvar", {"Variable": "DEVICE_STATE(PJSIP/none)"}),
    ("Getvar", {"Variable": "PJSIP_AOR(none,contact)"}),
    ("Getvar", {"Variable": "GROUP_COUNT(out-main@trunks)"}),
    ("Getvar", {"Variable": "GROUP_COUNT(none@trunks)"}),
    ("Getvar", {"Variable": "PJSIP_CONTACT(none,status)"}),
    ("Getvar", {"Variable": "NO_SUCH(function)"}),
    ("PJSIPQualify", {"Endpoint": "trunk-main"}),
    ("PJSIPQualify", {"Endpoint": "none"}),
    ("PJSIPShowRegistrationsOutbound", {}),
    ("Originate", {"Channel": "Local/1@x"}),
    ("DBPut", {"Family": "a", "Key": "b", "Val": "c"}),
    ("NoSuchAction", {}),
)
# What may differ: ids and times made up by each side.
ANY_VALUE = {"actionid", "timestamp", "uptime", "lastreload"}
READ_OF_ITEMS = ("ObjectType", "ObjectName")  # the status may still be on its way, just after a start


def reduce(answer: Answer) -> object:
    head = [(name, "" if name.lower() in ANY_VALUE else value) for name, value in answer.response.headers]
    return head, [[item.get(name) for name in READ_OF_ITEMS] for item in answer.items]


async def interview(account: Account) -> tuple[list[object], list[str]]:
    link = AmiLink(account, lambda event: None)
    await link.open(3000)
    found = [reduce(await link.call(action, headers)) for action, headers in QUESTIONS]
    contact = (await link.call("Getvar", {"Variable": "PJSIP_AOR(trunk-main,contact)"})).response.get("Value")
    aor, at, digest = contact.partition("@@")
    found.append((aor, at, len(digest)))
    for part in ("status", "rtt"):
        value = (await link.call("Getvar", {"Variable": f"PJSIP_CONTACT({contact},{part})"})).response.get("Value")
        found.append(value if part == "status" else value.isdigit())
    names = [name for event in link.events() if event.event == "FullyBooted" for name, _ in event.headers]
    await link.call("Setvar", {"Variable": GATE, "Value": "UNKNOWN"})
    link.close()
    return found, names


def test_the_simulated_exchange_speaks_as_the_real_one(healthy: Asterisk) -> None:
    async def scenario() -> None:
        trunks = (SimTrunk(endpoint="trunk-main"), SimTrunk(endpoint="trunk-backup", registration="trunk-backup-reg"))
        simulated = SimExchange(trunks, user="edge-min", secret="x")
        await simulated.start()
        try:
            ours = await interview(Account(host="127.0.0.1", port=simulated.port, user="edge-min", secret="x"))
        finally:
            await simulated.stop()
        real = await interview(healthy.account())
        assert ours == real

    run(scenario())
