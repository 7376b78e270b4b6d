"""The folder that this machine's own programs read: a machine's certificate, the tokens, and the same for its object store."""

from __future__ import annotations

import secrets
from pathlib import Path

from soutu_services.certificates.certificate_folder import (
    AUTHORITY_FILE,
    CERTIFICATE_FILE,
    KEY_FILE,
    TOKEN_FILE,
    Issued,
    unusable_folder,
    write_whole,
)

__all__ = ["STORE_FOLDER", "STORE_KEY_FILE", "install"]

STORE_KEY_FILE = "store-key"
STORE_FOLDER = "store"
_STORE_FILES = {"public.crt": CERTIFICATE_FILE, "private.key": KEY_FILE}
"""MinIO and its forks look for these names in their folder of certificates."""
_KEY_BYTES = 32


def install(issued: Issued, folder: Path) -> None:
    """Copy what a machine's programs need into a folder, without the authority's key. What is the same already stays.

    ``store-key``, the secret between the search service and the object store, is made at the first time and kept.

    Raises:
        FailedPrecondition: the folder cannot be written.
    """
    try:
        for path in (folder, folder / STORE_FOLDER):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE, TOKEN_FILE):
            _copy(issued.folder / name, folder / name)
        for name, source in _STORE_FILES.items():
            _copy(issued.folder / source, folder / STORE_FOLDER / name)
        key = folder / STORE_KEY_FILE
        if not key.exists():
            write_whole(key, secrets.token_urlsafe(_KEY_BYTES).encode(), private=True)
    except OSError as error:
        raise unusable_folder(folder, error) from error


def _copy(source: Path, target: Path) -> None:
    data = source.read_bytes()
    if not target.exists() or target.read_bytes() != data:
        is_public = source.name in (AUTHORITY_FILE, CERTIFICATE_FILE)
        write_whole(target, data, private=not is_public)
