"""Where the library is and how it is entered: the same variables as those of the client."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from soutu_services.runtime.channels import PeerAccess, peer_of
from soutu_services.runtime.secret_files import read_secrets
from soutu_services.runtime.tls import PlaintextRefused

__all__ = ["LibrarySettings"]


class LibrarySettings(BaseSettings):
    """Each field is ``SOUTU_`` and its name in upper case."""

    model_config = SettingsConfigDict(env_prefix="SOUTU_", frozen=True, extra="ignore")

    address: str = Field("127.0.0.1:8401", description="Address of the search service, host:port.")
    token: SecretStr | None = Field(None, description="Token of a person who may do this.")
    token_file: Path | None = Field(None, description="File of the token.")
    authority: Path | None = Field(None, description="The home's ca.pem; with it the connection is encrypted.")
    allow_plaintext: bool = Field(False, description="1: the token may go to another machine unencrypted.")

    def access(self) -> PeerAccess:
        """Return how the search service is entered.

        Raises:
            InvalidInput: the address or the token is none.
            PlaintextRefused: photos and token would go to another machine unencrypted.
        """
        secrets = () if self.token is None and self.token_file is None else self._secrets()
        access = PeerAccess(self.authority, secrets[0] if secrets else None, self.allow_plaintext)
        peer = peer_of(self.address, access)
        if peer.is_exposed and not self.allow_plaintext:
            raise PlaintextRefused(
                "PLAINTEXT_REFUSED",
                zh=f"到 {peer.address} 的连接没有加密，因此不连：请用 SOUTU_AUTHORITY 指出家里的 ca.pem；"
                "若确实信任这个网络，设 SOUTU_ALLOW_PLAINTEXT=1",
                en=f"the connection to {peer.address} would not be encrypted, so it is not made: name the home's ca.pem in "
                "SOUTU_AUTHORITY, or, in a network that you trust, set SOUTU_ALLOW_PLAINTEXT=1",
            )
        return access

    def _secrets(self) -> tuple[SecretStr, ...]:
        token = self.token if self.token and self.token.get_secret_value().strip() else None
        return read_secrets(token, None if token else self.token_file, variable="SOUTU_TOKEN")
