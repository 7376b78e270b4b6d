"""The command ``soutu-embedding``."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import get_args

import click

from soutu_services.embedding.bundle_manifest import GraphPrecision
from soutu_services.embedding.encoder import Tower
from soutu_services.embedding.registry import ModelSpec
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.runtime.command_line import command_language, errors_as_one_line, say
from soutu_services.runtime.errors import InvalidInput
from soutu_services.runtime.language import Text
from soutu_services.runtime.settings import load_settings

__all__ = ["main"]

_TOWERS = {"image": frozenset({Tower.IMAGE}), "text": frozenset({Tower.TEXT}), "both": frozenset(Tower)}


@click.group(name="soutu-embedding", context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """搜图的向量服务和它的模型。 The embedding service of soutu, and its models."""


@main.command()
def serve() -> None:
    """启动向量服务（设置来自环境变量 SOUTU_EMBEDDING_…）。 Run the service; settings come from the environment."""
    from soutu_services.embedding.__main__ import main as serve_main  # noqa: PLC0415 - the other commands need none of it

    sys.exit(serve_main())


@main.command("install-clip")
@click.option("--index-url", metavar="URL", help="软件包镜像。 Package index to use, for instance a mirror.")
@click.option(
    "--torch-index-url", metavar="URL", help="只给 torch 用的源，例如 CPU 版。 Index for torch alone, e.g. of CPU builds."
)
@click.option("--keep-torch", is_flag=True, help="不换已装的 torch。 Use whatever torch is installed.")
@click.option("--again", is_flag=True, help="已装好也重来一遍。 Run everything, also if it is there.")
@click.option("--dry-run", is_flag=True, help="只显示要运行的命令。 Show the commands, run nothing.")
def install_clip(*, index_url: str | None, torch_index_url: str | None, keep_torch: bool, again: bool, dry_run: bool) -> None:
    """把 torch 和 cn_clip 装进当前环境。 Install torch and cn_clip into this environment."""
    from soutu_services.embedding.install_clip import install, plan_install  # noqa: PLC0415 - as above

    with errors_as_one_line():
        plan = plan_install(index_url=index_url, torch_index_url=torch_index_url, keep_torch=keep_torch, again=again)
        for command in plan.commands:
            click.echo(f"+ {shlex.join(command)}")
        if dry_run:
            return
        install(plan)
        say(Text(zh="可以使用 Chinese-CLIP 模型了。", en="Chinese-CLIP models can be used now."))


@main.command()
def models() -> None:
    """列出官方模型，以及权重在不在本机。 List the official models, and which weights are here."""
    with errors_as_one_line():
        from soutu_services.embedding.chinese_clip.torch_model import official_models  # noqa: PLC0415 - imports torch

        weights = load_settings(EmbeddingSettings).weights
        folder = weights.folder.expanduser()
        here, missing = Text(zh="在本机", en="here"), Text(zh="未下载", en="not here")
        for name, published in official_models().items():
            state = here if (folder / published.filename).is_file() else missing
            click.echo(f"clip:{name:<14} {published.filename:<24} {state.to(command_language())}")
        say(Text(zh=f"权重文件夹：{folder}", en=f"Folder of weights: {folder}"))


@main.command()
@click.argument("spec")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--precision",
    type=click.Choice(get_args(GraphPrecision)),
    default="fp32",
    show_default=True,
    help="权重的精度。 Of the weights.",
)
@click.option("--tower", type=click.Choice(sorted(_TOWERS)), default="both", show_default=True, help="导出哪一半。 Which half.")
def export(*, spec: str, folder: Path, precision: GraphPrecision, tower: str) -> None:
    """把模型 SPEC（clip:ViT-B-16 或 clip:文件@结构）导出到 FOLDER。 Export a checkpoint to a folder that runs without torch."""
    with errors_as_one_line():
        wanted = ModelSpec.parse(spec)
        if wanted.kind != "clip":
            raise InvalidInput(
                "NOT_EXPORTABLE",
                zh=f"只能导出 Chinese-CLIP：clip:ViT-B-16 或 clip:文件@结构，不是 {spec}",
                en=f"Only Chinese-CLIP can be exported: clip:ViT-B-16 or clip:FILE@ARCHITECTURE, not {spec}",
            )
        from soutu_services.embedding.chinese_clip.encoder import find_checkpoint  # noqa: PLC0415 - imports torch
        from soutu_services.embedding.export.bundle_writer import export_bundle  # noqa: PLC0415 - imports onnx

        started = time.monotonic()

        def report(step: Text) -> None:
            click.echo(f"[{time.monotonic() - started:5.0f} s] {step.to(command_language())}", err=True)

        weights = load_settings(EmbeddingSettings).weights
        checkpoint = find_checkpoint(wanted.source, architecture=wanted.architecture, weights=weights)
        manifest = export_bundle(checkpoint, folder, precision=precision, towers=_TOWERS[tower], report=report)
        drifts = ", ".join(f"{name} {entry.drift:.2g}" for name, entry in manifest.towers.items())
        say(
            Text(
                zh=f"已导出到 {folder}，与 torch fp32 的最大余弦距离：{drifts}。使用：SOUTU_EMBEDDING_MODELS=onnx:{folder}",
                en=f"Exported to {folder}; largest cosine distance to torch in fp32: {drifts}. "
                f"Use it: SOUTU_EMBEDDING_MODELS=onnx:{folder}",
            )
        )


if __name__ == "__main__":
    main()
