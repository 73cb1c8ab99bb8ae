"""Secrets are planted, far ends repeat them in their complaints; then every output of the product is searched.

The search knows nothing of the product's own sieve: each secret in clear, quoted, escaped, in base64, and its
beginning, for what is cut short may be cut in the middle of it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys
import tarfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from config.redact import STRUCK
from tests.conftest import PROJECT, eventually_async, find_udp_port, run
from tests.e2e.rig import Picture, Rig
from tests.e2e.site import COMMUNITY, Times
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
NAMES = ("manager", "reader", "writer", "autheni", "privacy", "broker1", "dialler")
# As awkward as a line of text may be; the first eight letters are in no other word.
PLANTED = {name: f'{name}Q7/+ "{name[::-1]}" ä%' for name in NAMES}
VERBS = (
    "status --socket SOCKET", "status --json --socket SOCKET", "log --socket SOCKET", "log --json --socket SOCKET",
    "report shift --socket SOCKET", "report shift --format html --socket SOCKET",
    "report defects --json --socket SOCKET", "probe pbx1 --directly --config SITE --socket SOCKET",
    "doctor SITE --socket SOCKET", "check SITE", "check --effective SITE", "diff SITE --socket SOCKET",
    "legend SITE --socket SOCKET", "handover --socket SOCKET", "probe ups3 --config SITE --socket SOCKET",
    "probe pbx1 --config SITE --socket SOCKET",
)  # fmt: skip


def forms(secret: str) -> set[bytes]:
    """How it could stand somewhere, whole or cut short."""
    texts = {secret, secret[:8], quote(secret, safe=""), quote(secret[:8], safe=""), quote_plus(secret)}
    texts |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    return {text.encode() for text in texts} | {base64.b64encode(secret.encode())}


def found_in(outputs: dict[str, bytes]) -> list[str]:
    """Which output holds which secret."""
    secrets = PLANTED | {"community": COMMUNITY}
    return [
        f"{name}: {secret}"
        for name, raw in outputs.items()
        for secret, text in secrets.items()
        if any(form in raw for form in forms(text))
    ]


async def serve_rude_exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuses the login and says what it was given."""
    writer.write(b"Asterisk Call Manager/9.0.0\r\n")
    said = (await reader.readuntil(b"\r\n\r\n")).decode()
    heads = dict(line.split(": ", 1) for line in said.strip().split("\r\n"))
    answer = {
        "Response": "Error", "ActionID": heads["ActionID"],
        "Message": f"Authentication failed, {heads['Secret']} is wrong",
    }  # fmt: skip
    writer.write("".join(f"{name}: {text}\r\n" for name, text in answer.items()).encode() + b"\r\n")
    await writer.drain()
    writer.close()


async def serve_rude_dialler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers what it was asked, as some do in their error pages: first the address, then the authorization."""
    said = await reader.readuntil(b"\r\n\r\n")
    first, authorization = said.split(b"\r\n")[0], said.partition(b"Authorization: ")[2].partition(b"\r\n")[0]
    body = b"ERROR " + (authorization if b"look" in first else first)
    writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    await writer.drain()
    writer.close()


def plant(rig: Rig, manager: int, dialler: int) -> None:
    """The secrets into their files, and whoever uses them into the site."""
    for name, text in PLANTED.items():
        file = rig.folder / f"{name}.secret"
        file.touch(mode=0o600)
        file.write_text(text + "\n")

    def ref(name: str) -> str:
        return f'"{rig.folder / name}.secret"'

    assert rig.ports is not None
    site = rig.site_file.read_text().replace(f"port = {rig.ports.exchange}\n", f"port = {manager}\n")
    site = site.replace(f'"{rig.folder / "pbx1.secret"}"', ref("manager"))
    site = site.replace("[mqtt]", f'[mqtt]\nusername = "acceptance"\npassword_file = {ref("broker1")}')
    site = site.replace('outputs = ["outbound_paused"]', 'outputs = ["outbound_paused", "campaign.sales"]')
    rig.site_file.write_text(site + more_devices(f"http://127.0.0.1:{dialler}", ref))


def more_devices(address: str, ref: Callable[[str], str]) -> str:
    """Two UPSs where nobody answers, and a dialler."""
    return f"""
[[ups]]
id = "ups2"
address = "127.0.0.1"
port = {find_udp_port()}
profile = "ups_auto"
community_file = {ref("reader")}
outlets = [1]
write_community_file = {ref("writer")}

[[ups]]
id = "ups3"
address = "127.0.0.1"
port = {find_udp_port()}
version = "3"
v3 = {{ user = "floor", auth_secret_file = {ref("autheni")}, privacy_secret_file = {ref("privacy")} }}

