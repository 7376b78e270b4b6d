"""Weights of published models: a local file first, then a hub, then an error that says which file to put where.

A file that came from a hub has its digest, as the hub reported it, recorded beside it (``NAME.sha256``, the format of
``sha256sum``) and is checked against it each time before it is used. A file that a person put there has no record and is taken
as it is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field

from soutu_services.embedding.hubs import Hub, HubFailed, HubName, Offer, open_hub
from soutu_services.runtime.errors import DataLoss, FailedPrecondition, Overloaded, Unavailable

__all__ = ["PublishedFile", "WeightsSettings", "file_sha256", "find_weights"]

_SPARE_BYTES = 256 * 1024 * 1024
"""Kept free on the disk beside a download."""


def _default_folder() -> Path:
    return user_data_path("soutu", appauthor=False) / "weights"


class WeightsSettings(BaseModel):
    """Where weights come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Field(default_factory=_default_folder, description="Folder of weights files; downloads land in it.")
    hub: HubName = Field(default="huggingface", description="Hub that is asked for what the folder lacks.")
    offline: bool = Field(default=False, description="Never touch the network.")


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A model's weights as they are published.

    Attributes:
        model: The model's name, for people.
        filename: The file's name, the same on every hub.
        repositories: Repository on each hub, ``owner/name``.
    """

    model: str
    filename: str
    repositories: Mapping[HubName, str]


def find_weights(published: PublishedFile, settings: WeightsSettings) -> Path:
    """Return the path of a model's weights, fetched from the hub if the folder lacks them.

    Raises:
        FailedPrecondition: the file is not there and the network may not be used.
        Unavailable: the file is not there and the hub does not give it.
        Overloaded: the disk has no room for it.
        DataLoss: the file is not what the hub reported when it was fetched.
    """
    target = settings.folder.expanduser() / published.filename
    if target.is_file():
        _check_record(target, published)
        return target
    if settings.offline:
        raise FailedPrecondition(
            "WEIGHTS_MISSING",
            zh=f"没有模型 {published.model} 的权重，而离线模式不联网：请把 {published.filename} 放到 {target}",
            en=f"No weights of {published.model}, and offline mode uses no network: put {published.filename} at {target}",
        )
    try:
        hub = open_hub(settings.hub)
        offer = hub.describe(published.repositories[settings.hub], published.filename)
        _fetch(hub, offer, target)
    except HubFailed as failure:
        raise Unavailable(
            "WEIGHTS_MISSING",
            zh=f"没有模型 {published.model} 的权重，{settings.hub} 也没有给出（{failure.text.zh}）："
            f"请换一个镜像或下载源，或者把 {published.filename} 放到 {target}",
            en=f"No weights of {published.model}, and {settings.hub} did not give them ({failure.text.en}): "
            f"choose a mirror or another hub, or put {published.filename} at {target}",
        ) from failure
    return target


def _fetch(hub: Hub, offer: Offer, target: Path) -> None:
    """Download aside, check, record the digest, then put the file in its place."""
    aside = target.parent / f".{target.name}.partial"
    try:
        aside.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(aside).free + sum(part.stat().st_size for part in aside.rglob("*") if part.is_file())
    except OSError as error:
        raise _unwritable(target, error) from error
    if offer.size_bytes is not None and free < offer.size_bytes + _SPARE_BYTES:
        raise Overloaded(
            "DISK_FULL",
            zh=f"磁盘空间不够：{offer.filename} 有 {offer.size_bytes >> 20} MiB，{target.parent} 只剩 {free >> 20} MiB",
            en=f"No room: {offer.filename} has {offer.size_bytes >> 20} MiB, {target.parent} has {free >> 20} MiB left",
        )
    fetched = hub.fetch(offer, aside)
    if file_sha256(fetched) != offer.sha256:
        shutil.rmtree(aside, ignore_errors=True)
        raise HubFailed(zh="下载到的内容与它公布的 SHA-256 不同", en="what came is not what it announced (SHA-256 differs)")
    try:
        _put(target, fetched, f"{offer.sha256}  {target.name}\n")
    except OSError as error:
        raise _unwritable(target, error) from error
    shutil.rmtree(aside, ignore_errors=True)


def _put(target: Path, fetched: Path, record: str) -> None:
    """Make the record durable first: a weights file from a hub never stands without one."""
    record_path = _record_path(target)
    record_aside = record_path.with_name(f".{record_path.name}.partial")
    record_aside.write_text(record, encoding="ascii")
    for path in (fetched, record_aside):
        _sync(path)
    record_aside.replace(record_path)
    fetched.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_record(target: Path, published: PublishedFile) -> None:
    record = _record_path(target)
    if not record.is_file():
        return
    recorded = record.read_text(encoding="ascii", errors="replace").split()[:1]
    if recorded != [file_sha256(target)]:
        raise DataLoss(
            "WEIGHTS_CHANGED",
            zh=f"{published.model} 的权重 {target} 与下载时记录的 SHA-256 不同：请删除它和 {record.name}，再启动一次",
            en=f"The weights of {published.model}, {target}, are not what was downloaded (SHA-256): "
            f"delete the file and {record.name}, then start again",
        )


def _record_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.sha256")


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _unwritable(target: Path, error: OSError) -> FailedPrecondition:
    return FailedPrecondition(
        "WEIGHTS_FOLDER_UNUSABLE",
        zh=f"不能写入权重文件夹 {target.parent}：{error.strerror}",
        en=f"Cannot write to the weights folder {target.parent}: {error.strerror}",
    )
