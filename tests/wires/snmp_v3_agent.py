"""An SNMPv3 agent that we did not write: pysnmp's own command responder, with a user for each pair of protocols."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import cmdrsp, context

from drivers.snmp import _AUTH, _PRIVACY
from drivers.snmp_access import User
from drivers.snmp_keys import HASHES
from tests.conftest import find_udp_port

HOST = "127.0.0.1"
AUTH, PRIV = "a phrase for auth", "a phrase for priv"
USERS = (
    User(name="nobody"),
    *(User(name=f"{auth}-none", auth=auth, auth_phrase=AUTH) for auth in HASHES),
    *(User(name=f"{auth}-aes", auth=auth, auth_phrase=AUTH, privacy="aes", privacy_phrase=PRIV) for auth in HASHES),
)


@contextmanager
def agent(port: int = 0) -> Iterator[int]:
    """Its port. Needs a running loop."""
    port = port or find_udp_port()
    made = engine.SnmpEngine()
    config.add_transport(made, udp.DOMAIN_NAME, udp.UdpAsyncioTransport().open_server_mode((HOST, port)))
    for user in USERS:
        config.add_v3_user(
            made, user.name, _AUTH[user.auth], user.auth_phrase.encode() or None, _PRIVACY[user.privacy],
            user.privacy_phrase.encode() or None,
        )  # fmt: skip
        level = "noAuthNoPriv" if user.auth is None else "authNoPriv" if user.privacy is None else "authPriv"
        config.add_vacm_user(made, 3, user.name, level, (1, 3, 6), (1, 3, 6))
    served = context.SnmpContext(made)
    for responder in (cmdrsp.GetCommandResponder, cmdrsp.NextCommandResponder, cmdrsp.BulkCommandResponder):
        responder(made, served)
    try:
        yield port
    finally:
        made.close_dispatcher()
