"""One HTTP request on asyncio and nothing more: one connection, one deadline, a bounded answer, no redirect.

HTTP/1.0 with a Host header, so that no answer comes in chunks. It must not know what is asked, nor log it: addresses of
diallers carry passwords.
"""

import asyncio
import contextlib
import re
import ssl
from dataclasses import field
from urllib.parse import quote, urlsplit

from config.valued import dataclass
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError

HEAD_LIMIT = 16 * 1024
BODY_LIMIT = 64 * 1024
STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})( [^\r\n]*)?\r?\n")
LENGTH = re.compile(rb"(?im)^content-length:[ \t]*([0-9]{1,7})[ \t]*\r?$")
SECRET = "{secret}"  # noqa: S105 - where the secret goes


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`url` may hold `{secret}`, as may `authorization` (`Bearer {secret}`); `body` makes it a POST of a form."""

    url: str = field(repr=False)
    authorization: str = field(default="", repr=False)
    body: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back; `text` is the body, cut at BODY_LIMIT and read as UTF-8 with errors replaced."""

    status: int
    text: str


def where(url: str) -> str:
    """An address without what may be secret: scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def encode(request: Request, secret: str) -> bytes:
    """The bytes of one request. ValueError for a line break in any part: configuration must have refused it."""
    parts = urlsplit(request.url.replace(SECRET, quote(secret, safe="")))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    body = None if request.body is None else request.body.replace(SECRET, quote(secret, safe="")).encode()
    lines = [f"{'GET' if body is None else 'POST'} {target} HTTP/1.0", f"Host: {parts.netloc.rpartition('@')[2]}"]
    if request.authorization:
        lines.append(f"Authorization: {request.authorization.replace(SECRET, secret)}")
    if body is not None:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    if any(not line.isprintable() for line in lines) or " " in target:
        raise ValueError("a line break or a blank in an address or a header")
    return "".join(f"{line}\r\n" for line in (*lines, "Connection: close", "")).encode() + (body or b"")


async def fetch(request: Request, secret: str, deadline_ms: int, tls: "ssl.SSLContext | None") -> Response:
    """Ask once. Raises DeviceError without the address's path, which may hold a password."""
    parts = urlsplit(request.url)
    named, secure = where(request.url), parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    context = (tls or ssl.create_default_context()) if secure else None
    try:
        async with asyncio.timeout(deadline_ms / 1000):
            reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context, limit=HEAD_LIMIT)
            try:
                writer.write(encode(request, secret))
                return _whole(await _receive(reader), named)
            finally:
                writer.transport.abort()
    except TimeoutError as late:
        raise DeviceError(f"no answer from {named} within {deadline_ms} ms") from late
    except OSError as fault:
        raise DeviceError(f"{named}: {fault.strerror or type(fault).__name__}") from fault


async def _receive(reader: asyncio.StreamReader) -> bytes:
    received = bytearray()
    with contextlib.suppress(ConnectionError):  # some servers reset after the last byte
        while len(received) < HEAD_LIMIT + BODY_LIMIT and (wanted := _missing(received)) != 0:
            piece = await reader.read(min(wanted, 8 * 1024))
            if not piece:
                break
            received += piece
    return bytes(received)


def _missing(received: bytearray) -> int:
    """How many bytes may still come; many when the answer does not say."""
    head, gap, body = bytes(received).partition(b"\r\n\r\n")
    said = LENGTH.search(head) if gap else None
    return BODY_LIMIT if said is None else max(0, int(said[1]) - len(body))


def _whole(received: bytes, named: str) -> Response:
    status = STATUS.match(received)
    head, gap, body = received.partition(b"\r\n\r\n")
    if not gap:
        head, gap, body = received.partition(b"\n\n")
    if status is None or not gap or len(head) > HEAD_LIMIT:
        raise DeviceError(f"{named} does not answer as a web server does", because=Reason.BAD_REPLY)
    return Response(status=int(status[1]), text=body[:BODY_LIMIT].decode("utf-8", errors="replace"))
