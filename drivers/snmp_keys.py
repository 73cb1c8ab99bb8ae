"""The keys of a user of SNMP version 3, and signatures made with them (RFC 2104, 3414 and 7860).

A phrase is stretched once, localized for each engine; a signature is a hash within a hash of which the keys' part is
done once. Pure; it must not know what is signed.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any, Final

from config.valued import dataclass
from drivers.snmp_access import Auth, User

_PHRASE_BYTES = 2**20  # RFC 3414 clause A.2
# The hash, and how much of it is sent (RFC 3414 clauses 6 and 7, RFC 7860 clause 4).
HASHES: Final[Mapping[Auth, tuple[str, int]]] = {
    "md5": ("md5", 12), "sha": ("sha1", 12), "sha224": ("sha224", 16), "sha256": ("sha256", 24),
    "sha384": ("sha384", 32), "sha512": ("sha512", 48),
}  # fmt: skip
# The interpreter's own, as 3.11 and 3.12 name them. For one short message each second they cost half of what the
# library's do, which are made for megabytes.
_OWN = ("_md5", "_sha1", "_sha2", "_sha256", "_sha512")


@dataclass(frozen=True, slots=True, kw_only=True)
class Masters:
    """A user's phrases stretched to keys, before any engine: a megabyte is hashed for each, so it is done once."""

    auth: bytes = b""
    privacy: bytes = b""


@cache
def stretch(hash_name: str, phrase: bytes) -> bytes:
    """The key of a phrase (RFC 3414 clause A.2): some milliseconds of CPU."""
    repeated = phrase * (_PHRASE_BYTES // len(phrase) + 1)
    return hashlib.new(hash_name, repeated[:_PHRASE_BYTES]).digest()


def masters_of(user: User) -> Masters:
    """Both keys of a user."""
    if user.auth is None:
        return Masters()
    name, _ = HASHES[user.auth]
    privacy = stretch(name, user.privacy_phrase.encode()) if user.privacy else b""
    return Masters(auth=stretch(name, user.auth_phrase.encode()), privacy=privacy)


def localized(hash_name: str, master: bytes, engine: bytes) -> bytes:
    """The key for one engine (RFC 3414 clause A.2)."""
    return hashlib.new(hash_name, master + engine + master).digest()


class Signer:
    """HMAC with one key, of which the first `size` octets are sent."""

    def __init__(self, hash_name: str, key: bytes, size: int) -> None:
        make = _maker(hash_name)
        padded = key.ljust(make().block_size, b"\0")
        self._inner = make(bytes([octet ^ 0x36 for octet in padded]))
        self._outer = make(bytes([octet ^ 0x5C for octet in padded]))
        self._size = size

    def signature(self, message: bytes) -> bytes:
        """Of a whole message."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        digest: bytes = outer.digest()
        return digest[: self._size]


def _maker(hash_name: str) -> Callable[..., Any]:
    for name in _OWN:
        with suppress(ImportError, AttributeError):
            own: Callable[..., Any] = getattr(import_module(name), hash_name)
            return own
    library: Callable[..., Any] = getattr(hashlib, hash_name)
    return library
