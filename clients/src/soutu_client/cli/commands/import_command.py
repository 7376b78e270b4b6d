"""``soutu import``: photos that another program kept, with what it knew of them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soutu_client.cli.add_report import adding, existing_paths, exit_code, summarise, wait_until_searchable
from soutu_client.cli.command import Argument, Option, SoutuCommand
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.session import Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soutu_client.add_models import FileProblem
    from soutu_client.move_models import Layout, MoveInPlan, MoveInResult

__all__ = ["build"]

_LAYOUTS = ("takeout", "apple", "icloud", "immich", "photoprism", "folder")
_MOST_ROWS = 60
_MOST_ALBUMS = 100


def build(texts: Texts) -> click.Command:
    """Make the command."""
    paths = Argument("paths", explanation=texts.text("import.paths"), nargs=-1, required=True, type=click.Path(), metavar="PATH")
    params = [
        paths,
        Option(
            "--from",
            "layout",
            type=click.Choice(_LAYOUTS),
            metavar="LAYOUT",
            help=texts.text("import.from", layouts=", ".join(_LAYOUTS)),
        ),
        Option("--folder-albums", is_flag=True, help=texts.text("import.folder_albums")),
        Option("--dry-run", is_flag=True, help=texts.text("import.dry_run")),
        Option("--no-wait", is_flag=True, help=texts.text("option.no_wait")),
        Option("--json", "as_json", is_flag=True, help=texts.text("option.json")),
    ]
    return SoutuCommand("import", _run, texts, help_key="import.help", params=params)


def _run(
    session: Session,
    *,
    paths: tuple[str, ...],
    layout: str | None,
    folder_albums: bool,
    dry_run: bool,
    no_wait: bool,
    as_json: bool,
) -> int:
    from soutu_client.move_models import Layout  # noqa: PLC0415

    found = existing_paths(session, paths)
    chosen = None if layout is None else Layout(layout)
    if dry_run:
        plan = session.client.plan_move_in(found, layout=chosen, folder_albums=folder_albums)
        if as_json:
            session.print_json(plan)
        else:
            _show_plan(session, plan)
        return ExitCode.OK if plan.files else ExitCode.NOTHING_FOUND
    return _move_in(session, found, chosen, folder_albums=folder_albums, no_wait=no_wait, as_json=as_json)


def _move_in(
    session: Session, paths: list[Path], layout: Layout | None, *, folder_albums: bool, no_wait: bool, as_json: bool
) -> int:
    session.client.status()  # says at once, not after reading a folder, that the service cannot be reached
    result: MoveInResult = adding(
        session,
        lambda show: session.client.move_in(paths, layout=layout, folder_albums=folder_albums, on_progress=show),
    )
    began = time.monotonic()
    ready = wait_until_searchable(session, result.added) if result.added.added and not no_wait else None
    seconds = time.monotonic() - began
    if as_json:
        session.print_json({"import": result, "ready": ready})
    else:
        session.print(_layout_line(session, result.layout))
        _show_problems(session, result.problems)
        summarise(session, result.added, ready, seconds=seconds)
        if result.told:
            session.print(session.count("import.told", result.told))
        _show_trashed(session, result.trashed)
    code = exit_code(result.added)
    return ExitCode.SOME_FAILED if code == ExitCode.OK and result.problems else code


def _show_plan(session: Session, plan: MoveInPlan) -> None:
    session.print(_layout_line(session, plan.layout))
    _show_problems(session, plan.problems)
    session.print(session.count("import.files", plan.files, size=f"{plan.size_bytes / 1e6:,.1f}"))
    albums = list(plan.albums.items())
    if albums:
        names = "、" if session.texts.language == "zh" else ", "
        shown = names.join(f"{printable(name)} {count}" for name, count in albums[:_MOST_ALBUMS])
        session.print(session.count("import.albums", len(albums), albums=shown + (" …" if len(albums) > _MOST_ALBUMS else "")))
    session.print(session.count("import.dated", plan.dated))
    if plan.captioned:
        session.print(session.count("import.captioned", plan.captioned))
    if plan.favourites:
        session.print(session.count("import.favourites", plan.favourites))
    if plan.without_sidecar:
        session.print(session.count("import.without_sidecar", plan.without_sidecar))
    if plan.duplicates:
        session.print(session.count("import.duplicates", plan.duplicates))
    _show_trashed(session, plan.trashed)
    if plan.ignored:
        kinds = ", ".join(f"{printable(kind) or '-'} {count}" for kind, count in sorted(plan.ignored.items()))
        session.print(session.count("add.ignored", sum(plan.ignored.values()), kinds=kinds))
    session.print(session.text("import.nothing_done"))


def _layout_line(session: Session, layout: Layout) -> str:
    return session.text("import.layout", layout=session.text(f"import.layout.{layout.value}"), word=layout.value)


def _show_problems(session: Session, problems: Sequence[FileProblem]) -> None:
    from soutu_client.cli.photo_tables import reason_table  # noqa: PLC0415

    if problems:
        rows = [(str(problem.path), problem.message) for problem in problems[:_MOST_ROWS]]
        session.out.print(reason_table(rows, session.texts, title_key="import.problems"))
        session.print(session.count("import.problem_count", len(problems)))


def _show_trashed(session: Session, trashed: int) -> None:
    if trashed:
        session.print(session.count("import.trashed", trashed))
