"""Who may do what at the control socket: three roles by group, for the peer that the kernel names.

Pure but for the kernel's own tables of users and groups. It must not know what a verb does, nor sockets.
"""

import functools
import grp
import os
import pwd
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import IntEnum

from config.valued import dataclass

GROUP_MODE, OPEN_MODE = 0o660, 0o666
VIEW_VERBS = frozenset({"status", "watch", "events", "generations", "config", "legend", "batteries"})
OPERATE_VERBS = frozenset({"command"})


class Role(IntEnum):
    """Each may also do what those below it may."""

    NOBODY = 0
    VIEW = 1
    OPERATE = 2
    CONFIGURE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who is at the other end, by the kernel's word (SO_PEERCRED, unix(7)); `groups`: the supplementary ones too."""

    pid: int
    uid: int
    gid: int
    groups: frozenset[int] = field(default_factory=frozenset)

    @property
    def by(self) -> str:
        """As it is recorded: `1000:maria`."""
        return f"{self.uid}:{_user_name(self.uid)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """`groups`: names by role. Root and the controller's own user may everything; with no group named at all,
    everybody whom the socket's mode lets in does."""

    groups: Mapping[Role, tuple[str, ...]] = field(default_factory=dict)
    own_uid: int = field(default_factory=os.geteuid)
    find_gid: Callable[[str], int | None] = field(default_factory=lambda: find_gid)

    @property
    def restricted(self) -> bool:
        """Roles are given by group; else the socket's mode is all there is."""
        return any(self.groups.values())

    @property
    def socket_mode(self) -> int:
        """With roles anybody may knock, and is judged verb by verb; the directory's mode still says who gets so far."""
        return OPEN_MODE if self.restricted else GROUP_MODE

    def role_of(self, peer: Peer) -> Role:
        """The highest role of this peer. A group that this machine does not have gives nobody anything."""
        if not self.restricted or peer.uid in (0, self.own_uid):
            return Role.CONFIGURE
        own = peer.groups | {peer.gid}
        held = [role for role, names in self.groups.items() if any(self.find_gid(name) in own for name in names)]
        return max(held, default=Role.NOBODY)

    def may(self, peer: Peer, verb: str) -> str:
        """Why not, for people; empty when it may. A verb that nobody has listed takes the highest role."""
        needed = role_for(verb)
        if self.role_of(peer) >= needed:
            return ""
        names = [name for role, listed in sorted(self.groups.items()) if role >= needed for name in listed]
        shown = " or ".join(names) or "root"
        return f"'{verb}' takes the role {needed.name.lower()}; ask to become a member of {shown}"


def role_for(verb: str) -> Role:
    """The role that a verb of the control socket takes."""
    if verb in VIEW_VERBS:
        return Role.VIEW
    return Role.OPERATE if verb in OPERATE_VERBS else Role.CONFIGURE


def find_gid(name: str) -> int | None:
    """The number of a group, None where this machine has no such group."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


@functools.lru_cache(maxsize=64)
def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return "?"
