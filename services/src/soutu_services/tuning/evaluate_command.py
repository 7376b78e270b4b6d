"""``soutu-tune evaluate``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from soutu_services.embedding.registry import load_encoder
from soutu_services.embedding.settings import Device, EmbeddingSettings
from soutu_services.runtime.command_line import command_language, complain, say
from soutu_services.runtime.language import Text
from soutu_services.runtime.settings import load_settings
from soutu_services.tuning.dataset import Dataset, open_dataset
from soutu_services.tuning.embedded_pairs import embed_pairs
from soutu_services.tuning.evaluation import Evaluation, evaluate, write_evaluation
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.library_commands import telling_flaws
from soutu_services.tuning.published_results import Benchmark
from soutu_services.tuning.report_page import report_page
from soutu_services.tuning.report_table import published_tables, result_table
from soutu_services.tuning.shared_photos import shared_photos
from soutu_services.tuning.worst_queries import small_pictures, worst_photos, worst_texts

__all__ = ["REPORT_NAME", "run_evaluate"]

REPORT_NAME = "report.html"
_WORST_TEXTS, _WORST_PHOTOS = 24, 12


def run_evaluate(
    data: Path,
    split: str,
    *,
    model: str,
    output: Path,
    benchmark: Benchmark | None,
    device: Device | None,
    trained_on: Sequence[str] = (),
) -> None:
    """Evaluate a model on a split; print the table, write figures, predictions and the page.

    Args:
        data: Folder of the data set.
        split: The split.
        model: As the embedding service names it.
        output: Folder of what is written.
        benchmark: Whose published figures stand beside.
        device: Where to compute; None: as the settings say.
        trained_on: Splits of the same folder that the model was trained on: photos of theirs are looked for and told.

    Raises:
        SoutuError: the data set or the model cannot be used.
        OSError: a file cannot be read or written.
    """
    given = {"device": device} if device else {}
    settings = load_settings(EmbeddingSettings, **given)
    dataset = open_dataset(data, split)
    for trained in [open_dataset(data, other) for other in trained_on]:
        shared = shared_photos(trained, dataset, settings.image_limits, threads=settings.cpu_threads)
        if shared is not None:
            complain(shared.text)
    with telling_flaws() as flaws:
        evaluation = _evaluated(dataset, model, settings, flaws, name=data.resolve().name)
    language, pairs = command_language(), evaluation.pairs
    write_evaluation(evaluation, output)
    hard_texts, hard_photos = worst_texts(evaluation, _WORST_TEXTS), worst_photos(evaluation, _WORST_PHOTOS)
    places = np.unique(
        np.concatenate(
            [*(one.right[:1] for one in hard_texts), *(one.found for one in hard_texts), [one.photo for one in hard_photos]]
        )
    )
    ids = {int(pairs.image_ids[place]) for place in places}
    page = report_page(
        evaluation,
        hard_texts,
        hard_photos,
        small_pictures(dataset, ids, settings.image_limits),
        names={one: dataset.picture_name(one) for one in ids},
        benchmark=benchmark,
        language=language,
    )
    (output / REPORT_NAME).write_text(page, "utf-8")
    console = Console(soft_wrap=True)
    console.print(result_table(evaluation, language))
    for table in published_tables(benchmark, language) if benchmark else ():
        console.print(table)
    say(
        Text(
            zh=f"已写入 {output}：evaluation.json、{REPORT_NAME}（用浏览器打开）和 cn_clip 评测脚本可用的预测",
            en=f"Written to {output}: evaluation.json, {REPORT_NAME} (for a browser) and predictions for cn_clip's scripts",
        )
    )


def _evaluated(dataset: Dataset, model: str, settings: EmbeddingSettings, flaws: Flaws, *, name: str) -> Evaluation:
    encoder = load_encoder(model, settings)
    try:
        with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
            language = command_language()
            photos = progress.add_task(Text(zh="照片", en="photos").to(language), total=None)
            texts = progress.add_task(Text(zh="文字", en="texts").to(language), total=None)

            def show(photos_done: int, texts_done: int) -> None:
                progress.update(photos, completed=photos_done)
                progress.update(texts, completed=texts_done)

            pairs = embed_pairs(dataset, encoder, flaws, threads=settings.cpu_threads, on_progress=show)
        return evaluate(encoder.card, name, dataset.split, pairs, flaws.reports())
    finally:
        encoder.close()
