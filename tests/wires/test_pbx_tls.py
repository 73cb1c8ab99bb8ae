"""The manager over TLS against a real Asterisk: the right authority lets us in, a wrong one or none never sends the
secret."""

import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.ami_account import Account
from drivers.ami_link import AmiLink, Phase
from firmware_py.ports import DeviceError
from tests.conftest import eventually, find_tcp_port, run
from tests.wires.asterisk import Asterisk
from tests.wires.mqtt_certificates import Authority
from tests.wires.test_pbx import connected, state

pytestmark = pytest.mark.wire


@pytest.fixture(name="secure")
def secure_fixture(healthy: Asterisk, tmp_path: Path) -> Iterator[tuple[Asterisk, int, Path]]:
    """The exchange with a TLS port beside the plain one, set up as docs/asterisk-gate.md says."""
    certificate, key = Authority(tmp_path / "ours").issue("pbx")
    Authority(tmp_path / "stranger")
    port, manager = find_tcp_port(), healthy.folder / "etc" / "manager.conf"
    before = manager.read_text()
    tls = f"tlsenable = yes\ntlsbindaddr = 127.0.0.1:{port}\ntlscertfile = {certificate}\ntlsprivatekey = {key}\n"
    reload = [str(healthy.folder / "cli"), "manager reload"]
    manager.write_text(before.replace("authtimeout = 10\n", f"authtimeout = 10\n{tls}", 1))
    try:
        subprocess.run(reload, check=True, stdout=subprocess.DEVNULL, timeout=10)
        eventually(lambda: _listens(port), what="the exchange listens for TLS")
        yield healthy, port, tmp_path
    finally:
        manager.write_text(before)
        subprocess.run(reload, check=True, stdout=subprocess.DEVNULL, timeout=10)


def _listens(port: int) -> bool:
    return any(line.split()[1].endswith(f":{port:04X}") for line in Path("/proc/net/tcp").read_text().splitlines()[1:])


def account(exchange: Asterisk, port: int, authority: Path | None) -> Account:
    context = ssl.create_default_context(cafile=authority)
    return replace(exchange.account(), port=port, tls=context)


def test_the_least_user_reads_and_gates_over_tls(secure: tuple[Asterisk, int, Path]) -> None:
    exchange, port, folder = secure

    async def scenario() -> None:
        async with connected(exchange.configure(account=account(exchange, port, folder / "ours" / "ca.pem"))) as bus:
            assert (await state(bus, "main")).value == "up"
            await bus.write("outbound_paused", True)
            assert await bus.read_back("outbound_paused") is True
            await bus.write("outbound_paused", False)

    run(scenario())


@pytest.mark.parametrize("authority", ["stranger", None])
def test_an_exchange_that_we_cannot_trust_never_gets_the_secret(
    secure: tuple[Asterisk, int, Path], authority: str | None
) -> None:
    exchange, port, folder = secure

    async def scenario() -> None:
        link = AmiLink(
            account(exchange, port, folder / authority / "ca.pem" if authority else None), lambda event: None
        )
        with pytest.raises(DeviceError, match="certificate verify failed"):
            await link.open(3_000)
        assert link.phase is Phase.CLOSED and not link.refused

    run(scenario())


def test_a_plain_port_where_tls_was_expected_is_told_and_waits_for_nothing(healthy: Asterisk, tmp_path: Path) -> None:
    Authority(tmp_path / "ours")

    async def scenario() -> None:
        link = AmiLink(account(healthy, healthy.port, tmp_path / "ours" / "ca.pem"), lambda event: None)
        with pytest.raises(DeviceError):
            await link.open(3_000)
        assert link.phase is Phase.CLOSED

    run(scenario())
