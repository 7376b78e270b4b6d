"""Which library to use without being told: what ``soutu login`` keeps in a file, for the command line and for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from soutu_client._channel import endpoint_of
from soutu_client._errors import InvalidInputError
from soutu_client._language import Language, Text
from soutu_client._login import Login, checked_authority, checked_token
from soutu_client._user_folders import config_folder, write_private

__all__ = ["SavedLogin", "forget_login", "keep_login", "login_file", "saved_login"]

_DAMAGED = Text(
    zh="登录文件 {path} 无法识别：请再运行一次 soutu login 地址，或用 soutu logout 删除它",
    en="the login file {path} cannot be understood: run soutu login ADDRESS again, or soutu logout to remove it",
)


@dataclass(frozen=True)
class SavedLogin:
    """A library to use by default.

    Attributes:
        address: Of its search service, as it was given.
        token: Says who calls; empty: nobody.
        authority: Certificates (PEM) by which the service is known; empty: none was given.
    """

    address: str
    token: str = field(default="", repr=False)
    authority: str = field(default="", repr=False)


def login_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the login is kept."""
    return config_folder(environment) / "login.json"


def saved_login(environment: Mapping[str, str], language: Language) -> SavedLogin | None:
    """Return the login that is kept; None: there is none.

    Raises:
        InvalidInputError: The file holds something else, or what can be no address, token or authority.
        OSError: It cannot be read.
    """
    try:
        path = login_file(environment)
        values = json.loads(path.read_text(encoding="utf-8"))
        login = SavedLogin(**values)
        is_whole = all(isinstance(value, str) for value in values.values())
        if is_whole:
            endpoint_of(login.address, Login(), language)
            checked_token(login.token, language)
            if login.authority:
                checked_authority(login.authority.encode(), path, language)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError, InvalidInputError):
        is_whole = False
    if not is_whole:
        raise InvalidInputError(_DAMAGED.to(language).format(path=path), reason="BAD_LOGIN_FILE")
    return login


def keep_login(login: SavedLogin, environment: Mapping[str, str] = os.environ) -> Path:
    """Keep a login in place of the one before, readable to its owner alone, and return the file.

    Raises:
        OSError: It cannot be written.
    """
    path = login_file(environment)
    values = {"address": login.address, "token": login.token, "authority": login.authority}
    write_private(path, json.dumps(values, ensure_ascii=False, indent=2) + "\n")
    return path


def forget_login(environment: Mapping[str, str] = os.environ) -> bool:
    """Remove the login and say whether there was one.

    Raises:
        OSError: It cannot be removed.
    """
    try:
        login_file(environment).unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
