"""OpenSSL only where something is enciphered: 8 MiB and 20 ms that a floor without TLS need not pay (record 0093).

`prepare` before asyncio is imported, in a process that is the daemon. Whoever asks for TLS later has all of it, and
hashes are the interpreter's own until then. It must not know who will.
"""

import sys
from collections.abc import Iterator

from config.partly import load_partly, load_wholly

# Of `ssl`: asyncio and paho ask of each socket whether it is an enciphered one, and of each fault whose it is.
_ASKED = ("SSLSocket", "SSLError", "SSLWantReadError", "SSLWantWriteError")
# Of the standard library: imported by what we need, and called on odd days only (a traceback of a group of errors, an
# address in brackets, a child's output as text).
_SELDOM = ("textwrap", "ipaddress", "locale")
# Needed only by who asks, and nobody has asked by then: recording a device, names that the resolver is asked for.
_LATER = ("tomllib", "shutil", "zoneinfo", "encodings.idna", "concurrent.futures.thread", "firmware_py.wiring.capture")


def prepare() -> None:
    """From now on `ssl` and what asyncio makes of it are loaded when used, and `hashlib` does without OpenSSL."""
    if "asyncio" not in sys.modules:
        load_partly("ssl", kinds=_ASKED)
        load_partly("asyncio.sslproto")
    for name in ("bz2", "lzma", *_SELDOM):  # shutil asks whether the first two are there
        load_partly(name)
    if "hashlib" not in sys.modules and "_hashlib" not in sys.modules:
        sys.modules["_hashlib"] = None  # type: ignore[assignment]  # as where Python was built without OpenSSL
        try:
            import hashlib  # noqa: F401 - now, so that it finds none
        finally:
            del sys.modules["_hashlib"]


def complete() -> Iterator[str]:
    """One module a step: what a floor may still need later, when the medium that it lies on may have died."""
    for name in (*_SELDOM, *_LATER):
        load_wholly(name)
        yield name
