"""The answers of a captured exchange, served again: a manager of plain sockets that shares nothing with our codec.

There is no foreign program that plays an Asterisk Manager back; the codec itself is tested against a real Asterisk.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from drivers.ami_account import Account
from drivers.pbx import PbxBus
from drivers.pbx_config import Action, PbxConfig
from drivers.pbx_trunks import Trunk
from firmware_py.wiring.probe import Opened

Row = list[list[str]]


@contextmanager
def serve_answers(capture: Mapping[str, Any]) -> Iterator[int]:
    """On a port of loopback. What is not in the capture is refused; there have been days since the boot."""
    answers = {(one["action"], _key(one["asked"])): one for one in capture["answer"]}

    class Replies(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"Asterisk Call Manager/9.0.0\r\n")
            asked: Row = []
            for raw in self.rfile:
                line = raw.decode().rstrip("\r\n")
                if line:
                    name, _, value = line.partition(":")
                    asked.append([name, value.strip()])
                elif asked:
                    self._answer(asked)
                    asked = []

        def _answer(self, asked: Row) -> None:
            named = dict(map(tuple, asked))
            number, action = named["ActionID"], named["Action"]
            if action in ("Login", "Ping"):
                self._say([["Response", "Success"], ["ActionID", number]])
            elif known := answers.get((action, _key([row for row in asked if row[0] not in ("Action", "ActionID")]))):
                self._say([*known["response"], ["ActionID", number]])
                for item in known["items"]:
                    self._say([*item, ["ActionID", number]])
                if any(row == ["EventList", "start"] for row in known["response"]):
                    self._say([["Event", "End"], ["EventList", "Complete"], ["ActionID", number]])
            else:
                self._say([["Response", "Error"], ["Message", "not recorded"], ["ActionID", number]])
            if action == "Login":
                self._say([["Event", "FullyBooted"], ["Uptime", "500000"]])

        def _say(self, rows: Row) -> None:
            self.wfile.write(("".join(f"{name}: {value}\r\n" for name, value in rows) + "\r\n").encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, block_on_close = True, False

    with Server(("127.0.0.1", 0), Replies) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _key(asked: Row) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(row) for row in asked)


def open_answers(capture: Mapping[str, Any], port: int) -> Opened:
    """The driver as it was told, but for the account."""
    told = json.loads(capture["settings"])
    account = Account(host="127.0.0.1", port=port, user="capture", secret="-", tls=None, answer_ms=2_000)
    trunks = tuple(Trunk(**_plain(one)) for one in told.pop("trunks"))
    actions = tuple(Action(**_plain(one)) for one in told.pop("actions"))
    return Opened(
        bus=PbxBus(PbxConfig(account=account, trunks=trunks, actions=actions, **_plain(told))), sources=dict, units={}
    )


def _plain(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
