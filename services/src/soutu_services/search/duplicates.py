"""Near-duplicates: photos whose perceptual hashes and embeddings both nearly agree."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soutu_services.runtime.errors import InvalidInput
from soutu_services.search.catalog import Catalog
from soutu_services.search.index import VectorIndex, near_hashes
from soutu_services.search.model import Photo
from soutu_services.search.page_tokens import list_digest, page_token, read_page_token
from soutu_services.search.visibility import Visibility

__all__ = ["DEFAULT_DISTANCE", "DEFAULT_MIN_COSINE", "MAX_DISTANCE", "DuplicatePage", "LastDuplicates", "list_near_duplicates"]

DEFAULT_DISTANCE = 6
MAX_DISTANCE = 16
DEFAULT_MIN_COSINE = 0.9
_MAX_PAGE = 200
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class DuplicatePage:
    """A page of groups, each of two photos or more, the one with most pixels first. The token is empty after the last page."""

    groups: tuple[tuple[Photo, ...], ...]
    next_page_token: str


class LastDuplicates:
    """Keeps the groups that were found last, so that the pages of one list are found once, and are of one list. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[str, list[list[str]]] = ("", [])

    def of(self, digest: str) -> list[list[str]] | None:
        """Return the groups of a list; None if another one was found since."""
        with self._lock:
            kept, groups = self._kept
        return groups if kept == digest else None

    def keep(self, digest: str, groups: list[list[str]]) -> None:
        """Keep the groups of a list; those of another one go."""
        with self._lock:
            self._kept = (digest, groups)


def list_near_duplicates(
    catalog: Catalog,
    index: VectorIndex | None,
    visibility: Visibility,
    *,
    max_distance: int = DEFAULT_DISTANCE,
    min_cosine: float = DEFAULT_MIN_COSINE,
    page_size: int = 50,
    page_token_text: str = "",
    last: LastDuplicates | None = None,
) -> DuplicatePage:
    """List groups of photos that are nearly the same, the largest first, then by photo id.

    Two photos belong together if their 64-bit perceptual hashes differ in at most ``max_distance`` bits and the cosine of their
    embeddings is at least ``min_cosine``; groups are what is connected by such pairs. Photos without an embedding are in none.

    Args:
        catalog: The library.
        index: The index that serves; None while there is none, and no group.
        visibility: What the caller may see: other photos are in no group and connect none.
        max_distance: 0 to 16 bits.
        min_cosine: -1 to 1.
        page_size: Groups a page, 1 to 200.
        page_token_text: From the page before; empty for the first.
        last: Has the groups if a page before this one was asked for, and keeps them for the next. The first page is always made
            anew. None: every page is.

    Raises:
        InvalidInput: a limit or the token cannot be right.
    """
    if not 0 <= max_distance <= MAX_DISTANCE or not -1 <= min_cosine <= 1 or not 1 <= page_size <= _MAX_PAGE:
        raise InvalidInput(
            "BAD_LIMITS",
            zh=f"距离应在 0 到 {MAX_DISTANCE} 之间，余弦在 -1 到 1 之间，每页 1 到 {_MAX_PAGE} 组",
            en=f"the distance goes from 0 to {MAX_DISTANCE}, the cosine from -1 to 1, and a page from 1 to {_MAX_PAGE} groups",
        )
    digest = list_digest("duplicates", visibility, max_distance, min_cosine)
    position = read_page_token(page_token_text, digest, int)
    start = position[0] if position else 0
    groups = last.of(digest) if last is not None and position else None
    if groups is None:
        groups = [] if index is None else _groups(catalog, index, visibility, max_distance, min_cosine)
        if last is not None:
            last.keep(digest, groups)
    shown = groups[start : start + page_size]
    members = catalog.photos.get_many([photo_id for group in shown for photo_id in group], visibility)
    photos = {photo.photo_id: photo for photo in members}
    page = [[photos[photo_id] for photo_id in group if photo_id in photos] for group in shown]
    page = [sorted(group, key=_most_pixels_first) for group in page if len(group) > 1]  # some may be gone meanwhile
    more = start + page_size < len(groups)
    return DuplicatePage(tuple(map(tuple, page)), page_token(digest, [start + page_size]) if more else "")


def _groups(
    catalog: Catalog, index: VectorIndex, visibility: Visibility, max_distance: int, min_cosine: float
) -> list[list[str]]:
    """List groups of photo ids, each in order, the largest first."""
    photo_ids, hashes = catalog.photos.perceptual_hashes(visibility)
    embedding_of = catalog.embeddings.poster_ids(index.space_id, photo_ids)
    members = [at for at, photo_id in enumerate(photo_ids) if photo_id in embedding_of]
    links = _Links(index, np.array([embedding_of[photo_ids[at]] for at in members], dtype=np.int64), min_cosine)
    unique, of_hash = np.unique(hashes[members], return_inverse=True)
    with_hash = np.split(np.argsort(of_hash, kind="stable"), np.cumsum(np.bincount(of_hash, minlength=len(unique)))[:-1])
    for same in with_hash:
        if len(same) > 1:
            links.link(same, same)
    for first, second in near_hashes(unique, max_distance):
        for one, other in zip(first.tolist(), second.tolist(), strict=True):
            links.link(with_hash[one], with_hash[other])
    groups: dict[int, list[str]] = {}
    for at, member in enumerate(members):
        groups.setdefault(links.root(at), []).append(photo_ids[member])
    return sorted((group for group in groups.values() if len(group) > 1), key=lambda group: (-len(group), group))


class _Links:
    """Disjoint sets of embeddings, joined where their cosine is large enough (union-find with path halving)."""

    def __init__(self, index: VectorIndex, ids: npt.NDArray[np.int64], min_cosine: float) -> None:
        self._index = index
        self._ids = ids
        self._min_cosine = min_cosine
        self._parents = list(range(len(ids)))

    def root(self, member: int) -> int:
        """Find the member that stands for the set."""
        parents = self._parents
        while parents[member] != member:
            parents[member] = member = parents[parents[member]]
        return member

    def link(self, ones: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> None:
        """Join each of some members with each of some others whose cosine is large enough."""
        if len(ones) == len(others) == 1 and self.root(int(ones[0])) == self.root(int(others[0])):
            return
        found, other_vectors = self._index.vectors(self._ids[others])
        if len(found) != len(others):
            return  # removed meanwhile
        labels = np.arange(len(others))  # what is joined already need not be joined by each of many equal photos
        for start in range(0, len(ones), _BLOCK):
            block = ones[start : start + _BLOCK]
            found, vectors = self._index.vectors(self._ids[block])
            if len(found) != len(block):
                return
            for one, is_near in zip(block.tolist(), vectors @ other_vectors.T >= self._min_cosine, strict=True):
                distinct = np.unique(labels[is_near])
                for label in distinct.tolist():
                    self._join(one, int(others[label]))
                if len(distinct) > 1:
                    labels[np.isin(labels, distinct)] = distinct[0]

    def _join(self, one: int, other: int) -> None:
        self._parents[self.root(one)] = self.root(other)


def _most_pixels_first(photo: Photo) -> tuple[int, int, str]:
    return (-photo.width * photo.height, -photo.size_bytes, photo.photo_id)
