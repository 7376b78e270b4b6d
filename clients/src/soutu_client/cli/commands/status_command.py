"""``soutu status``: how the library is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from soutu_client.cli.command import Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from soutu_client.library_models import EmbedderStatus, LibraryStatus, SourceStatus, SpaceStatus

__all__ = ["build"]


def build(texts: Texts) -> click.Command:
    """Make the command."""
    params = [Option("--json", "as_json", is_flag=True, help=texts.text("option.json"))]
    return SoutuCommand("status", _run, texts, help_key="status.short", params=params)


def _run(session: Session, *, as_json: bool) -> int:
    status = session.client.status()
    if as_json:
        session.print_json(status)
        return ExitCode.OK
    from rich.table import Table  # noqa: PLC0415 - slow to load
    from rich.text import Text  # noqa: PLC0415

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in _facts(session, status):
        table.add_row(session.text(f"status.{key}"), Text(printable(value)))
    session.out.print(table)
    return ExitCode.OK


def _facts(session: Session, status: LibraryStatus) -> Iterator[tuple[str, str]]:
    """Yield what is worth a line, each with the last part of its label's key."""
    from soutu_client.cli.cells import duration_text, moment, size_text  # noqa: PLC0415

    text = session.text
    yield "service", text("status.service_value", address=session.client.address, version=status.version)
    photos = text(
        "status.photos_value",
        photos=f"{status.photos:,}",
        ready=f"{status.photos_ready:,}",
        pending=f"{status.photos_pending:,}",
        unreadable=f"{status.photos_unreadable:,}",
    )
    if status.pending_since is not None:
        photos += text("status.waiting", since=moment(status.pending_since))
    if status.pending_seconds_left is not None:
        key = "status.time_left" if status.embedder.available else "status.time_needed"
        photos += text(key, time=duration_text(status.pending_seconds_left, session.texts))
    yield "photos", photos
    if status.unreadable_reasons:
        yield "unreadable", ", ".join(f"{count.message} {count.photos:,}" for count in status.unreadable_reasons)
    if status.photos_deleted:
        yield "deleted", text("status.deleted_value", n=f"{status.photos_deleted:,}")
    yield "files", text("status.files_value", objects=f"{status.objects:,}", size=size_text(status.size_bytes))
    if status.ignored:
        most = sorted(status.ignored.items(), key=lambda item: -item[1])
        yield "ignored", ", ".join(f"{extension or '-'} {objects:,}" for extension, objects in most)
    for source in status.sources:
        yield "sources", _source_text(session, source)
    if model := _embedder_text(session, status.embedder):  # a guest is not told what runs where
        yield "model", model
    if status.text_embedder is not None:
        yield "text_model", _embedder_text(session, status.text_embedder)
    for space in status.spaces:
        yield "spaces", _space_text(session, space)
    if status.index.kind:
        yield "index", text("status.index_value", kind=status.index.kind, vectors=f"{status.index.vectors:,}")
    for job in status.jobs:
        state = text(f"job_state.{job.state.value.lower()}")
        yield "jobs", f"{text(f'job.{job.kind.value.lower()}')} {state} {job.photos_done:,}/{job.photos_total:,} {job.message}"


def _embedder_text(session: Session, embedder: EmbedderStatus) -> str:
    from soutu_client.cli.cells import moment  # noqa: PLC0415

    text = session.text
    line = " ".join(part for part in (embedder.model, embedder.variant, embedder.address) if part)
    if embedder.problem:
        line += f"  {text('status.problem', problem=embedder.problem)}"
    if embedder.unavailable_since is not None:
        line += text("status.away", since=moment(embedder.unavailable_since))
        if embedder.woken_at is not None and embedder.woken_at >= embedder.unavailable_since:
            line += text("status.woken", when=moment(embedder.woken_at))
    return line


def _space_text(session: Session, space: SpaceStatus) -> str:
    text = session.text
    use = text("status.space_kept" if space.photos else "status.space_new")
    if space.serving:
        use = text("status.space_serving")
    elif space.filling:
        use = text("status.space_filling")
    if not space.available:
        use = text("status.space_unavailable", use=use)
    return text("status.space_value", model=space.model, space=space.space_id[:8], photos=f"{space.photos:,}", use=use)


def _source_text(session: Session, source: SourceStatus) -> str:
    from soutu_client.cli.cells import moment  # noqa: PLC0415

    text = session.text
    synced = text("status.never_synced")
    if source.synced_at is not None:
        synced = text("status.synced", when=moment(source.synced_at))
    access = text("status.read_only" if source.read_only else "status.writable")
    line = text("status.source_value", name=source.source, objects=f"{source.objects:,}", access=access, synced=synced)
    return f"{line}  {text('status.problem', problem=source.problem)}" if source.problem else line
