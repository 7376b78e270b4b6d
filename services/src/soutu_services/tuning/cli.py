"""The command ``soutu-tune``. Heavy libraries are imported by the commands that need them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from soutu_services.embedding.settings import Device
from soutu_services.runtime.command_line import errors_as_one_line
from soutu_services.tuning.published_results import BENCHMARKS, Benchmark

__all__ = ["main"]

_FOLDER = click.Path(path_type=Path, file_okay=False)
_use_option = click.option(
    "--use",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="使用记录（soutu feedback），可重复。 A record of use (soutu feedback); repeatable.",
)


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
@click.option(
    "--device",
    type=click.Choice(get_args(Device)),
    help="clip: 的模型在哪里计算；auto 有显卡就用。 Where models of clip: compute; auto: on a GPU if there is one.",
)
@click.option(
    "--trained-on",
    "trained_on",
    multiple=True,
    metavar="SPLIT",
    help="模型训练过的部分，可重复：指出两边都有的照片。 Splits it was trained on, repeatable: photos in both are told.",
)
def evaluate(
    *,
    data: Path,
    split: str,
    model: str,
    output: Path,
    benchmark: Benchmark | None,
    device: Device | None,
    trained_on: tuple[str, ...],
) -> None:
    """评测一个模型：R@1/5/10、平均召回、名次中位数和报告。 Measure a model on a data set, with a report.

    DATA 是 Chinese-CLIP 格式的文件夹（TSV 和 JSONL，或 LMDB），或 photos/ 和 captions.zh.tsv。
    DATA is a folder in Chinese-CLIP's formats (TSV and JSONL, or LMDB), or photos/ with captions.zh.tsv.
    """
    from soutu_services.tuning.evaluate_command import run_evaluate  # noqa: PLC0415 - see the module's docstring

    with errors_as_one_line():
        run_evaluate(data, split, model=model, output=output, benchmark=benchmark, device=device, trained_on=trained_on)


@main.command("export")
@click.argument("output", type=_FOLDER)
@click.option("--query", default="", help="只要搜到的照片。 Only what this finds.")
@click.option(
    "--limit", default=1000, show_default=True, type=click.IntRange(1), help="搜索结果最多取多少张。 Most photos of a query."
)
@click.option("--folder", "folders", multiple=True, help="只要这个文件夹里的，可重复。 Only below this folder; repeatable.")
@click.option("--from", "taken_from", default="", metavar="DATE", help="从何时起拍摄，如 2019-05。 Taken from this date on.")
@click.option("--until", "taken_until", default="", metavar="DATE", help="到何时为止拍摄。 Taken until the end of this date.")
@click.option("--tag", "tags", multiple=True, help="只要有此标签的，可重复。 Only with this tag; repeatable.")
@click.option("--splits", default="train=0.9,valid=0.1", show_default=True, help="各部分和份额。 Splits and their shares.")
@click.option(
    "--burst-seconds", default=10, show_default=True, type=click.IntRange(0), help="连拍的最长间隔。 Longest pause in a burst."
)
@_use_option
@click.option(
    "--use-least",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0),
    help="问法算多少以上才成为照片的文字；打开排第一的一次算 1。 How much a query must count to become a text of a photo; "
    "opening the first one once counts 1.",
)
@click.option("--address", help="搜索服务的地址。 Address of the search service. [SOUTU_ADDRESS]")
def export_command(
    *,
    output: Path,
    query: str,
    limit: int,
    folders: tuple[str, ...],
    taken_from: str,
    taken_until: str,
    tags: tuple[str, ...],
    splits: str,
    burst_seconds: int,
    use: tuple[Path, ...],
    use_least: float,
    address: str | None,
) -> None:
    """把照片导出成 Chinese-CLIP 的微调数据。 Export photos as data that Chinese-CLIP is fine-tuned with.

    说明来自人写的说明和标签，以及清理过的文件名和文件夹名；近似照片和连拍总在同一部分。中断后再运行一次就接着做。
    Captions are what people wrote, and cleaned names; near-duplicates and bursts stay in one split. Run it again after an
    interruption, and it goes on.
    """
    from soutu_services.tuning.library import Selection  # noqa: PLC0415 - see the module's docstring
    from soutu_services.tuning.library_commands import run_export  # noqa: PLC0415

    with errors_as_one_line():
        selection = Selection(query, limit, folders, taken_from, taken_until, tags)
        run_export(output, selection, splits, burst_seconds=burst_seconds, use=use, use_least=use_least, address=address)


@main.command("import")
@click.argument("data", type=_FOLDER)
@click.option("--split", default="train", show_default=True, help="哪一部分。 Which split.")
@click.option("--name", default="", help="放进图库的哪个文件夹。 Folder in the library.")
@click.option("--address", help="搜索服务的地址。 Address of the search service. [SOUTU_ADDRESS]")
def import_command(*, data: Path, split: str, name: str, address: str | None) -> None:
    """把 TSV 或 LMDB 数据集加入图库，文字成为照片的说明。 Add a data set to the library; texts become captions."""
    from soutu_services.tuning.library_commands import run_import  # noqa: PLC0415 - see the module's docstring

    with errors_as_one_line():
        run_import(data, split, name=name, address=address)


@main.command()
@click.argument("data", type=_FOLDER)
@click.option("--train", default="train", show_default=True, help="用来训练的部分。 Split to train on.")
@click.option("--valid", default="valid", show_default=True, help="用来检验的部分。 Split to measure on.")
@click.option("--model", default="lite", show_default=True, help="在哪个模型上训练。 The model to train on.")
@click.option("--output", type=_FOLDER, default=Path("family"), show_default=True, help="放在哪个文件夹。 Folder of the result.")
@click.option("--name", default="", help="新模型的名字，默认是文件夹名。 Name of the new model; else that of the folder.")
@click.option(
    "--depth",
    type=click.Choice(["adapter", "low-rank", "full"]),
    default="adapter",
    show_default=True,
    help="训练多深：向量上的适配层；两个塔的低秩更新；全部权重（cn_clip 的训练程序）。 How much of the model is trained.",
)
@click.option("--freeze-images", is_flag=True, help="只训练文字塔（LiT）。 Train the text tower alone (LiT).")
@click.option("--epochs", type=click.IntRange(1), help="最多几轮。 Most epochs.")
@click.option("--batch", type=click.IntRange(2), help="每一步比较多少对。 Pairs told apart in one step.")
@click.option("--chunk", type=click.IntRange(1), help="一次算多少项，内存不够就减小。 Items at once; fewer take less memory.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="学习率。 Learning rate.")
@click.option("--rank", type=click.IntRange(1), help="低秩更新的秩。 Rank of low-rank updates.")
@click.option("--device", type=click.Choice(get_args(Device)), help="在哪里计算。 Where to compute.")
@click.option("--precision", type=click.Choice(["fp32", "bf16", "fp16"]), help="计算精度。 What is computed in.")
@_use_option
@click.option(
    "--use-strength",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 100),
    help="使用记录算多少，0 不算。 How much the record of use counts; 0: not at all.",
)
@click.option("--address", help="搜索服务的地址，用到使用记录时要。 Address of the search service, for --use. [SOUTU_ADDRESS]")
def fit(
    *,
    data: Path,
    train: str,
    valid: str,
    model: str,
    output: Path,
    name: str,
    depth: str,
    freeze_images: bool,
    use: tuple[Path, ...],
    use_strength: float,
    **given: Any,
) -> None:
    """微调：适配层（几分钟，不用显卡）、低秩，或全部权重。 Fine-tune: an adapter (minutes, and no GPU), low-rank, or all weights.

    怎样训练、何时停，只看训练数据；最后在没有训练过的照片上比较前后。中断后再运行一次就接着做。
    How to train and when to stop is told by the training data alone; before and after are compared on photos that training did
    not see. Run it again after an interruption, and it goes on. With --use an adapter learns from what people did with what
    they found, too.
    """
    from soutu_services.tuning.fit_commands import run_fit  # noqa: PLC0415 - see the module's docstring

    options = {option: value for option, value in given.items() if value is not None}
    if freeze_images:
        options["freeze_images"] = True
    if use:
        options |= {"use": use, "use_strength": use_strength}
    with errors_as_one_line():
        run_fit(data, train=train, valid=valid, model=model, output=output, name=name, depth=depth, options=options)


@main.command("adopt")
@click.argument("folder", type=_FOLDER)
@click.option("--anyway", is_flag=True, help="没有变好也换用。 Also if it got no better.")
@click.option("--address", help="搜索服务的地址。 Address of the search service. [SOUTU_ADDRESS]")
def adopt_command(*, folder: Path, anyway: bool, address: str | None) -> None:
    """让运行中的图库换用训练好的模型。 Take what was trained over in the running library.

    向量服务要同时提供原来的模型和新的。适配层和只训练了文字塔的模型不重读照片；别的要用新模型处理所有照片，完成后自动换。
    The embedding service has to offer both the model it was trained on and the new one. For an adapter, and where the text tower
    alone was trained, no photo is read; else all photos are embedded anew, and the switch comes once that is complete.
    """
    from soutu_services.tuning.fit_commands import run_adopt  # noqa: PLC0415 - see the module's docstring

    with errors_as_one_line():
        run_adopt(folder, anyway=anyway, address=address)


if __name__ == "__main__":
    main()
