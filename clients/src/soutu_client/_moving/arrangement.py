"""What is to be moved in: files under their names in the library, with what was known of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from soutu_client._language import Language, Text
from soutu_client._moving.facts import Facts
from soutu_client._moving.listing import ListedFile
from soutu_client._os_errors import describe_os_error
from soutu_client._walk import FoundFile, is_ignored_file

__all__ = ["Arrangement", "BadSidecarError"]

_UNREADABLE = Text(
    zh="这个附带文件读不懂，照片会照样加入，只是没有它说的日期和说明",
    en="this sidecar cannot be understood; its photo is added without what it says",
)


class BadSidecarError(Exception):
    """A sidecar is not what it should be."""


@dataclass
class Arrangement:
    """Filled by the module of a layout.

    Attributes:
        language: Of messages.
        folder_albums: Whether each folder of a plain folder is an album.
        files: To be added, in order.
        facts: What is known of some of them.
        with_sidecar: Those that a sidecar belongs to.
        ignored: Files that are no photos, by lower-case extension with its dot.
        trashed: Photos that were in the other program's trash.
        problems: What could not be read, and why.
    """

    language: Language
    folder_albums: bool = False
    files: list[FoundFile] = field(default_factory=list)
    facts: dict[Path, Facts] = field(default_factory=dict)
    with_sidecar: set[Path] = field(default_factory=set)
    ignored: Counter[str] = field(default_factory=Counter)
    trashed: int = 0
    problems: list[tuple[Path, str, Exception]] = field(default_factory=list)

    def add(self, file: ListedFile, name: str, facts: Facts | None) -> None:
        """Take a file; ``facts`` is None where no sidecar belongs to it."""
        self.files.append(FoundFile(file.path, name, file.size_bytes, file.modified_ns, opened=file.opened))
        if facts is not None:
            self.with_sidecar.add(file.path)
            self.tell(file.path, facts)

    def tell(self, path: Path, facts: Facts) -> None:
        """Say more of a file."""
        whole = facts.and_(self.facts.get(path, Facts()))
        if not whole.is_empty:
            self.facts[path] = whole

    def ignore(self, file: ListedFile) -> None:
        """Leave a file out, and count it."""
        self.ignored[Path(file.name).suffix.lower()] += 1

    @staticmethod
    def is_photo(file: ListedFile) -> bool:
        """Whether a file is to be added: as ``soutu add`` decides.

        A Live Photo's clip, or a raw file, keeps the folder and the stem of its picture: the service makes one photo of them.
        """
        return not is_ignored_file(file.name)

    def bad_sidecar(self, file: ListedFile, error: Exception) -> None:
        """Note that a sidecar, or a list of an album, says nothing."""
        why = describe_os_error(error, self.language) if isinstance(error, OSError) else _UNREADABLE.to(self.language)
        self.problems.append((file.path, why, error))
