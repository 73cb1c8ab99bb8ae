"""Credentials for one SNMP agent, as values already read from their files, and what can be wrong with them.

Shared by the configuration and the driver; it must not know the SNMP library, and its reprs never show a secret.
"""

from dataclasses import field
from typing import Literal, TypeAlias

from config.valued import dataclass
from drivers.snmp_guard import V1, V2C, V3

Auth: TypeAlias = Literal["md5", "sha", "sha224", "sha256", "sha384", "sha512"]
Privacy: TypeAlias = Literal["des", "aes", "aes192", "aes256"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """Access by SNMP v1 or v2c; `name` is a secret."""

    name: str = field(repr=False)
    version: Literal["1", "2c"] = "2c"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Access by SNMP v3 (RFC 3414, 3826, 7860). Pass phrases of at least 8 characters; privacy needs auth."""

    name: str
    auth: Auth | None = None
    auth_phrase: str = field(default="", repr=False)
    privacy: Privacy | None = None
    privacy_phrase: str = field(default="", repr=False)


Access: TypeAlias = Community | User


def version_of(access: Access) -> int:
    """The msgVersion that this access speaks (RFC 3412 clause 6)."""
    if isinstance(access, User):
        return V3
    return V1 if access.version == "1" else V2C


def wrong_access(access: Access) -> str | None:
    """What is wrong with these credentials on this machine, as a sentence; None when nothing is."""
    if isinstance(access, Community):
        return None if 1 <= len(access.name.encode()) <= 255 else "the community must have 1 to 255 characters"
    if not 1 <= len(access.name.encode()) <= 32:
        return "the user name must have 1 to 32 characters"
    if access.privacy is not None and access.auth is None:
        return "privacy needs authentication; name auth too"
    for what, phrase in ((access.auth, access.auth_phrase), (access.privacy, access.privacy_phrase)):
        if what is not None and len(phrase) < 8:
            return f"the pass phrase for {what} must have at least 8 characters (RFC 3414 clause 11.2)"
    if access.privacy is not None:
        try:
            import cryptography  # noqa: F401 - only asked whether it is there: pysnmp fails at each poll without
        except ImportError:
            return f"privacy {access.privacy} needs the package cryptography, which is not installed"
    return None


# What the library calls its troubles, and what people can do about them.
ADVICE = {
    "UnknownUserName": "the agent does not know this SNMPv3 user; check the name",
    "UnknownSecurityName": "the agent does not know this SNMPv3 user; check the name",
    "WrongDigest": "authentication failed; check the auth protocol and its pass phrase",
    "AuthenticationFailure": "authentication failed; check the auth protocol and its pass phrase",
    "DecryptionError": "decryption failed; check the privacy protocol and its pass phrase",
    "UnsupportedSecurityLevel": "the agent does not allow this user at this security level; check auth and privacy",
    "NotInTimeWindow": "the agent's SNMPv3 clock does not agree; it may have restarted",
}
