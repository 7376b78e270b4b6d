"""Settings of the web page, read from the environment."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import ClassVar, Self

from pydantic import AliasChoices, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["WebSettings"]


class WebSettings(BaseSettings):
    """Everything the web page can be told.

    Attributes:
        listen: ``host:port`` that it is served at.
        address: ``host:port`` of the search service; see ``Client``.
        authority: File of the home's authority (``ca.pem``), by which the search service is known.
        certificate: Certificate (PEM) of this web server; with it and ``key`` it speaks https.
        key: Its private key.
        allow_plaintext: Whether other machines may reach it without https.
        hosts: Names that it is reached by, with commas between them, beside addresses, ``localhost`` and names in ``.local`` and
            ``.lan``. Others are refused: a page elsewhere could have its own name lead here (DNS rebinding).
        feedback_folder: Where it is kept what is done with what is found, once an admin has turned that on in the page; nothing:
            it cannot be turned on.
        max_upload_bytes: Bytes of one file that is uploaded.
        max_query_bytes: Bytes of one question, pictures in it included.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="SOUTU_WEB_", frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    listen: str = Field(default="127.0.0.1:8400", pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):\d{1,5}$")
    address: str = Field(default="", validation_alias=AliasChoices("SOUTU_ADDRESS"))
    authority: Path | None = Field(default=None, validation_alias=AliasChoices("SOUTU_AUTHORITY"))
    certificate: Path | None = Field(default=None, validation_alias=AliasChoices("SOUTU_WEB_TLS__CERTIFICATE"))
    key: Path | None = Field(default=None, validation_alias=AliasChoices("SOUTU_WEB_TLS__KEY"))
    allow_plaintext: bool = False
    hosts: str = ""
    feedback_folder: Path | None = None
    max_upload_bytes: int = Field(default=256 << 20, gt=0)
    max_query_bytes: int = Field(default=48 << 20, gt=0)

    @field_validator("listen")
    @classmethod
    def _has_port(cls, value: str) -> str:
        if int(value.rpartition(":")[2]) > 65535:
            raise ValueError("the port is above 65535")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a certificate and its key belong together")
        return self

    @property
    def host(self) -> str:
        """Host that it listens at."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Port that it listens at; 0: any that is free."""
        return int(self.listen.rpartition(":")[2])

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_tls(self) -> bool:
        """Whether it speaks https."""
        return self.certificate is not None

    @property
    def known_hosts(self) -> frozenset[str]:
        """Names that it is reached by, in lower case."""
        return frozenset(name.strip().lower() for name in (*self.hosts.split(","), self.host) if name.strip())
