"""Roles at the control socket: by group, for the peer that the kernel names, over real sockets and real groups."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from pathlib import Path

import pytest

from firmware_py.core.command import CommandRefused
from firmware_py.runtime.control_wire import ControlClient
from firmware_py.runtime.rights import OPERATE_VERBS, VIEW_VERBS, Peer, Rights, Role, find_gid, role_for
from tests.conftest import PROJECT, run
from tests.runtime.test_control import serving

GIDS = {"lookers": 2001, "operators": 2002, "owners": 2003}
ROLES = {Role.VIEW: ("lookers",), Role.OPERATE: ("operators",), Role.CONFIGURE: ("owners", "nowhere")}
RIGHTS = Rights(groups=ROLES, own_uid=999, find_gid=GIDS.get)


def peer(*groups: int, uid: int = 1000) -> Peer:
    return Peer(pid=1, uid=uid, gid=1000, groups=frozenset(groups))


@pytest.mark.parametrize(
    ("who", "role"),
    [
        (peer(), Role.NOBODY),
        (peer(2001), Role.VIEW),
        (peer(2001, 2002), Role.OPERATE),
        (peer(2003), Role.CONFIGURE),
        (Peer(pid=1, uid=1000, gid=2002), Role.OPERATE),
        (peer(uid=0), Role.CONFIGURE),
        (peer(uid=999), Role.CONFIGURE),
    ],
)
def test_the_highest_role_of_a_peers_groups_counts(who: Peer, role: Role) -> None:
    assert RIGHTS.role_of(who) is role


def test_each_verb_takes_its_role_and_an_unknown_one_the_highest() -> None:
    assert {role_for(verb) for verb in VIEW_VERBS} == {Role.VIEW}
    assert {role_for(verb) for verb in OPERATE_VERBS} == {Role.OPERATE}
    assert role_for("apply") is role_for("of tomorrow") is Role.CONFIGURE
    assert RIGHTS.may(peer(2001), "status") == ""
    assert RIGHTS.may(peer(2002), "command") == ""
    assert "operators or owners" in RIGHTS.may(peer(2001), "command")
    assert "configure" in RIGHTS.may(peer(2002), "apply")


def test_without_any_group_the_sockets_mode_decides_and_with_one_the_roles() -> None:
    open_to_group = Rights(own_uid=999)
    assert open_to_group.may(peer(), "command") == ""
    assert (open_to_group.socket_mode, RIGHTS.socket_mode) == (0o660, 0o666)


def test_a_group_that_this_machine_lacks_gives_nobody_a_right() -> None:
    assert find_gid("no-such-group-here") is None
    lost = Rights(groups={Role.CONFIGURE: ("no-such-group-here",)}, own_uid=999)
    assert lost.role_of(peer(0)) is Role.NOBODY


CLIENT = """
import asyncio, os, sys
from pathlib import Path
from firmware_py.core.command import CommandRefused
from firmware_py.runtime.control_wire import ControlClient
os.setgroups([int(gid) for gid in sys.argv[2].split(",") if gid]); os.setgid(65534); os.setuid(65534)
async def ask():
    for verb, more in (("status", {}), ("command", {"kind": "ack"}), ("apply", {})):
        try:
            async with ControlClient(Path(sys.argv[1])) as client:
                await client.ask(verb, **more)
            print("done")
        except CommandRefused as error:
            print(error)
asyncio.run(ask())
"""


async def _ask_as_nobody(path: Path, groups: str) -> list[str]:
    asking = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, str(path), groups, cwd=PROJECT, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await asking.communicate()
    return told.decode().splitlines()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask in the name of others")
@pytest.mark.parametrize(("groups", "done"), [("", 0), ("2001", 1), ("2001,2002", 2)])
def test_the_kernel_tells_the_peers_groups_and_orders_carry_its_name(tmp_path: Path, groups: str, done: int) -> None:
    async def scenario() -> None:
        path = tmp_path / "s"
        async with serving(path, may=RIGHTS.may, mode=RIGHTS.socket_mode) as bench:
            for folder in (tmp_path, *tmp_path.parents):
                if folder.name.startswith(("test_", "pytest-", "popen-")):  # ours, and closed to others
                    folder.chmod(0o755)
            assert stat.S_IMODE(path.stat().st_mode) == 0o666
            told = await _ask_as_nobody(path, groups)
            assert told[:done] == ["done"] * done
            assert all("takes the role" in line for line in told[done:2])
            assert "configure" in told[2] or "no such verb" in told[2]
            assert [command.by.partition(":")[0] for command in bench.taken] == ["65534"] * (done == 2)

    run(scenario())


def test_a_peer_without_a_role_is_refused_and_can_ask_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        mine = Rights(groups={Role.OPERATE: ("operators",)}, own_uid=999, find_gid=GIDS.get)

        def as_somebody(_: Peer, verb: str) -> str:
            return mine.may(peer(2001), verb)

        async with serving(tmp_path / "s", may=as_somebody) as bench, ControlClient(bench.path) as client:
            for _ in range(3):
                with pytest.raises(CommandRefused, match="ask to become a member of operators"):
                    await client.ask("command", kind="ack")

    run(scenario())
