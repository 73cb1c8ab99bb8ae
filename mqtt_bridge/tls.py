"""The TLS side of a connection: files to a context, and faults to words that name the file or the certificate.

It must not know MQTT. Files are read each time, so that renewed certificates are taken without a restart.
"""

import ssl
from pathlib import Path

from mqtt_bridge.settings import Tls


def make_context(tls: Tls) -> ssl.SSLContext:
    """A context for one connection. Blocks on files; raises OSError, of which ssl.SSLError is one."""
    context = ssl.create_default_context(cafile=_readable(tls.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.cert:
        context.load_cert_chain(_readable(tls.cert) or "", _readable(tls.key))
    return context


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
