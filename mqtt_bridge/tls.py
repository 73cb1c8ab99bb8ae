"""The TLS side of a connection: files to a context, and faults to words that name the file or the certificate.

It must not know MQTT. Files are read each time, so that renewed certificates are taken without a restart.
"""

import errno
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from config.valued import dataclass
from mqtt_bridge.settings import Tls

if TYPE_CHECKING:
    from cryptography import x509

_FILE_BYTES = 256 * 1024

_NOT_REACHED = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH)
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: openssl/x509_vfy.h
_NOT_YET, _EXPIRED = 9, 10  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED: openssl/x509_vfy.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """From when to when a certificate holds, as RFC 3339 like all our times; `ends_ms` since 1970."""

    begins: str
    ends: str
    ends_ms: int


def read_validity(file: str) -> Validity:
    """Of the first certificate in a PEM file. Blocks; raises OSError, and ValueError for what is no certificate."""
    with Path(file).open("rb") as opened:
        raw = opened.read(_FILE_BYTES)
    from cryptography import x509  # 8 MiB, which a floor without TLS need not carry

    try:
        return _validity(x509.load_pem_x509_certificate(raw))
    except ValueError:
        raise ValueError(f"{file}: not a certificate in PEM") from None


def _validity(found: "x509.Certificate") -> Validity:
    begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    form = "%Y-%m-%dT%H:%M:%S.000Z"
    return Validity(begins=begins.strftime(form), ends=ends.strftime(form), ends_ms=int(ends.timestamp()) * 1000)


def doubt_clock(error: Exception, own: Validity | None, *, now: str, clk: str) -> str:
    """What to add to a failed connection where a certificate's time is the matter: which one, and whether our clock
    (`now`, worth `clk`) or the certificate is to blame. "" where no time is the matter, or nobody was reached."""
    if isinstance(error, OSError) and (error.errno in _NOT_REACHED or isinstance(error, socket.gaierror)):
        return ""
    timely = isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in (_NOT_YET, _EXPIRED)
    if not timely and (own is None or own.begins <= now <= own.ends):
        return ""
    said = "" if timely or own is None else f"; our own certificate holds from {own.begins} to {own.ends}"
    if clk == "ntp":
        return f"{said}; our clock is synchronised ({now}), so renew the certificate"
    return f"{said}; our clock is not synchronised ({now}, {clk}): set the clock first, the certificate may be sound"


def make_context(tls: Tls, floor: str = "") -> "ssl.SSLContext":
    """A context for one connection. Blocks on files; raises OSError, of which ssl.SSLError is one.

    `floor`: our clock is wrong, and it is this late at least. Then a certificate is judged by that instead: one that
    had ended by then is refused, one that begins later is taken.
    """
    context = ssl.create_default_context(cafile=_readable(tls.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.cert:
        context.load_cert_chain(_readable(tls.cert) or "", _readable(tls.key))
    if floor:
        context.verify_flags |= _NO_CHECK_TIME
        context.sslsocket_class = _judged_by(floor)
    return context


def _judged_by(floor: str) -> "type[ssl.SSLSocket]":
    class Judged(ssl.SSLSocket):
        """Ends a handshake with ValueError where the peer's certificate had ended by the floor; nothing is sent."""

        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            from cryptography import x509

            raw = self.getpeercert(binary_form=True)
            ends = "" if raw is None else _validity(x509.load_der_x509_certificate(raw)).ends
            if ends < floor:
                self.close()
                raise ValueError(f"the broker's certificate ended at {ends}, and it is {floor} at least: renew it")

    return Judged


def explain(error: Exception) -> str:
    """Why no connection came about, in words for people."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"the broker's certificate: {error.verify_message}"
        case OSError(strerror=str(text), filename=str(file)):
            return f"{file}: {text}"
        case OSError(strerror=str(text)):
            return text
        case _:
            return str(error) or type(error).__name__


def _readable(file: str) -> str | None:
    """The name, once it is known to be readable: ssl's own errors do not say which file they are about."""
    if not file:
        return None
    with Path(file).open("rb"):
        return file
