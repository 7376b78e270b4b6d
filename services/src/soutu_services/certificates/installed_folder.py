"""What this machine's own programs read: its certificate, the tokens, and the same for its object store.

Either all of it is in one folder, of which each program is handed its own files (as systemd does), or each program has a folder
of its own, which is all that its container sees.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
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

__all__ = ["PROGRAMS", "STORE_FOLDER", "STORE_KEY_FILE", "install", "install_for"]

STORE_KEY_FILE = "store-key"
STORE_FOLDER = "store"
_STORE_FILES = {"public.crt": CERTIFICATE_FILE, "private.key": KEY_FILE}
"""MinIO and its forks look for these names in their folder of certificates."""
_KEY_BYTES = 32
_OWN_FILES = (AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE)

PROGRAMS = {
    "search": (*_OWN_FILES, TOKEN_FILE, STORE_KEY_FILE),
    "embedding": (*_OWN_FILES, TOKEN_FILE),
    "web": _OWN_FILES,
    "store": (AUTHORITY_FILE, STORE_KEY_FILE, *(f"{STORE_FOLDER}/{name}" for name in _STORE_FILES)),
    "folder": (CERTIFICATE_FILE, KEY_FILE, STORE_KEY_FILE),
    "monitoring": (AUTHORITY_FILE,),
}
"""Programs, and what each needs."""


def install(issued: Issued, folder: Path) -> None:
    """Copy what a machine's programs need into a folder, without the authority's key. What is the same already stays.

    ``store-key``, the secret between the search service and the object store, is made at the first time and kept.

    Raises:
        FailedPrecondition: the folder cannot be written.
    """
    try:
        _fill(issued, folder, (*_OWN_FILES, TOKEN_FILE, *PROGRAMS["store"]), _store_key(folder))
    except OSError as error:
        raise unusable_folder(folder, error) from error


def install_for(program: str, issued: Issued, folder: Path, *, authority: Path) -> None:
    """Copy what one program of this machine needs, and nothing more, into a folder of its own.

    Args:
        program: One of ``PROGRAMS``.
        issued: The machine's certificate.
        folder: The program's.
        authority: The authority's folder, where ``store-key`` is made at the first time and kept.

    Raises:
        FailedPrecondition: a folder cannot be written.
    """
    try:
        _fill(issued, folder, PROGRAMS[program], _store_key(authority))
    except OSError as error:
        raise unusable_folder(folder, error) from error


def _fill(issued: Issued, folder: Path, names: Sequence[str], store_key: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names:
        target, own = folder / name, Path(name).name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        _copy(store_key if own == STORE_KEY_FILE else issued.folder / _STORE_FILES.get(own, own), target)


def _store_key(folder: Path) -> Path:
    """Return the file of the object store's key, which is made if there is none."""
    key = folder / STORE_KEY_FILE
    if not key.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(key, secrets.token_urlsafe(_KEY_BYTES).encode(), private=True)
    return key


def _copy(source: Path, target: Path) -> None:
    data = source.read_bytes()
    if not target.exists() or target.read_bytes() != data:
        is_public = source.name in (AUTHORITY_FILE, CERTIFICATE_FILE)
        write_whole(target, data, private=not is_public)
