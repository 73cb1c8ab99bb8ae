"""What a manager account may do beyond what is needed, from the exchange's own list of permitted actions.

ListCommands shows only what the account may use (Asterisk 16 and 22). Pure; it must not know connections.
"""

from collections.abc import Iterable

from drivers.ami import Packet

# One telling action for each class that must not be given, and what it would allow.
TELLING = {
    "Originate": "originate: place calls, and on unpatched versions run programs (CVE-2024-42365)",
    "DialplanExtensionAdd": "system: change the dialplan",
    "ModuleLoad": "system: load modules",
    "DBPut": "system: write the database",
    "Command": "command: use the console",
    "UpdateConfig": "config: rewrite configuration files",
    "UserEvent": "user: send events of its own",
    "AOCMessage": "aoc: send advice of charge",
}
NEEDED = {
    "Setvar": "call: set the gates",
    "Getvar": "reporting: read states",
    "ShowDialPlan": "reporting: verify emergency numbers",
    "QueuePause": "agent: pause queue members",
}


def excess(commands: Packet) -> tuple[str, ...]:
    """What the account may do and should not, one line each; empty for a well-kept account."""
    allowed = _names(commands)
    return tuple(dict.fromkeys(text for action, text in TELLING.items() if action in allowed))


def lacking(commands: Packet) -> tuple[str, ...]:
    """What the account may not do and is needed for."""
    allowed = _names(commands)
    return tuple(text for action, text in NEEDED.items() if action not in allowed)


def _names(commands: Packet) -> frozenset[str]:
    return frozenset(_listed(commands.headers))


def _listed(headers: Iterable[tuple[str, str]]) -> Iterable[str]:
    return (name for name, _ in headers)
