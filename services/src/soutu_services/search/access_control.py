"""Who may use the library: its tokens, kept in the catalog and known by heart, since each call asks."""

from __future__ import annotations

import hmac
import logging
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from soutu_services.runtime.access import FULL_ACCESS, Access, FolderAccess, Scope
from soutu_services.runtime.authentication import secret_digest, token_invalid, token_missing
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput, SoutuError
from soutu_services.runtime.language import named
from soutu_services.search.catalog.tokens import Token, Tokens, new_secret
from soutu_services.search.visibility import folder_path

__all__ = ["ADMIN_TOKEN_FILE", "AccessControl"]

ADMIN_TOKEN_FILE = "admin-token"  # noqa: S105 - a file's name
"""File in the data folder that the first administrator's token is written to."""

_MOST_NAME_CHARACTERS = 100
_MOST_FOLDERS = 100
_MOST_FOLDER_CHARACTERS = 1024
_HOUR_SECONDS = 3600
_logger = logging.getLogger(__name__)


class AccessControl:
    """Says what the caller of each call may do; see ``runtime.authentication.Authenticator``. Thread safe."""

    def __init__(self, tokens: Tokens, *, is_required: bool, sources: Sequence[str] = ()) -> None:
        """Learn the tokens.

        Args:
            tokens: The catalog's.
            is_required: Whether callers need a token. One that is presented counts also where none is needed: a wrong one is
                refused, and a guest's confines.
            sources: Names of the sources, for folders.
        """
        self._tokens = tokens
        self._is_required = is_required
        self._sources = tuple(sources)
        self._lock = threading.Lock()
        self._used_hours: dict[str, int] = {}
        self._learn()

    def _learn(self) -> None:
        self._valid = tuple(self._tokens.valid())
        self._valid_ids = frozenset(access.token_id for _, access in self._valid)

    # Each call

    def authenticate(self, secret: str | None) -> Access:
        """Return what the holder of a secret may do.

        Raises:
            NotAuthenticated: a token is needed, or this one is not valid.
        """
        if secret is None:
            if self._is_required:
                raise token_missing()
            return FULL_ACCESS
        presented = secret_digest(secret)
        found = [access for digest, access in self._valid if hmac.compare_digest(digest, presented)]  # all are looked at
        if not found:
            raise token_invalid()
        return found[0]

    def is_valid(self, access: Access) -> bool:
        """Say whether the token of an access has not been revoked meanwhile."""
        return not access.token_id or access.token_id in self._valid_ids

    def note_use(self, access: Access) -> None:
        """Write down once an hour that a token is used. A disk that is full keeps nobody out."""
        hour = int(time.time()) // _HOUR_SECONDS
        if not access.token_id or self._used_hours.get(access.token_id) == hour:
            return
        self._used_hours[access.token_id] = hour
        try:
            self._tokens.note_use(access.token_id)
        except SoutuError as error:
            _logger.debug("the use of a token could not be written down: %s", error)

    # Tokens

    def create(self, *, name: str, scope: Scope, folders: Sequence[FolderAccess]) -> tuple[Token, str]:
        """Make a token; return it and its secret, which is not kept.

        Raises:
            InvalidInput: the name or a folder cannot be right, or more than reading is confined to folders.
            Overloaded: there are too many.
        """
        name = name.strip()
        if not name or len(name) > _MOST_NAME_CHARACTERS or not name.isprintable():
            raise InvalidInput(
                "BAD_TOKEN_NAME",
                zh=f"令牌要有名字，一行以内，最多 {_MOST_NAME_CHARACTERS} 个字，例如“奶奶的手机”",
                en=f'a token needs a name of one line and at most {_MOST_NAME_CHARACTERS} characters, for instance "the TV"',
            )
        if folders and scope is not Scope.READ:
            raise InvalidInput(
                "ONLY_READ_IS_CONFINED",
                zh="只有“查看”权限的令牌可以限制到文件夹",
                en='only a token with the scope "read" may be confined to folders',
            )
        kept = [self._checked(folder) for folder in folders[: _MOST_FOLDERS + 1]]
        if len(kept) > _MOST_FOLDERS:
            raise InvalidInput(
                "TOO_MANY_FOLDERS", zh=f"一个令牌最多 {_MOST_FOLDERS} 个文件夹", en=f"at most {_MOST_FOLDERS} folders a token"
            )
        with self._lock:
            secret = new_secret()
            token = self._tokens.create(secret, name=name, scope=scope, folders=kept)
            self._learn()
        _logger.info("made the token %s (%s)", token.token_id, scope.name)
        return token, secret

    def list_page(self, *, limit: int, page_token_text: str) -> tuple[list[Token], str]:
        """List tokens; see ``Tokens.list_page``."""
        return self._tokens.list_page(limit=limit, page_token_text=page_token_text)

    def revoke(self, token_id: str) -> Token:
        """End a token: from now on no call is let in with it, and what it streams ends.

        Raises:
            NotFound: there is no such token.
            FailedPrecondition: it is the last that may make others, where tokens are needed.
        """
        with self._lock:
            administrators = {access.token_id for _, access in self._valid if access.scope is Scope.ADMIN}
            if self._is_required and administrators == {token_id}:
                raise FailedPrecondition(
                    "LAST_ADMIN_TOKEN",
                    zh="这是最后一个管理令牌，收回后就没有人能管理了；请先用 soutu tokens create 新建一个 admin 令牌",
                    en="this is the last admin token, and without it nobody could make another; create one first",
                )
            token = self._tokens.revoke(token_id)
            self._learn()
        _logger.info("revoked the token %s", token_id)
        return token

    def ensure_administrator(self, folder: Path) -> None:
        """Make the first administrator's token where tokens are needed and there is none, and write it into a file.

        The file is written first: after a crash between the two there is no token, and the next start makes another.

        Args:
            folder: The data folder. The file in it can be read by the service's user alone.

        Raises:
            FailedPrecondition: the file cannot be written.
        """
        if not self._is_required or any(access.scope is Scope.ADMIN for _, access in self._valid):
            return
        secret = new_secret()
        path = folder / ADMIN_TOKEN_FILE
        try:
            _write_privately(path, secret + "\n")
        except OSError as error:
            raise FailedPrecondition(
                "DATA_FOLDER_NOT_WRITABLE",
                zh=f"第一个管理令牌写不进数据文件夹（{error.strerror}），请检查权限和磁盘空间",
                en=f"the first admin token cannot be written to the data folder ({error.strerror}); check permissions and space",
            ) from error
        with self._lock:
            self._tokens.create(secret, name="admin", scope=Scope.ADMIN)
            self._learn()
        _logger.warning("callers need a token; the first one, which may do everything, is in the file %s", path)

    def _checked(self, folder: FolderAccess) -> FolderAccess:
        if folder.source and self._sources and folder.source not in self._sources:
            raise InvalidInput(
                "NO_SUCH_SOURCE",
                zh=f"没有名为“{named(folder.source)}”的来源，有的是：{'、'.join(self._sources)}",
                en=f'there is no source "{named(folder.source)}"; there are: {", ".join(self._sources)}',
            )
        path = folder_path(folder.folder)
        if len(path) > _MOST_FOLDER_CHARACTERS or "\0" in path:
            raise InvalidInput("BAD_FOLDER", zh="文件夹的名字太长或无效", en="the folder's name is too long or not valid")
        if not path and not folder.source:  # what a variable that is empty makes of --folder "$FOLDER"
            raise InvalidInput(
                "BAD_FOLDER",
                zh="文件夹是空的，这样的令牌能看到一切；请写出文件夹的名字，要给整个图库就不写文件夹",
                en="the folder is empty, and such a token would see everything; name one, or none at all for the whole library",
            )
        return FolderAccess(folder.source, path)


def _write_privately(path: Path, text: str) -> None:
    """Write a file that only this user can read, whole or not at all."""
    aside = path.with_name(path.name + ".new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
