"""Why a broker that takes connections does not let us in: found out by a connection of our own.

librdkafka says the same of a certificate that has expired, is of another host or of an unknown authority, and
says nothing at all where one side speaks TLS and the other does not.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace

from histsvc.settings import Security

# A frozen broker still takes connections.
_PATIENCE_S = 1.0
# The verify codes of OpenSSL (X509_V_ERR_… in x509_vfy.h).
_CERTIFICATE = {
    10: "has expired",
    18: "is signed by itself, not by an authority of --ssl-cafile",
    19: "is not signed by an authority of --ssl-cafile",
    20: "is not signed by an authority of --ssl-cafile",
    62: "is not for that name",
    64: "is not for that address",
}
# What OpenSSL calls the alerts of a broker that does not like our certificate (RFC 8446, 6.2).
_ALERTS = {
    "BAD_CERTIFICATE": "does not accept our certificate",
    "CERTIFICATE_REQUIRED": "does not accept our certificate",
    "CERTIFICATE_EXPIRED": "says that our certificate has expired",
    "CERTIFICATE_UNKNOWN": "does not accept our certificate: it may have expired, or is of another authority",
    "UNKNOWN_CA": "does not know the authority of our certificate",
    "HANDSHAKE_FAILURE": "finds no cipher, version or certificate that suits both",
}
_WITHOUT_TLS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE")


@dataclass(frozen=True)
class Diagnosis:
    """What was found, empty where nothing was; `refused`: the broker and we do not trust each other.

    A `guess` holds also for a broker that is just coming back.
    """

    reason: str = ""
    refused: bool = False
    guess: bool = False


def diagnose(brokers: Sequence[str], security: Security, *, vague: bool) -> Diagnosis:
    """Look at the first broker that takes connections; may take 2 s for each that does not answer.

    `vague`: nothing is known but that it cannot be reached.
    """
    for broker in brokers:
        host, _, port = broker.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), _PATIENCE_S) as connection:
                if (security.protocol or "").upper().endswith("SSL"):
                    found = _with_tls(connection, host.strip("[]"), security)
                else:
                    found = _without_tls(connection, security, vague)
        except OSError:  # nobody is there, which librdkafka says itself
            continue
        return replace(found, reason=f"{broker} {found.reason}") if found.reason else found
    return Diagnosis()


def _with_tls(connection: socket.socket, host: str, security: Security) -> Diagnosis:
    try:
        context = ssl.create_default_context(cafile=security.ssl_cafile)
        if security.ssl_certfile:
            # Where the key has a password nobody is asked for it.
            context.load_cert_chain(security.ssl_certfile, security.ssl_keyfile, password="")
        with context.wrap_socket(connection, server_hostname=host) as secured:
            # What it thinks of our certificate a broker says after the handshake (TLS 1.3).
            secured.recv(1)
    except ssl.SSLCertVerificationError as error:
        said = _CERTIFICATE.get(error.verify_code, f"is not valid: {error.verify_message}")
        return Diagnosis(f"has a certificate that {said}", refused=True)
    except ssl.SSLError as error:
        return _alert(error.reason or "", security)
    except (TimeoutError, ConnectionError):  # it waits for us to say something, or is frozen
        return Diagnosis()
    return Diagnosis()


def _alert(name: str, security: Security) -> Diagnosis:
    for alert, said in _ALERTS.items():
        if name.endswith(f"ALERT_{alert}"):
            if security.ssl_certfile is None and "CERTIFICATE" in alert:
                said = "asks for a certificate of ours"
            return Diagnosis(f"{said} (--ssl-certfile, --ssl-keyfile)", refused=True)
    if name in _WITHOUT_TLS:
        return Diagnosis("does not speak TLS (--security-protocol)")
    return Diagnosis(f"cannot agree on TLS with us: {name}") if name else Diagnosis()


def _without_tls(connection: socket.socket, security: Security, vague: bool) -> Diagnosis:
    """Offer TLS: whoever takes that wants it, and whoever takes nothing of us wants a password first."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.wrap_socket(connection).close()
    except TimeoutError:
        return Diagnosis()
    except (ssl.SSLError, ConnectionError) as error:
        if "ALERT" not in (getattr(error, "reason", "") or ""):
            may_log_in = "SASL" not in (security.protocol or "").upper()
            reason = "ends our connections, as one does that wants a password (--security-protocol)"
            return Diagnosis(reason, guess=True) if vague and may_log_in else Diagnosis()
    return Diagnosis("speaks TLS (--security-protocol)")
