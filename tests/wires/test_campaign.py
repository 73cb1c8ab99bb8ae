"""Campaigns against a web server of the standard library that answers as a dialler does, and against rubbish."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from drivers.campaign import Campaign, CampaignPort
from drivers.http import BODY_LIMIT, Request, encode, fetch
from firmware_py.ports import DeviceError
from tests.conftest import eventually_async, run

pytestmark = pytest.mark.wire
SECRET = "p&ss w/rd"  # what has to be quoted in an address


class Dialler(ThreadingHTTPServer):
    """One campaign in the words of VICIdial's non-agent interface: an error is a text under 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.active, self.strict, self.deaf = True, False, False
        self.asked: list[str] = []

    def answer(self, query: dict[str, list[str]]) -> tuple[int, str]:
        if query.get("pass") != [SECRET]:
            return 200, "ERROR: Login incorrect\n"
        wanted = query.get("active")
        if wanted is None:
            return 200, f"SALES|Sales|{'Y' if self.active else 'N'}|RATIO\n"
        self.asked.append(wanted[0])
        if self.strict and (wanted[0] == "Y") is self.active:
            return 409, "already in that state"
        if not self.deaf:
            self.active = wanted[0] == "Y"
        return 200, "SUCCESS: update_campaign CAMPAIGN HAS BEEN UPDATED - SALES\n"


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._reply(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._reply(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _reply(self, query: str) -> None:
        assert isinstance(self.server, Dialler)
        status, text = self.server.answer(parse_qs(query))
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: addresses hold the secret."""


class Memory:
    """A file that outlives the process."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def recall(self) -> list[str]:
        return list(self.words)

    async def remember(self, words: Sequence[str]) -> None:
        self.words = list(words)


@pytest.fixture(name="dialler")
def dialler_fixture() -> Iterator[Dialler]:
    server = Dialler()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def campaign(dialler: Dialler) -> Campaign:
    root = f"http://127.0.0.1:{dialler.server_port}/api?user=u&pass={{secret}}&campaign_id=SALES"
    return Campaign(
        output="campaign.sales",
        pause=Request(url=root + "&active=N"),
        resume=Request(url=f"http://127.0.0.1:{dialler.server_port}/api", body="pass={secret}&active=Y"),
        look=Request(url=root),
        paused=r"^SALES\|[^|]*\|N\|",
        done="SUCCESS",
        secret=SECRET,
    )


def test_a_campaign_is_paused_and_resumed_and_each_is_seen(dialler: Dialler) -> None:
    async def scenario() -> None:
        memory = Memory()
        port = CampaignPort(campaign(dialler), memory)
        assert port.outputs == {"campaign.sales"} and await port.read_back(port.name) is False
        await port.write(port.name, True)
        await port.write(port.name, True)
        assert not dialler.active and await port.read_back(port.name) is True and memory.words == [port.name]
        await port.write(port.name, False)
        await port.write(port.name, False)
        assert dialler.active and await port.read_back(port.name) is False and memory.words == []
        assert dialler.asked == ["N", "Y"], "only differences are said"

    run(scenario())


def test_a_pause_of_ours_is_lifted_after_a_restart_and_a_persons_never(dialler: Dialler) -> None:
    async def scenario() -> None:
        memory = Memory()
        await CampaignPort(campaign(dialler), memory).write("campaign.sales", True)
        after = CampaignPort(campaign(dialler), memory)
        await after.write("campaign.sales", False)
        assert dialler.active
        dialler.active = False  # by hand, at the dialler
        for wanted in (False, True, False):
            await after.write("campaign.sales", wanted)
            assert await after.read_back("campaign.sales") is wanted, "a person's pause is no fault of the output"
        assert not dialler.active and dialler.asked == ["N", "Y"]

    run(scenario())


def test_a_dialler_that_accepts_and_does_nothing_is_found_out_both_ways(dialler: Dialler) -> None:
    async def scenario() -> None:
        port = CampaignPort(campaign(dialler), Memory())
        dialler.deaf = True
        with pytest.raises(DeviceError, match="is not there"):
            await port.write(port.name, True)
        dialler.deaf = False
        await port.write(port.name, True)
        dialler.deaf = True
        with pytest.raises(DeviceError, match="still paused"):
            await port.write(port.name, False)
        dialler.deaf = False
        await port.write(port.name, False)
        assert dialler.active

    run(scenario())


def test_an_error_under_200_is_an_error_and_no_secret_is_told(dialler: Dialler) -> None:
    async def scenario() -> None:
        wrong = replace(campaign(dialler), secret="wrong-one", look=None)
        with pytest.raises(DeviceError, match="Login incorrect") as caught:
            await CampaignPort(wrong, Memory()).write("campaign.sales", True)
        assert "wrong-one" not in str(caught.value) and "pass=" not in str(caught.value)
        assert "wrong-one" not in repr(wrong) and "user=" not in repr(wrong)

    run(scenario())


def test_already_in_that_state_is_as_good_where_the_site_says_so(dialler: Dialler) -> None:
    async def scenario() -> None:
        dialler.strict, dialler.active = True, False
        blind = replace(campaign(dialler), look=None, done="")
        with pytest.raises(DeviceError, match="409"):
            await CampaignPort(blind, Memory()).write("campaign.sales", True)
        port = CampaignPort(replace(blind, accepts=frozenset({200, 409})), Memory())
        await port.write(port.name, True)
        assert await port.read_back(port.name) is None, "nobody can look"

    run(scenario())


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def peer(*pieces: bytes, hold: bool = False) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
        if hold:
            with contextlib.suppress(ConnectionError):
                await reader.read()
        writer.close()

    return serve


@pytest.mark.parametrize(
    ("serve", "why"),
    [
        (peer(b"220 mail.example ESMTP\r\n\r\n"), "as a web server"),
        (peer(b""), "as a web server"),
        (peer(b"HTTP/1.1 200 OK\r\n"), "as a web server"),
        (peer(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n"), "as a web server"),
        (peer(b"HTTP/1.1 200 OK\r\n\r\nbegun", hold=True), "within 500 ms"),
    ],
)
def test_rubbish_and_silence_are_errors_and_never_wait_for_ever(serve: Serve, why: str) -> None:
    async def scenario() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            with pytest.raises(DeviceError, match=why):
                await fetch(Request(url=url), "", 500, None)
            await eventually_async(lambda: len(asyncio.all_tasks()) == 1, within_s=3, what="the peer has seen the end")

    run(scenario())


def test_an_endless_answer_is_cut_and_a_closed_port_is_told() -> None:
    async def scenario() -> None:
        flood = peer(b"HTTP/1.0 200 OK\r\n\r\n", *[b"x" * 65_536] * 20)
        async with await asyncio.start_server(flood, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            assert len((await fetch(Request(url=url), "", 5_000, None)).text) <= BODY_LIMIT
        with pytest.raises(DeviceError, match="http://127"):
            await fetch(Request(url=url), "", 5_000, None)

    run(scenario())


def test_no_part_of_a_request_can_bring_a_line_of_its_own() -> None:
    sent = encode(Request(url="http://h/x?p={secret}"), "a\r\nX: y")
    assert sent.startswith(b"GET /x?p=a%0D%0AX%3A%20y HTTP/1.0\r\nHost: h\r\n")
    with pytest.raises(ValueError, match="line break"):
        encode(Request(url="http://h/", authorization="Bearer {secret}"), "a\r\nX: y")
