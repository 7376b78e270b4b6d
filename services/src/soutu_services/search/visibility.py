"""What of the library a caller may see.

A guest is confined to folders. The guest sees a photo if an object of it that is present now lies in one of them, and of that
photo only the names there; everything else answers exactly as what does not exist. Whatever reads photos for a caller asks for
the caller's ``Visibility``, and has no default for it.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property

from soutu_services.runtime.access import Access, FolderAccess

__all__ = ["EVERYTHING", "Visibility", "folder_path", "name_path"]


def folder_path(folder: str) -> str:
    """Write a folder as names' paths are compared with: Unicode NFC, no slash at either end, no empty parts; "" is the top."""
    return unicodedata.normalize("NFC", "/".join(part for part in folder.split("/") if part))


def name_path(name: str) -> str:
    """Write a name as folders are compared with: Unicode NFC."""
    return unicodedata.normalize("NFC", name)


@dataclass(frozen=True)
class Visibility:
    """What of the library a caller may see.

    Attributes:
        folders: The folders that the caller is confined to, none of them: nothing; None: the caller sees everything.
    """

    folders: tuple[FolderAccess, ...] | None

    @classmethod
    def of(cls, access: Access) -> Visibility:
        """Return what the holder of an access may see."""
        return cls(access.folders) if access.folders else EVERYTHING

    @property
    def is_everything(self) -> bool:
        """Whether nothing is hidden."""
        return self.folders is None

    @cached_property
    def places(self) -> tuple[tuple[str, str], ...]:
        """The folders as (source, path), "" for any source and for the top.

        Raises:
            ValueError: nothing is hidden, so there are none.
        """
        if self.folders is None:
            raise ValueError("there are no places to tell where nothing is hidden")
        return tuple((folder.source, folder_path(folder.folder)) for folder in self.folders)

    def holds(self, source: str, name: str) -> bool:
        """Tell whether a name in a source lies where the caller may see; ``catalog.filters`` says the same in SQL."""
        if self.folders is None:
            return True
        path = name_path(name)
        return any((not place or place == source) and (not top or path.startswith(f"{top}/")) for place, top in self.places)


EVERYTHING = Visibility(None)
"""What callers see who are not confined, and what the service itself sees."""
