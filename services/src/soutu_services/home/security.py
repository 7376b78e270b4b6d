"""``make run SECURE=1``: certificates, tokens, and the variables by which the services and the command line use them."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from soutu_services.certificates.certificate_folder import (
    AUTHORITY_FILE,
    CERTIFICATE_FILE,
    KEY_FILE,
    TOKEN_FILE,
    CertificateFolder,
)
from soutu_services.certificates.host_names import machine_names
from soutu_services.home.library import Library
from soutu_services.home.problem import HomeProblem
from soutu_services.home.settings import HomeSettings
from soutu_services.runtime.addresses import Address
from soutu_services.runtime.errors import SoutuError

__all__ = ["Security", "has_tls", "secure"]

_TRUE = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Security:
    """What keeps strangers out.

    Attributes:
        environment: The variables of this process and those that the services need beside them.
        host: Name by which other machines reach this one; empty: it was not asked for.
        authority: Certificate of the home's authority, for every client; None: no TLS.
        token_file: File that the first administrator's token is in, once the search service has made it.
    """

    environment: Mapping[str, str]
    host: str
    authority: Path | None
    token_file: Path

    @property
    def client_variables(self) -> dict[str, str]:
        """What a client on this machine needs besides the address; what the person has set wins."""
        variables = {}
        if self.authority is not None and not self.environment.get("SOUTU_AUTHORITY"):
            variables["SOUTU_AUTHORITY"] = str(self.authority)
        is_told = self.environment.get("SOUTU_TOKEN") or self.environment.get("SOUTU_TOKEN_FILE")
        if not is_told and self.token_file.is_file():
            variables["SOUTU_TOKEN_FILE"] = str(self.token_file)
        return variables


def secure(settings: HomeSettings, library: Library, environment: Mapping[str, str] = os.environ) -> Security:
    """Make what is missing, and refuse to be reached by other machines without encryption unless told so.

    Raises:
        HomeProblem: a name is none, a file cannot be written, or a service would be open to others.
    """
    variables = dict(environment)
    host = ""
    if settings.secure:
        names = machine_names_of(settings)
        host = names[0]
        folder = _certificate_folder(settings, library, names)
        variables = _tls_variables(folder) | variables
        for variable in ("SOUTU_EMBEDDING_TOKEN", "SOUTU_SEARCH_EMBEDDING_TOKEN"):
            if not (variables.get(variable) or variables.get(f"{variable}_FILE")):
                variables[f"{variable}_FILE"] = str(folder / TOKEN_FILE)
    _check_exposure(settings, library, variables)
    authority = variables.get("SOUTU_SEARCH_TLS__AUTHORITY") if has_tls(variables, "SEARCH") else None
    return Security(variables, host, Path(authority) if authority else None, library.catalog / "admin-token")


def machine_names_of(settings: HomeSettings) -> tuple[str, ...]:
    """Return the names that other machines reach this one by: those that were given, else those that it has itself.

    Raises:
        HomeProblem: one is none.
    """
    own = socket.gethostname().partition(".")[0] or "localhost"
    try:
        return machine_names(settings.host or f"{own}.local,{own}")
    except SoutuError as error:
        raise HomeProblem(zh=f"HOST=：{error.text.zh}", en=f"HOST=: {error.text.en}") from error


def has_tls(environment: Mapping[str, str], service: str) -> bool:
    """Say whether a service (``SEARCH``, ``EMBEDDING``, ``WEB``) has a certificate."""
    return bool(environment.get(f"SOUTU_{service}_TLS__CERTIFICATE"))


def _certificate_folder(settings: HomeSettings, library: Library, names: tuple[str, ...]) -> Path:
    folder = settings.certificates or library.root / "certificates"
    try:
        return CertificateFolder.open(folder).issue(names).folder
    except SoutuError as error:
        raise HomeProblem(zh=error.text.zh, en=error.text.en) from error


def _tls_variables(folder: Path) -> dict[str, str]:
    return {
        f"SOUTU_{service}_TLS__{name}": str(folder / file)
        for service in ("SEARCH", "EMBEDDING", "WEB")
        for name, file in (("CERTIFICATE", CERTIFICATE_FILE), ("KEY", KEY_FILE), ("AUTHORITY", AUTHORITY_FILE))
    }


def _check_exposure(settings: HomeSettings, library: Library, environment: Mapping[str, str]) -> None:
    """Refuse here, in one line, what the services would refuse in their logs."""
    listening = {"SOUTU_SEARCH_LISTEN": (settings.search_listen, "SEARCH")}
    if settings.web_listen:
        listening["SOUTU_WEB_LISTEN"] = (settings.web_listen, "WEB")
    if settings.runs_embedding:
        listening["SOUTU_EMBEDDING_LISTEN"] = (settings.embedding_listen, "EMBEDDING")
    if not settings.store_url:
        listening["SOUTU_HOME_STORE_LISTEN"] = (settings.store_listen, "")
    if library.in_place_folders:
        listening["SOUTU_HOME_IN_PLACE_LISTEN"] = (settings.in_place_listen, "")
    for variable, (listen, service) in listening.items():
        allow = f"SOUTU_{service or 'HOME'}_ALLOW_PLAINTEXT"
        if environment.get(allow, "").strip().lower() in _TRUE or (service and has_tls(environment, service)):
            continue
        try:
            is_loopback = Address.parse(listen).is_loopback
        except SoutuError as error:
            raise HomeProblem(zh=f"{variable}：{error.text.zh}", en=f"{variable}: {error.text.en}") from error
        if not is_loopback:
            way_zh = "请用 make run SECURE=1 HOST=这台机器的名字；" if service else "照片存储只应在本机；"
            way_en = "use make run SECURE=1 HOST=this-machine" if service else "the photo store belongs on this machine alone"
            raise HomeProblem(
                zh=f"{variable}={listen} 会让别的机器不加密地连进来。{way_zh}若确实信任这个网络，设 {allow}=1。",
                en=f"{variable}={listen} would let other machines in without encryption: {way_en}, or, in a network that you "
                f"trust, set {allow}=1.",
            )
