"""The few facts of a sound site file that the machine around the controller is held against, from its text alone.

Loads no schema: whoever asks has had the file judged. It must not judge it.
"""

from collections.abc import Mapping
from typing import Any

from config.valued import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`pins`: whether the board's are used. `secrets`: references to all secret files."""

    pins: bool
    directory: str
    cert_file: str
    exchanges: tuple[str, ...]
    secrets: tuple[str, ...]


def facts_of(tree: Mapping[str, Any]) -> Facts:
    """Of a sound file, as tomllib gives it."""
    return Facts(
        pins=tree.get("gpio", {}).get("factory") == "lgpio",
        directory=tree.get("storage", {}).get("directory", ""),
        cert_file=tree.get("mqtt", {}).get("tls", {}).get("cert_file", ""),
        exchanges=tuple(one["id"] for one in tree.get("exchange", ())),
        secrets=tuple(sorted(set(refs_of(tree)))),
    )


def refs_of(node: object, key: str = "") -> "list[str]":
    """Every reference to a secret's file in a site, dumped or as the file has it."""
    if isinstance(node, Mapping):
        return [ref for name, inner in node.items() for ref in refs_of(inner, str(name))]
    if isinstance(node, list | tuple):
        return [ref for inner in node for ref in refs_of(inner, key)]
    named = key.endswith(("password_file", "secret_file", "community_file", "auth_secret_file", "privacy_secret_file"))
    return [node] if named and isinstance(node, str) else []
