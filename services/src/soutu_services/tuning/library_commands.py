"""``soutu-tune export`` and ``soutu-tune import``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from soutu_services.runtime.command_line import command_language, complain, say
from soutu_services.runtime.errors import InvalidInput
from soutu_services.runtime.language import Text, named
from soutu_services.runtime.settings import load_settings
from soutu_services.tuning.dataset import open_dataset
from soutu_services.tuning.dataset_import import Imported, import_dataset
from soutu_services.tuning.export import MAP_FILE, ExportRequest, export_library
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.library import Readiness, Selection
from soutu_services.tuning.library_client import LibraryClient
from soutu_services.tuning.library_settings import LibrarySettings
from soutu_services.tuning.use_pairs import texts_of_photos, use_pairs
from soutu_services.tuning.use_record import read_uses

__all__ = ["connected", "parse_splits", "run_export", "run_import", "shown_progress", "tell_flaws", "telling_flaws"]

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


@contextmanager
def telling_flaws() -> Iterator[Flaws]:
    """Give a place for flaws, and say what was left out whether the block succeeds or not: it may be why it does not."""
    flaws = Flaws()
    try:
        yield flaws
    finally:
        tell_flaws(flaws)


@contextmanager
def _told_refusals(progress: Progress) -> Iterator[Callable[[str, Text], None]]:
    """Give what names pictures that the library refuses, above the bar of the progress; at the end say how many there were."""
    count = 0

    def tell(picture: str, why: Text) -> None:
        nonlocal count
        count += 1
        if count <= _NAMED_REFUSALS:
            line = Text(zh=f"{named(picture)}：{why.zh}", en=f"{named(picture)}: {why.en}").to(command_language())
            progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    try:
        yield tell
    finally:
        if count:
            complain(
                Text(
                    zh=f"图库没有接受其中 {count} 张图片或它们的说明，原因见上；其余的不受影响",
                    en=f"the library refused {count} of the pictures, or their captions, as said above; the others are done",
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
    shares = parse_splits(splits)
    with (
        telling_flaws() as flaws,
        connected(address) as library,
        shown_progress(Text(zh="照片", en="photos")) as (progress, task),
    ):
        queries = texts_of_photos(use_pairs(read_uses(use, flaws)), least=use_least)
        request = ExportRequest(selection, shares, burst_seconds=burst_seconds, queries=queries)
        readiness = library.readiness()
        exported = export_library(
            library,
            output,
            request,
            flaws,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    _tell_readiness(readiness)
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


def _tell_readiness(readiness: Readiness) -> None:
    """Say what the library could not give yet."""
    if readiness.pending:
        complain(
            Text(
                zh=f"图库里还有 {readiness.pending} 张照片在等待处理，没有导出；处理完后可以再导出一次",
                en=f"{readiness.pending} photos of the library still wait to be processed and are not in the export; "
                "export again once they are",
            )
        )
    if readiness.without_vector:
        complain(
            Text(
                zh=f"图库里有 {readiness.without_vector} 张照片没有向量，看不出彼此近似，可能被分到不同部分",
                en=f"{readiness.without_vector} photos of the library have no vector: near-duplicates among them are not known, "
                "and may be in different splits",
            )
        )


def run_import(data: Path, split: str, *, name: str, address: str | None) -> None:
    """Add a split of a data set to the library.

    Raises:
        SoutuError: the data set cannot be used, or the library fails.
        OSError: a file cannot be read.
    """
    dataset = open_dataset(data, split)
    folder = name or f"{data.resolve().name}/{split}"
    done = Imported()
    try:
        with (
            telling_flaws() as flaws,
            connected(address) as library,
            shown_progress(Text(zh="照片", en="photos")) as (progress, task),
            _told_refusals(progress) as on_refused,
        ):
            import_dataset(
                dataset,
                library,
                flaws,
                name=folder,
                done=done,
                on_progress=lambda count: progress.update(task, completed=count),
                on_refused=on_refused,
            )
    finally:
        if done.added + done.known:  # what was done stays done, and is said
            say(
                Text(
                    zh=f"加入 {done.added} 张照片（{folder}），{done.known} 张已在库中；写了 {done.described} 条说明，"
                    f"{done.kept} 张已有别的说明，没有动",
                    en=f"{done.added} photos added ({folder}), {done.known} were there; {done.described} captions written, "
                    f"{done.kept} photos keep the captions they had",
                )
            )
