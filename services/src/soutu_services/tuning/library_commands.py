"""``soutu-tune export`` and ``soutu-tune import``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from soutu_services.runtime.command_line import command_language, complain, say
from soutu_services.runtime.errors import InvalidInput
from soutu_services.runtime.language import Text, named
from soutu_services.runtime.settings import load_settings
from soutu_services.tuning.dataset import open_dataset
from soutu_services.tuning.dataset_import import import_dataset
from soutu_services.tuning.export import MAP_FILE, ExportRequest, export_library
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.library import Selection
from soutu_services.tuning.library_client import LibraryClient
from soutu_services.tuning.library_settings import LibrarySettings

__all__ = ["connected", "parse_splits", "run_export", "run_import", "shown_progress", "tell_flaws"]

_NAMED_REFUSALS = 20


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


class _Refusals:
    """Names pictures that the library refuses, above the bar that shows how far the import is; many are counted alone."""

    def __init__(self, progress: Progress) -> None:
        self._console = progress.console
        self._count = 0

    def tell(self, picture: str, why: Text) -> None:
        self._count += 1
        if self._count <= _NAMED_REFUSALS:
            line = Text(zh=f"{named(picture)}：{why.zh}", en=f"{named(picture)}: {why.en}").to(command_language())
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def sum_up(self) -> None:
        if self._count:
            complain(
                Text(
                    zh=f"图库没有接受其中 {self._count} 张图片或它们的说明，原因见上；其余的都已处理",
                    en=f"the library refused {self._count} of the pictures, or their captions, as said above; the rest is done",
                )
            )


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


def run_export(output: Path, selection: Selection, splits: str, *, burst_seconds: int, address: str | None) -> None:
    """Export photos; go on with an export that was stopped.

    Raises:
        SoutuError: there is nothing to export, the folder is taken, or the library fails.
        OSError: a file cannot be written.
    """
    request = ExportRequest(selection, parse_splits(splits), burst_seconds=burst_seconds)
    flaws = Flaws()
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
        refusals = _Refusals(progress)
        done = import_dataset(
            dataset,
            library,
            flaws,
            name=folder,
            on_progress=lambda count: progress.update(task, completed=count),
            on_refused=refusals.tell,
        )
    refusals.sum_up()
    tell_flaws(flaws)
    say(
        Text(
            zh=f"加入 {done.added} 张照片（{folder}），{done.known} 张已在库中；写了 {done.described} 条说明，"
            f"{done.kept} 张已有别的说明，没有动",
            en=f"{done.added} photos added ({folder}), {done.known} were there; {done.described} captions written, "
            f"{done.kept} photos keep the captions they had",
        )
    )
