"""What a library must be after any sequence of events, in a few dictionaries, searched by looking at everything."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Place = tuple[str, str]
"""A source and a key in it."""

UPLOADS, DISK = "photos", "disk"
SOURCES = (UPLOADS, DISK)
CONTENTS = ("a", "b", "c", "broken")
KEYS = ("奶奶.红花.jpg", "奶奶/生日/狗.png", "奶奶们/狗.png", "旅行/海边.jpg")
WORDS = ("红花", "奶奶", "海边", "私房", "生日")
TAGS = ("私房", "海边")
SPACES = ("1" * 32, "2" * 32)
DIMENSION = 6


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def etag(content: str) -> str:
    return hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()


def photo_id(content: str) -> str:
    return sha256(content)[:32]


def vector(content: str, space: str) -> list[float]:
    chance = random.Random(f"{content} {space}")
    values = [chance.gauss(0, 1) for _ in range(DIMENSION)]
    length = math.hypot(*values)
    return [value / length for value in values]


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@dataclass
class Object:
    """What the catalog should know of an object."""

    etag: str
    present: bool = True
    is_read: bool = False
    content: str | None = None


@dataclass
class Photo:
    """What it should know of a photo. ``names`` are all that it ever had."""

    is_read: bool = False
    deleted: bool = False
    names: set[Place] = field(default_factory=set)
    embedded: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    caption: str = ""
    favourite: bool = False


@dataclass(frozen=True)
class Guest:
    """Who sees a folder alone; an empty source is any, an empty folder the top."""

    source: str
    folder: str

    def sees(self, place: Place) -> bool:
        return self.source in ("", place[0]) and in_folder(place, self.folder)


def in_folder(place: Place, folder: str) -> bool:
    return not folder or place[1].startswith(f"{folder}/")


@dataclass(frozen=True)
class Wanted:
    """A filter."""

    folder: str = ""
    source: str = ""
    tag: str = ""
    favourite: bool | None = None


class LibraryModel:
    """Files in the buckets, and what follows of them. A content is a photo's name here: ``a`` is the photo that holds it."""

    def __init__(self) -> None:
        self.files: dict[Place, str] = {}
        self.objects: dict[Place, Object] = {}
        self.photos: dict[str, Photo] = {}
        self.purged: set[str] = set()
        self.recycled: list[tuple[str, Place]] = []
        self.spaces: list[str] = [SPACES[0]]
        self.serving = SPACES[0]

    # What happens

    def sync(self, source: str) -> None:
        for place, content in self.files.items():
            if place[0] != source:
                continue
            known = self.objects.get(place)
            if known is None:
                self.objects[place] = Object(etag(content))
            elif known.etag != etag(content):
                kept = known.content if known.present else None
                self.objects[place] = Object(etag(content), content=kept)
                self._name(place)
            elif not known.present:
                known.present = True
                self._name(place)
        for place, known in self.objects.items():
            if place[0] == source and place not in self.files and known.present:
                known.present = False
                self._name(place)

    def read_uploads(self) -> list[tuple[Place, str]]:
        """Places that soutu writes to, and the photo that it knows to be in each."""
        known = ((place, known) for place, known in sorted(self.objects.items()) if place[0] == UPLOADS)
        return [
            (place, one.content)
            for place, one in known
            if one.present and one.is_read and one.content in self.photos and not self.photos[one.content].deleted
        ]

    def unread(self) -> Iterator[Place]:
        return (place for place, known in self.objects.items() if known.present and not known.is_read)

    def read(self, place: Place) -> None:
        """Take over what the file at a place holds now."""
        content, known = self.files[place], self.objects[place]
        if content in self.purged and place[0] != UPLOADS:
            known.content, known.is_read = content, True
            return
        photo = self._photo(content)
        photo.is_read = True
        known.content, known.is_read = content, True
        photo.names.add(place)

    def put(self, place: Place, content: str) -> None:
        self.files[place] = content
        photo = self._photo(content)
        self.objects[place] = Object(etag(content), content=content, is_read=photo.is_read)
        photo.names.add(place)

    def delete(self, content: str) -> None:
        self.photos[content].deleted = True
        for place, known in self.objects.items():
            if place[0] == UPLOADS and known.present and known.content == content:
                known.present = False
                if self.files.get(place) == content:  # else a person put another file there, which is nobody's yet and stays
                    del self.files[place]
                    self.recycled.append((content, place))

    def undelete(self, content: str, back_to: Callable[[Place], Place]) -> None:
        self.photos[content].deleted = False
        back = [place for of, place in self.recycled if of == content]
        self.recycled = [(of, place) for of, place in self.recycled if of != content]
        for place in back:
            self.put(back_to(place), content)

    def purge(self, content: str) -> None:
        del self.photos[content]
        self.purged.add(content)
        self.recycled = [(of, place) for of, place in self.recycled if of != content]

    def embed(self, space: str, content: str) -> None:
        self.photos[content].embedded.add(space)

    def forget(self, space: str) -> None:
        self.spaces.remove(space)
        for photo in self.photos.values():
            photo.embedded.discard(space)

    def _name(self, place: Place) -> None:
        """Give the photo that an object is known to hold the object's name."""
        content = self.objects[place].content
        if content in self.photos:
            self.photos[content].names.add(place)

    def _photo(self, content: str) -> Photo:
        if content not in self.photos:
            self.photos[content] = Photo()
            if content in self.purged:  # whatever held it gives it its names again, once it is read again
                self.purged.remove(content)
                for place, known in self.objects.items():
                    if known.content == content and known.is_read:
                        known.is_read = False
                        self.photos[content].names.add(place)
        return self.photos[content]

    # What is then true

    def names(self, content: str) -> dict[Place, bool]:
        """The names of a photo, and which of them are there now."""
        return {place: self._holds(place, content) for place in self.photos[content].names}

    def is_shown(self, content: str) -> bool:
        return not self.photos[content].deleted and any(self.names(content).values())

    def state(self, content: str) -> str:
        photo = self.photos[content]
        if photo.is_read and content == "broken":
            return "UNREADABLE"
        return "READY" if photo.is_read and self.serving in photo.embedded else "PENDING"

    def sees(self, guest: Guest | None, content: str) -> bool:
        if guest is None:
            return True
        there = any(is_there and guest.sees(place) for place, is_there in self.names(content).items())
        return there and not self.photos[content].deleted

    def pending(self, space: str) -> set[str]:
        """Photos that wait to be embedded into a space."""
        return {
            content
            for content, photo in self.photos.items()
            if self.is_shown(content) and photo.is_read and content != "broken" and space not in photo.embedded
        }

    def found(self, guest: Guest | None, wanted: Wanted) -> set[str]:
        """Photos that may be found at all."""
        return {
            content
            for content in self.photos
            if self.is_shown(content)
            and self.state(content) != "UNREADABLE"
            and self.sees(guest, content)
            and self._passes(guest, wanted, content)
        }

    def by_look(self, like: list[float], guest: Guest | None, wanted: Wanted) -> dict[str, float]:
        return {
            content: cosine(like, vector(content, self.serving))
            for content in self.found(guest, wanted)
            if self.serving in self.photos[content].embedded
        }

    def by_word(self, word: str, guest: Guest | None, wanted: Wanted) -> set[str]:
        return {content for content in self.found(guest, wanted) if any(word in text for text in self._texts(guest, content))}

    def _texts(self, guest: Guest | None, content: str) -> Iterator[str]:
        photo = self.photos[content]
        yield from photo.tags
        yield photo.caption
        yield from (place[1] for place in photo.names if guest is None or guest.sees(place))

    def _holds(self, place: Place, content: str) -> bool:
        known = self.objects.get(place)
        return known is not None and known.present and known.content == content

    def _passes(self, guest: Guest | None, wanted: Wanted, content: str) -> bool:
        photo = self.photos[content]
        places = [place for place, is_there in self.names(content).items() if is_there and (guest is None or guest.sees(place))]
        if not any(wanted.source in ("", place[0]) and in_folder(place, wanted.folder) for place in places):
            return False
        return (not wanted.tag or wanted.tag in photo.tags) and wanted.favourite in (None, photo.favourite)
