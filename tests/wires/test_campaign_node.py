"""A campaign paused and resumed at a web server that we did not write: node's own, with its chunks and keep-alive."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from drivers.campaign import Campaign, CampaignPort
from drivers.http import Request
from firmware_py.ports import DeviceError
from tests.conftest import require_program, run
from tests.wires.test_campaign import SECRET, Memory

pytestmark = pytest.mark.wire
SCRIPT, PATH = Path(__file__).with_name("web_dialler.js"), "/vicidial/non_agent_api.php"


@dataclass(frozen=True, kw_only=True)
class Dialler:
    process: subprocess.Popen[str]
    port: int

    def changes(self) -> list[str]:
        """What it was told, after its end."""
        self.process.terminate()
        assert self.process.stdout is not None
        return self.process.stdout.read().split()


@contextmanager
def node_dialler() -> Iterator[Dialler]:
    command = [require_program("node", "nodejs"), str(SCRIPT), SECRET, PATH]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Dialler(process=process, port=int(process.stdout.readline()))
        finally:
            process.kill()


def campaign(dialler: Dialler, secret: str = SECRET) -> Campaign:
    root = f"http://127.0.0.1:{dialler.port}{PATH}"
    return Campaign(
        output="campaign.sales",
        pause=Request(url=f"{root}?pass={{secret}}&campaign_id=SALES&active=N"),
        resume=Request(url=root, body="pass={secret}&campaign_id=SALES&active=Y"),
        look=Request(url=f"{root}?pass={{secret}}&campaign_id=SALES"),
        paused=r"^SALES\|[^|]*\|N\|",
        done="SUCCESS",
        secret=secret,
    )


def test_a_campaign_at_node_is_paused_once_seen_paused_and_resumed_after_a_restart_of_ours() -> None:
    async def scenario(dialler: Dialler) -> None:
        memory = Memory()
        port = CampaignPort(campaign(dialler), memory)
        assert await port.read_back(port.name) is False
        await port.write(port.name, True)
        await port.write(port.name, True)
        assert await port.read_back(port.name) is True
        after = CampaignPort(campaign(dialler), memory)
        await after.write(port.name, False)
        assert await after.read_back(port.name) is False and memory.words == []

    with node_dialler() as dialler:
        run(scenario(dialler))
        assert dialler.changes() == ["N", "Y"], "only differences are said"


def test_a_wrong_secret_at_node_is_an_error_though_the_status_says_200() -> None:
    async def scenario(dialler: Dialler) -> None:
        port = CampaignPort(campaign(dialler, "wrong-one"), Memory())
        with pytest.raises(DeviceError, match="Login incorrect") as caught:
            await port.write(port.name, True)
        assert "wrong-one" not in str(caught.value)

    with node_dialler() as dialler:
        run(scenario(dialler))
        assert dialler.changes() == []
