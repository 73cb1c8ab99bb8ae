"""Every wait for a far end has an end: read from the code itself, so that a new one without a limit is noticed.

A wait is bounded where it stands inside `asyncio.timeout`, or by a caller that is named here with how it does it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import PROJECT

FOLDERS = ("drivers", "mqtt_bridge", "firmware_py")
# What waits for somebody else's word, connection or end.
FAR = frozenset(
    {"open_connection", "open_unix_connection", "create_connection", "create_datagram_endpoint", "getaddrinfo",
     "start_tls", "readline", "readuntil", "readexactly", "drain", "wait_closed", "communicate",
     "sock_recv", "sock_sendall", "sock_connect"}
)  # fmt: skip
# `read` and `wait` are names of ours too; these objects are far ends.
FAR_READERS = frozenset({"reader", "stdin", "stdout", "stderr", "process"})
ASKED = "called by the poller alone, whose Asker cuts off and abandons (test_poller, test_shell)"
BOUNDED_ELSEWHERE = {
    ("drivers/ami_link.py", "_connect"): "inside `open`'s timeout",
    ("drivers/http.py", "_receive"): "inside `fetch`'s timeout",
    ("drivers/reach.py", "_visit"): "inside `_look`'s timeout",
    ("drivers/reach.py", "_ask"): "inside `_look`'s timeout",
    ("drivers/modbus_tcp.py", "connect"): "inside the timeout of `modbus_link`'s `open`",
    ("drivers/snmp.py", "connect"): ASKED,
    ("drivers/snmp_socket.py", "_resolve"): ASKED,
    ("drivers/snmp_traps.py", "_open"): "binds a local address: the kernel answers at once",
    ("firmware_py/runtime/hook.py", "_feed"): "inside `_carry`'s timeout",
    ("firmware_py/runtime/hook.py", "_carry"): "after SIGKILL to the whole session",
}


def is_far(call: ast.Call) -> bool:
    """A call that waits for somebody else."""
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr in FAR:
        return True
    owner = call.func.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return call.func.attr in ("read", "wait") and name.lstrip("_") in FAR_READERS


def is_limit(block: ast.AST) -> bool:
    """`async with asyncio.timeout(...)`."""
    return isinstance(block, ast.AsyncWith) and any("asyncio.timeout" in ast.unparse(item) for item in block.items)


def unbounded(source: str) -> Iterator[tuple[str, int]]:
    """(function, line) of each wait for a far end without a limit around it in its own function."""

    def visit(node: ast.AST, function: str, limited: bool) -> Iterator[tuple[str, int]]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function, limited = node.name, False
        waits = isinstance(node, ast.Await) and isinstance(node.value, ast.Call)
        if waits and not limited:
            assert isinstance(node, ast.Await) and isinstance(node.value, ast.Call)
            called = ast.unparse(node.value.func)
            inner = [one for one in ast.walk(node.value) if isinstance(one, ast.Call)]
            if not called.endswith("wait_for") and any(is_far(one) for one in inner):
                yield function, node.lineno
        for child in ast.iter_child_nodes(node):
            yield from visit(child, function, limited or is_limit(node))

    yield from visit(ast.parse(source), "", False)


def files() -> list[Path]:
    every = [path for folder in FOLDERS for path in sorted((PROJECT / folder).rglob("*.py"))]
    return [path for path in every if "demo" not in path.parts]


def test_every_wait_for_a_far_end_has_a_limit_that_can_be_pointed_at() -> None:
    found = {
        (str(path.relative_to(PROJECT)), function): line
        for path in files()
        for function, line in unbounded(path.read_text())
    }
    assert {place: line for place, line in found.items() if place not in BOUNDED_ELSEWHERE} == {}
    assert set(BOUNDED_ELSEWHERE) - set(found) == set(), "what is not there any more needs no excuse"


def test_the_search_finds_waits_and_knows_limits() -> None:
    limit, head = "    async with asyncio.timeout(1):\n", "async def f(one):\n"
    bad = head + "    await reader.read(1)\n"
    worse = head + limit + "        pass\n    x = await asyncio.open_connection('h', 1)\n"
    nested = head + limit + "        async def g():\n            await one.drain()\n"
    good = head + limit + "        try:\n            await one.drain()\n        finally:\n            pass\n"
    waited = head + "    await asyncio.wait_for(one.readline(), 1)\n"
    assert list(unbounded(bad)) == [("f", 2)]
    assert list(unbounded(worse)) == [("f", 4)]
    assert list(unbounded(nested)) == [("g", 4)]
    assert list(unbounded(good)) == list(unbounded(waited)) == []