[[output]]
id = "printers"
port = "outlet"
ups = "ups2"
outlet = 1
on_stop = "hold"
on_fault = "hold"

[[output]]
id = "campaign.sales"
port = "campaign"
pause = "{address}/pause?pass={{secret}}&active=N"
resume = "{address}/resume?pass={{secret}}&active=Y"
look = "{address}/look"
paused = "PAUSED"
done = "SUCCESS"
authorization = "Bearer {{secret}}"
secret_file = {ref("dialler")}
on_stop = "hold"
on_fault = "hold"
"""


async def say(rig: Rig, *words: str) -> bytes:
    """All that a verb prints."""
    places = {"SITE": str(rig.site_file), "SOCKET": str(rig.socket)}
    command = [sys.executable, "-m", "firmware_py", *(places.get(word, word) for word in words)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=PROJECT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert b"usage:" not in said and b"Traceback" not in said, (words, said.decode())
    return said


def both_have_answered(picture: Picture) -> bool:
    """The rude ones were heard, and what they said was struck out."""
    manager = picture.get("devices", {}).get("pbx1", {}).get("error", "")
    dialler = picture.get("points", {}).get("out.campaign.sales.follows", {}).get("detail", "")
    return STRUCK in manager and STRUCK in dialler


async def collect(rig: Rig, ear: Collector) -> dict[str, bytes]:
    """Every output there is while it runs."""
    outputs = {"status": json.dumps(await rig.status()).encode()}
    outputs["pictures"] = json.dumps([picture for _, picture in rig.seen], ensure_ascii=False).encode()
    said = await asyncio.gather(*(say(rig, *verb.split()) for verb in VERBS))
    outputs |= dict(zip(VERBS, said, strict=True))
    for verb in ("bundle", "export"):
        await say(rig, verb, str(rig.folder / f"{verb}.tar.gz"), "--config", "SITE", "--socket", "SOCKET")
        with tarfile.open(rig.folder / f"{verb}.tar.gz") as archive:
            outputs |= {f"{verb} {one.name}": file.read() for one in archive if (file := archive.extractfile(one))}
    assert rig.process is not None
    for name in ("cmdline", "environ"):
        outputs[name] = Path(f"/proc/{rig.process.pid}/{name}").read_bytes()
    outputs["mqtt"] = json.dumps([(one.topic, one.data) for one in ear.heard], ensure_ascii=False).encode()
    return outputs


def test_no_planted_secret_is_in_any_output(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONFAULTHANDLER", "1")

    async def scenario(broker: Mosquitto, ear: Collector) -> dict[str, bytes]:
        async with AsyncExitStack() as stack:
            servers = [
                await stack.enter_async_context(await asyncio.start_server(serve, "127.0.0.1", 0))
                for serve in (serve_rude_exchange, serve_rude_dialler)
            ]
            times = Times(on_delay="250 ms")
            rig = await stack.enter_async_context(Rig.open(tmp_path, broker=broker.port, times=times))
            plant(rig, *(server.sockets[0].getsockname()[1] for server in servers))
            await rig.start()
            await rig.until(lambda seen: seen.get("mode") == "normal", within_s=60, what="it has started")
            rig.world.mains = False
            await rig.until(both_have_answered, within_s=30, what="both rude peers were heard")
            await eventually_async(lambda: ear.of("event"), within_s=20, what="an event at the broker")
            outputs = await collect(rig, ear)
            # The end too: each thread's stack in the log, as the watchdog's SIGABRT leaves it.
            assert await rig.stop(signal.SIGABRT) == -signal.SIGABRT
            outputs["log"] = rig.log.encode()
            kept = [file for file in rig.state.rglob("*") if file.is_file()]
            return outputs | {str(file.relative_to(tmp_path)): file.read_bytes() for file in kept}

    users = {"acceptance": PLANTED["broker1"], "ear": "ear"}
    with Mosquitto.serve(tmp_path_factory.mktemp("broker"), users=users) as broker:
        ear = Collector(broker.port, username="ear", password="ear")
        try:
            outputs = run(scenario(broker, ear), within_s=180)
        finally:
            ear.close()
    assert found_in(outputs) == []
    assert {"log", "mqtt", "status", *VERBS, "bundle floorguard-bundle/status.json"} <= outputs.keys()
    assert any("journal" in name for name in outputs) and b"Current thread" in outputs["log"]
    assert STRUCK.encode() in outputs["log"] and STRUCK.encode() in outputs["status"]


def test_the_search_finds_each_secret_in_each_form() -> None:
    for name, secret in PLANTED.items():
        for form in forms(secret):
            assert found_in({"here": b"<" + form + b">"}) == [f"here: {name}"]
    assert found_in({"here": b"nothing"}) == []
