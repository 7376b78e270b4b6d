"""Public hubs that model weights can be fetched from.

Each hub's client library is optional (``soutu-embedding install-clip`` installs both) and is imported only when a download is
wanted. No account of the person's is used: the files are public, and a token has no business on a mirror.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from soutu_services.runtime.language import Text

__all__ = ["Hub", "HubFailed", "HubName", "HuggingFace", "ModelScope", "Offer", "open_hub"]

HubName = Literal["huggingface", "modelscope"]

_SHA256 = re.compile(r"[0-9a-f]{64}")


class HubFailed(Exception):  # noqa: N818 - says what happened
    """The hub, or the way to it, does not give the file.

    Attributes:
        text: Its one-line reason.
    """

    def __init__(self, *, zh: str, en: str) -> None:
        super().__init__(en)
        self.text = Text(zh=zh, en=en)


@dataclass(frozen=True, slots=True)
class Offer:
    """A file as the hub describes it.

    Attributes:
        repository: Its repository, ``owner/name``.
        filename: Its name in the repository.
        revision: The commit that was described, so that the very same content is fetched.
        sha256: Digest that the hub reports, hexadecimal.
        size_bytes: Its size, if the hub says it.
    """

    repository: str
    filename: str
    revision: str | None
    sha256: str
    size_bytes: int | None


class Hub(Protocol):
    """A place with files in repositories."""

    def describe(self, repository: str, filename: str) -> Offer:
        """Ask for a file's digest.

        Raises:
            HubFailed: no answer, no such file, or no SHA-256 in the answer.
        """
        ...

    def fetch(self, offer: Offer, folder: Path) -> Path:
        """Download a file into a folder, going on with what an earlier try left there; progress goes to standard error.

        Raises:
            HubFailed: the download broke off.
        """
        ...


def open_hub(name: HubName) -> Hub:
    """Return the hub of that name.

    Raises:
        HubFailed: its client library is not installed.
    """
    return HuggingFace() if name == "huggingface" else ModelScope()


class HuggingFace:
    """Hugging Face or a mirror of it: ``HF_ENDPOINT`` names the mirror, as in every program that uses the hub."""

    def __init__(self) -> None:
        # Its Xet transfer goes to hosts of its own, which a mirror does not stand for; plain HTTP works with both.
        os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
        try:
            import huggingface_hub  # noqa: PLC0415 - optional
        except ImportError as error:
            raise _no_client("huggingface_hub") from error
        self._hub = huggingface_hub
        self._endpoint = (os.environ.get("HF_ENDPOINT") or "").rstrip("/") or None

    def describe(self, repository: str, filename: str) -> Offer:
        """Ask for a file's digest: the ETag of a file in large-file storage is its SHA-256."""
        url = self._hub.hf_hub_url(repository, filename, endpoint=self._endpoint)
        try:
            found = self._hub.get_hf_file_metadata(url, token=False, endpoint=self._endpoint)
        except Exception as error:  # its errors mix those of httpx, requests and its own
            raise _refused(error) from error
        return Offer(repository, filename, found.commit_hash, _checked_digest(found.etag), found.size)

    def fetch(self, offer: Offer, folder: Path) -> Path:
        """Download a file into a folder."""
        try:
            return Path(
                self._hub.hf_hub_download(
                    offer.repository,
                    offer.filename,
                    revision=offer.revision,
                    local_dir=folder,
                    token=False,
                    endpoint=self._endpoint,
                )
            )
        except Exception as error:  # as above, and the disk's
            raise _refused(error) from error


class ModelScope:
    """ModelScope; ``MODELSCOPE_ENDPOINT`` names another site of it."""

    def __init__(self) -> None:
        try:
            import modelscope_hub  # noqa: PLC0415 - optional
        except ImportError as error:
            raise _no_client("modelscope_hub") from error
        self._api = modelscope_hub.HubApi(modelscope_hub.HubConfig(token=""))

    def describe(self, repository: str, filename: str) -> Offer:
        """Ask for a file's digest, which the hub's listing holds."""
        try:
            listing = self._api.list_repo_files(repository, "model", recursive=False)
        except Exception as error:  # its errors mix those of requests and its own
            raise _refused(error) from error
        for found in listing:
            if found.path == filename:
                return Offer(repository, filename, None, _checked_digest(found.sha256), found.size or None)
        raise HubFailed(zh=f"{repository} 里没有文件 {filename}", en=f"{repository} has no file {filename}")

    def fetch(self, offer: Offer, folder: Path) -> Path:
        """Download a file into a folder."""
        try:
            return Path(
                self._api.download_file(
                    offer.repository,
                    "model",
                    offer.filename,
                    revision=offer.revision,
                    local_dir=folder,
                    expected_sha256=offer.sha256,
                    file_size=offer.size_bytes,
                )
            )
        except Exception as error:  # as above, and the disk's
            raise _refused(error) from error


def _checked_digest(reported: str | None) -> str:
    digest = (reported or "").lower()
    if not _SHA256.fullmatch(digest):
        raise HubFailed(zh="它没有给出这个文件的 SHA-256", en="it reports no SHA-256 for the file")
    return digest


def _no_client(package: str) -> HubFailed:
    return HubFailed(
        zh=f"没有安装 {package}，请运行：soutu-embedding install-clip",
        en=f"{package} is not installed; run: soutu-embedding install-clip",
    )


def _refused(error: Exception) -> HubFailed:
    """Quote the first line of an error's message, which is what fits one line of ours; it is English whoever reads it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kind, reason = type(error).__name__, lines[0][:300] if lines else ""
    return HubFailed(
        zh=f"出错 {kind}：“{reason}”" if reason else f"出错 {kind}，没有说明原因",
        en=f"{kind}: {reason or 'no reason given'}",
    )
