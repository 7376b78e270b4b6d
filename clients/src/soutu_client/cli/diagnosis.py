"""The checks of ``soutu doctor``."""

from __future__ import annotations

import ipaddress
import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from soutu_client._channel import ADDRESS_VARIABLE
from soutu_client._errors import (
    CallTimeoutError,
    NotAllowedError,
    NotAuthenticatedError,
    NotSupportedError,
    SoutuError,
    UnavailableError,
)
from soutu_client.cli.commands.tokens_command import folders_text
from soutu_client.cli.session import Session
from soutu_client.cli.version import client_version

if TYPE_CHECKING:
    from soutu_client.library_models import EmbedderStatus, LibraryStatus

__all__ = ["Check", "diagnose"]

_CONNECT_SECONDS = 5.0
_LONG_WAIT = timedelta(minutes=5)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What.
        is_ok: Whether it is as it should be.
        finding: How it is, and where it is not well, what to do.
        is_unreachable: Whether the search service cannot be reached at all.
    """

    name: str
    is_ok: bool
    finding: str
    is_unreachable: bool = False


def diagnose(session: Session) -> Iterator[Check]:
    """Check from the near to the far; what depends on something that failed is left out."""
    host, _, port_text = session.client.address.rpartition(":")
    host, port = host.strip("[]"), int(port_text)
    addresses, check = _resolve(session, host, port)
    yield check
    if not addresses:
        return
    check = _connect(session, host, port, addresses)
    yield check
    if not check.is_ok:
        yield from _announced(session)
        return
    check = _encryption(session)
    yield check
    if not check.is_ok:
        return
    token = _token(session)
    if token is not None:
        yield token
        if not token.is_ok:
            return
    status, check = _ask(session)
    yield check
    if status is None:
        return
    yield _versions(session, status)
    yield _embedder(session, status)
    if status.text_embedder is not None:
        yield _text_embedder(session, status.text_embedder)
    yield from _sources(session, status)
    if not _is_for_a_guest(status):
        yield _index(session, status)
    yield _pending(session, status)
    yield _page(session)
    if not status.photos:
        yield Check(session.text("doctor.photos"), is_ok=True, finding=session.text("doctor.photos_none"))
    if status.photos_unreadable:
        finding = session.text("doctor.unreadable_some", n=f"{status.photos_unreadable:,}")
        yield Check(session.text("doctor.unreadable"), is_ok=True, finding=finding)


def _resolve(session: Session, host: str, port: int) -> tuple[list[str], Check]:
    name = session.text("doctor.address", address=session.client.address)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # UnicodeError: what no name of a host can be
        finding = session.text("doctor.not_resolved", host=host)
        return [], Check(name, is_ok=False, finding=finding, is_unreachable=True)
    addresses = list(dict.fromkeys(str(place[4][0]) for place in found))
    return addresses, Check(name, is_ok=True, finding=session.text("doctor.resolves", ip=", ".join(addresses)))


def _connect(session: Session, host: str, port: int, addresses: Sequence[str]) -> Check:
    """Try each address of the host, as gRPC does."""
    name = session.text("doctor.port", port=port)
    began = time.monotonic()
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        is_near = all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in addresses)
        is_refused = isinstance(error, ConnectionRefusedError) or is_near
        finding = session.text("doctor.port_refused" if is_refused else "doctor.port_silent")
        return Check(name, is_ok=False, finding=finding, is_unreachable=True)
    return Check(name, is_ok=True, finding=session.text("doctor.port_open", milliseconds=_milliseconds(began)))


def _announced(session: Session) -> Iterator[Check]:
    """Tell of the services that announce themselves, to somebody who named none."""
    from soutu_client._discovery import can_discover, find_services  # noqa: PLC0415 - takes a second, and only here

    if session.connection.address or os.environ.get(ADDRESS_VARIABLE) or not can_discover(os.environ):
        return
    name = session.text("doctor.network")
    found = find_services(os.environ)
    for service in found:
        key = "doctor.network_found" if service.is_tls else "doctor.network_plain"
        yield Check(name, is_ok=True, finding=session.text(key, address=service.address, version=service.version))
    if not found:
        yield Check(name, is_ok=True, finding=session.text("doctor.network_nobody"))


def _encryption(session: Session) -> Check:
    from soutu_client._tls_probe import tls_problem  # noqa: PLC0415 - loads ssl

    name, endpoint = session.text("doctor.encryption"), session.client._calls.endpoint
    problem = tls_problem(endpoint, session.texts.language)
    if problem is not None:
        return Check(name, is_ok=False, finding=problem.message, is_unreachable=True)
    if endpoint.is_tls:
        return Check(name, is_ok=True, finding=session.text("doctor.encrypted"))
    return Check(
        name, is_ok=True, finding=session.text("doctor.same_machine" if endpoint.is_loopback else "doctor.not_encrypted")
    )


def _token(session: Session) -> Check | None:
    """Ask what the token allows; None if the service has nothing to say of it, which the next check will tell of."""
    name = session.text("doctor.token")
    try:
        access = session.client.access()
    except (NotAuthenticatedError, NotAllowedError) as error:
        return Check(name, is_ok=False, finding=error.message)
    except SoutuError:
        return None
    if not access.name:
        return Check(name, is_ok=True, finding=session.text("doctor.no_token_needed"))
    scope = session.text(f"scope.{access.scope.value.lower()}")
    sees = folders_text(access.folders, session.texts)
    return Check(name, is_ok=True, finding=session.text("doctor.token_ok", name=access.name, scope=scope, sees=sees))


def _ask(session: Session) -> tuple[LibraryStatus | None, Check]:
    name = session.text("doctor.service")
    began = time.monotonic()
    try:
        status = session.client.status(ask_stores=True)
    except (UnavailableError, NotSupportedError) as error:
        is_own = error.reason in ("UNREACHABLE", "NOT_SUPPORTED")  # gRPC's, not the service's words
        finding = session.text("doctor.not_soutu") if is_own else error.message
        return None, Check(name, is_ok=False, finding=finding, is_unreachable=True)
    except CallTimeoutError:
        finding = session.text("doctor.no_answer")
        return None, Check(name, is_ok=False, finding=finding, is_unreachable=True)
    except SoutuError as error:
        return None, Check(name, is_ok=False, finding=error.message)
    finding = session.text("doctor.service_ok", version=status.version, milliseconds=_milliseconds(began))
    return status, Check(name, is_ok=True, finding=finding)


def _versions(session: Session, status: LibraryStatus) -> Check:
    name, client = session.text("doctor.versions"), client_version()
    if client in ("", status.version):
        return Check(name, is_ok=True, finding=session.text("doctor.versions_same"))
    finding = session.text("doctor.versions_differ", client=client, service=status.version)
    return Check(name, is_ok=False, finding=finding)


def _sleeps(status: LibraryStatus) -> bool:
    """Whether the embedding service is away and that was provided for: then it is no fault."""
    return status.embedder.unavailable_since is not None and status.text_embedder is not None and status.text_embedder.available


def _is_for_a_guest(status: LibraryStatus) -> bool:
    """Whether the service keeps to itself what a guest has no part in: where the embedding service runs, and the index."""
    return not status.embedder.address


def _text_embedder(session: Session, embedder: EmbedderStatus) -> Check:
    name = session.text("doctor.text_embedder")
    if embedder.available and not embedder.problem:
        finding = session.text("doctor.embedder_ok", address=embedder.address, model=embedder.model, variant=embedder.variant)
        return Check(name, is_ok=True, finding=finding)
    problem = embedder.problem or session.text("doctor.no_answer")
    return Check(name, is_ok=False, finding=session.text("doctor.text_embedder_bad", problem=problem, address=embedder.address))


def _embedder(session: Session, status: LibraryStatus) -> Check:
    from soutu_client.cli.cells import moment  # noqa: PLC0415 - rich is slow to load

    name, embedder = session.text("doctor.embedder"), status.embedder
    if _is_for_a_guest(status):
        finding = session.text("doctor.embedder_usable" if embedder.available else "doctor.embedder_unusable")
        return Check(name, is_ok=embedder.available, finding=finding)
    if embedder.available and embedder.problem:
        finding = session.text("doctor.embedder_faulty", address=embedder.address, model=embedder.model, problem=embedder.problem)
        return Check(name, is_ok=False, finding=finding)
    if embedder.available:
        finding = session.text("doctor.embedder_ok", address=embedder.address, model=embedder.model, variant=embedder.variant)
        return Check(name, is_ok=True, finding=finding)
    if _sleeps(status) and embedder.unavailable_since is not None:
        finding = session.text("doctor.embedder_asleep", since=moment(embedder.unavailable_since))
        return Check(name, is_ok=True, finding=finding)
    problem = embedder.problem or session.text("doctor.no_answer")
    finding = session.text("doctor.embedder_bad", problem=problem, address=embedder.address)
    return Check(name, is_ok=False, finding=finding)


def _sources(session: Session, status: LibraryStatus) -> Iterator[Check]:
    from soutu_client.cli.cells import moment  # noqa: PLC0415 - rich is slow to load

    for source in status.sources:
        name = session.text("doctor.source", name=source.source)
        if source.problem:
            finding = session.text("doctor.source_bad", problem=source.problem, bucket=source.bucket)
            yield Check(name, is_ok=False, finding=finding)
            continue
        synced = session.text("status.never_synced")
        if source.synced_at is not None:
            synced = session.text("status.synced", when=moment(source.synced_at))
        finding = session.text("doctor.source_ok", objects=f"{source.objects:,}", synced=synced)
        yield Check(name, is_ok=True, finding=finding)


def _index(session: Session, status: LibraryStatus) -> Check:
    name, vectors = session.text("doctor.index"), f"{status.index.vectors:,}"
    if status.index.vectors >= status.photos_ready:
        return Check(name, is_ok=True, finding=session.text("doctor.index_ok", vectors=vectors))
    finding = session.text("doctor.index_behind", vectors=vectors, ready=f"{status.photos_ready:,}")
    return Check(name, is_ok=False, finding=finding)


def _pending(session: Session, status: LibraryStatus) -> Check:
    from soutu_client.cli.cells import moment  # noqa: PLC0415 - rich is slow to load

    name, number = session.text("doctor.pending"), f"{status.photos_pending:,}"
    if not status.photos_pending:
        return Check(name, is_ok=True, finding=session.text("doctor.pending_none"))
    if _sleeps(status):
        return Check(name, is_ok=True, finding=session.text("doctor.pending_asleep", n=number))
    since = status.pending_since
    if since is not None and datetime.now(tz=UTC) - since > _LONG_WAIT and not status.jobs:
        finding = session.text("doctor.pending_stuck", n=number, since=moment(since))
        return Check(name, is_ok=False, finding=finding)
    return Check(name, is_ok=True, finding=session.text("doctor.pending_some", n=number))


def _page(session: Session) -> Check:
    """Look for the page at its usual place. That it is missing is no fault: not every home wants it."""
    from soutu_client.cli.web_page import page_answers, page_urls  # noqa: PLC0415 - loads ssl

    name, endpoint = session.text("doctor.page"), session.client._calls.endpoint
    urls = page_urls(endpoint)
    url = next((url for url in urls if page_answers(url, endpoint)), None)
    finding = session.text("doctor.page_ok", url=url) if url else session.text("doctor.page_none", url=urls[0])
    return Check(name, is_ok=True, finding=finding)


def _milliseconds(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.0f}"
