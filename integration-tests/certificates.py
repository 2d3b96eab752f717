"""Certificates of brokers and clients, as files that both read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives import serialization

from histsvc.settings import Security

_LONG_AGO = datetime(2020, 1, 1)
EXPIRED: dict[str, Any] = {"not_before": _LONG_AGO, "not_after": _LONG_AGO + timedelta(days=30)}


@dataclass(frozen=True)
class Own:
    """A client's certificate and its key, as PEM files."""

    certificate: Path
    key: Path

    @property
    def options(self) -> list[str]:
        return ["--ssl-certfile", str(self.certificate), "--ssl-keyfile", str(self.key)]

    @property
    def settings(self) -> dict[str, str]:
        return {"ssl_certfile": str(self.certificate), "ssl_keyfile": str(self.key)}


class Authority:
    """Signs brokers and clients; `cafile` is what those need who trust it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.cafile = folder / f"{name}.pem"
        self._folder = folder
        self._name = name
        self._authority = trustme.CA()
        self._authority.cert_pem.write_to_path(self.cafile)

    @property
    def options(self) -> list[str]:
        """Those of a client that trusts it and has no certificate."""
        return ["--security-protocol", "SSL", "--ssl-cafile", str(self.cafile)]

    def keystore(self, address: str = "127.0.0.1", **when: Any) -> bytes:
        """Key and certificate of a broker, in PEM; Kafka reads keys in PKCS8 only."""
        own = self._authority.issue_cert(address, **when)
        key = serialization.load_pem_private_key(own.private_key_pem.bytes(), None).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return key + own.cert_chain_pems[0].bytes()

    def client(self, name: str = "histsvc", **when: Any) -> Own:
        """A certificate of a client."""
        made = self._authority.issue_cert(name, common_name=name, **when)
        own = Own(*(self._folder / f"{self._name}-{name}-{part}.pem" for part in ("certificate", "key")))
        made.cert_chain_pems[0].write_to_path(own.certificate)
        made.private_key_pem.write_to_path(own.key)
        return own

    def security(self, own: Own | None = None) -> Security:
        """What a client's settings are."""
        return Security("SSL", ssl_cafile=str(self.cafile), **(own.settings if own else {}))
