"""OpenSSL only where something is enciphered: 8 MiB and 20 ms that a floor without TLS need not pay (record 0093).

`prepare` before asyncio is imported, in a process that is the daemon. Whoever asks for TLS later has all of it, and
hashes are the interpreter's own until then. It must not know who will.
"""

import sys

from config.partly import load_partly

# Of `ssl`: asyncio and paho ask of each socket whether it is an enciphered one, and of each fault whose it is.
_ASKED = ("SSLSocket", "SSLError", "SSLWantReadError", "SSLWantWriteError")


def prepare() -> None:
    """From now on `ssl` and what asyncio makes of it are loaded when used, and `hashlib` does without OpenSSL."""
    if "asyncio" not in sys.modules:
        load_partly("ssl", kinds=_ASKED)
        load_partly("asyncio.sslproto")
    for name in ("bz2", "lzma"):  # shutil asks whether they are there
        load_partly(name)
    if "hashlib" not in sys.modules and "_hashlib" not in sys.modules:
        sys.modules["_hashlib"] = None  # type: ignore[assignment]  # as where Python was built without OpenSSL
        try:
            import hashlib  # noqa: F401 - now, so that it finds none
        finally:
            del sys.modules["_hashlib"]
