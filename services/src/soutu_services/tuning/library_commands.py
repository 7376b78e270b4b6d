"""``soutu-tune export`` and ``soutu-tune import``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from soutu_services.runtime.command_line import command_language, complain, say
from soutu_services.runtime.errors import InvalidInput
from soutu_services.runtime.language import Text
from soutu_services.runtime.settings import load_settings
from soutu_services.tuning.dataset import open_dataset
from soutu_services.tuning.dataset_import import import_dataset
from soutu_services.tuning.export import MAP_FILE, ExportRequest, export_library
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.library import Selection
from soutu_services.tuning.library_client import LibraryClient
from soutu_services.tuning.library_settings import LibrarySettings
from soutu_services.tuning.use_pairs import texts_of_photos, use_pairs
from soutu_services.tuning.use_record import read_uses

__all__ = ["connected", "parse_splits", "run_export", "run_import", "shown_progress", "tell_flaws"]


def connected(address: str | None) -> closing[LibraryClient]:
    """Prepare a connection to the library.

    Raises:
        SoutuError: the address, the token or the authority cannot be used.
    """
    given = {"address": address} if address else {}
    return closing(LibraryClient(load_settings(LibrarySettings, **given), command_language()))


@contextmanager
def shown_progress(what: Text) -> Iterator[tuple[Progress, TaskID]]:
    """Show how far something is, where a person looks."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        yield progress, progress.add_task(what.to(command_language()), total=None)


def tell_flaws(flaws: Flaws) -> None:
    """Say what was left out."""
    for report in flaws.reports():
        complain(report.text)


def parse_splits(text: str) -> tuple[tuple[str, float], ...]:
    """Read ``train=0.8,valid=0.1,test=0.1``.

    Raises:
        InvalidInput: it is none, or the shares do not add up to 1.
    """
    splits: list[tuple[str, float]] = []
    for part in text.split(","):
        name, _, share = part.strip().partition("=")
        try:
            splits.append((name, float(share)))
        except ValueError:
            splits.append(("", 0))
    names = [name for name, _ in splits]
    is_named = all(name.isidentifier() and name.isascii() for name in names) and len(set(names)) == len(names)
    if not is_named or any(not 0 < share <= 1 for _, share in splits) or abs(sum(share for _, share in splits) - 1) > 1e-6:
        raise InvalidInput(
            "BAD_SPLITS",
            zh=f"看不懂 --splits“{text}”：应像 train=0.8,valid=0.1,test=0.1，各部分加起来是 1",
            en=f'--splits "{text}" should be like train=0.8,valid=0.1,test=0.1, with shares that add up to 1',
        )
    return tuple(splits)


def run_export(
    output: Path,
    selection: Selection,
    splits: str,
    *,
    burst_seconds: int,
    address: str | None,
    use: Sequence[Path] = (),
    use_least: float = 0.0,
) -> None:
    """Export photos, with what people found them by if a record of use is given; go on with an export that was stopped.

    Raises:
        SoutuError: there is nothing to export, the folder is taken, or the library fails.
        OSError: a file cannot be written.
    """
    flaws = Flaws()
    queries = texts_of_photos(use_pairs(read_uses(use, flaws)), least=use_least)
    request = ExportRequest(selection, parse_splits(splits), burst_seconds=burst_seconds, queries=queries)
    with connected(address) as library, shown_progress(Text(zh="照片", en="photos")) as (progress, task):
        exported = export_library(
            library,
            output,
            request,
            flaws,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    tell_flaws(flaws)
    for split, photos in exported.photos.items():
        texts = exported.texts[split]
        say(Text(zh=f"{split}：{photos} 张照片，{texts} 条文字", en=f"{split}: {photos} photos, {texts} texts"))
        if not texts:
            complain(
                Text(
                    zh=f"“{split}”这一部分是空的：有说明的照片太少，或都属于一组，请调整 --splits",
                    en=f"the split {split!r} is empty: too few photos have captions, or all belong together; change --splits",
                )
            )
    if exported.untold:
        say(
            Text(
                zh=f"{exported.untold} 张照片没有可用的说明、标签或名字，没有导出",
                en=f"{exported.untold} photos were left out: no caption, tag or name tells anything of them",
            )
        )
    say(
        Text(
            zh=f"已写入 {output}；lmdb/ 可直接用于 cn_clip 的训练，{MAP_FILE} 写明每个编号是哪张照片",
            en=f"Written to {output}; cn_clip trains from its lmdb/, and {MAP_FILE} tells which photo each id is",
        )
    )


def run_import(data: Path, split: str, *, name: str, address: str | None) -> None:
    """Add a split of a data set to the library.

    Raises:
        SoutuError: the data set cannot be used, or the library fails.
        OSError: a file cannot be read.
    """
    dataset = open_dataset(data, split)
    flaws = Flaws()
    folder = name or f"{data.resolve().name}/{split}"
    with connected(address) as library, shown_progress(Text(zh="照片", en="photos")) as (progress, task):
        done = import_dataset(
            dataset, library, flaws, name=folder, on_progress=lambda count: progress.update(task, completed=count)
        )
    tell_flaws(flaws)
    say(
        Text(
            zh=f"加入 {done.added} 张照片（{folder}），{done.known} 张已在库中；写了 {done.described} 条说明，"
            f"{done.kept} 张已有别的说明，没有动",
            en=f"{done.added} photos added ({folder}), {done.known} were there; {done.described} captions written, "
            f"{done.kept} photos keep the captions they had",
        )
    )
