"""The command ``soutu-tune``. Heavy libraries are imported by the commands that need them."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from soutu_services.embedding.settings import Device
from soutu_services.runtime.command_line import errors_as_one_line
from soutu_services.tuning.published_results import BENCHMARKS, Benchmark

__all__ = ["main"]

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group(name="soutu-tune", context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """让模型认识这个家：评测、数据导出和导入、微调。 Make the model know this family: evaluate, export, import, fine-tune."""


@main.command()
@click.argument("data", type=_FOLDER)
@click.option("--split", default="test", show_default=True, help="哪一部分。 Which split.")
@click.option(
    "--model",
    default="lite",
    show_default=True,
    help="lite、clip:ViT-B-16、onnx:文件夹…… The model, as the embedding service names it.",
)
@click.option(
    "--output",
    type=_FOLDER,
    default=Path("evaluation"),
    show_default=True,
    help="结果放在哪个文件夹。 Folder of what is written.",
)
@click.option(
    "--published",
    "benchmark",
    type=click.Choice(list(BENCHMARKS)),
    help="并列官方模型在此数据集上公布的结果。 Show published figures.",
)
@click.option("--device", type=click.Choice(get_args(Device)), help="在哪里计算。 Where to compute.")
def evaluate(*, data: Path, split: str, model: str, output: Path, benchmark: Benchmark | None, device: Device | None) -> None:
    """评测一个模型：R@1/5/10、平均召回、名次中位数和报告。 Measure a model on a data set, with a report.

    DATA 是 Chinese-CLIP 格式的文件夹（TSV 和 JSONL，或 LMDB），或 photos/ 和 captions.zh.tsv。
    DATA is a folder in Chinese-CLIP's formats (TSV and JSONL, or LMDB), or photos/ with captions.zh.tsv.
    """
    from soutu_services.tuning.evaluate_command import run_evaluate  # noqa: PLC0415 - see the module's docstring

    with errors_as_one_line():
        run_evaluate(data, split, model=model, output=output, benchmark=benchmark, device=device)


if __name__ == "__main__":
    main()
