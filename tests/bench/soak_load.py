"""What a busy family does to the services, many times over."""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench.soak_pictures import Pictures
from soutu_client import Client, SoutuError
from soutu_client.models import ImageTerm, TextTerm

__all__ = ["Load"]

_RACES = frozenset({"PHOTO_NOT_FOUND", "PHOTO_DELETED", "PHOTO_NOT_EMBEDDED", "NOT_READ_YET", "ORIGINAL_GONE", "BACKUP_RUNNING"})
"""Reasons that say no more than that another worker has just deleted what this one asks for, or backs up, or that it is not
embedded yet."""

_WORDS = (
    "雪地里的狗",
    "一只猫",
    "海边日落",
    "奶奶生日",
    "红色的花",
    "山上的树",
    "孩子在跑",
    "城市夜景",
    "soak",
    "a boat on a lake",
)
_OWN = 60
_PAUSE_SECONDS = 0.01


class Load:
    """Workers that each do one thing after another, chosen by chance, with a client of their own.

    Args:
        address: Of the search service.
        inbox: Folder of the photos' bucket, into which files are also put directly.
        pictures: Makes what is uploaded.
        workers: How many.
        seed: Of their choices.

    Attributes:
        done: Operations, by name.
        errors: Errors, by operation and reason.
        races: Refusals that come of workers crossing each other.
        seconds: How long each operation took, by name.
    """

    def __init__(self, address: str, inbox: Path, pictures: Pictures, *, workers: int, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.races: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = {}
        self._address = address
        self._inbox = inbox
        self._pictures = pictures
        self._seed = seed
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,), name=f"soak-{number}") for number in range(workers)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End each worker after what it does."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        with (
            Client(self._address, timeout_seconds=120, language="en") as client,
            tempfile.TemporaryDirectory(prefix="soutu-soak-") as folder,
        ):
            worker = _Worker(
                client, self._inbox, Path(folder), self._pictures, chance=random.Random(self._seed + number), number=number
            )
            while not self._stop.is_set():
                self._one(worker)
                self._stop.wait(_PAUSE_SECONDS)

    def _one(self, worker: _Worker) -> None:
        name, operation = worker.choose()
        began = time.monotonic()
        try:
            operation()
        except SoutuError as error:
            with self._lock:
                (self.races if error.reason in _RACES else self.errors)[f"{name}: {error.reason}"] += 1
            return
        except Exception as error:  # noqa: BLE001 - it is counted, and fails the soak
            with self._lock:
                self.errors[f"{name}: {error!r:.200}"] += 1
            return
        with self._lock:
            self.done[name] += 1
            self.seconds.setdefault(name, []).append(time.monotonic() - began)


class _Worker:
    """One member of the family."""

    def __init__(
        self, client: Client, inbox: Path, folder: Path, pictures: Pictures, *, chance: random.Random, number: int
    ) -> None:
        self._client = client
        self._inbox = inbox / f"worker-{number}"
        self._folder = folder
        self._pictures = pictures
        self._chance = chance
        self._number = number
        self._uploaded: list[str] = []
        self._deleted: list[str] = []
        self._dropped: list[Path] = []
        self._counter = 0
        weights: list[tuple[float, Callable[[], object]]] = [
            (12, self._search),
            (3, self._search_by_picture),
            (3, self._similar),
            (10, self._thumbnail),
            (2, self._original),
            (8, self._upload),
            (3, self._delete),
            (1.5, self._undelete),
            (0.6, self._purge),
            (0.4, self._sync),
            (2, self._annotate),
            (2, self._status),
            (3, self._list),
            (0.2, self._near_duplicates),
            (0.05, self._backup),
            (0.02, self._check),
        ]
        self._weights = [weight for weight, _ in weights]
        self._operations = [operation for _, operation in weights]

    def choose(self) -> tuple[str, Callable[[], object]]:
        """Choose what to do next; with many photos of its own, a worker deletes some."""
        if len(self._uploaded) > _OWN:
            return "delete", self._delete
        if len(self._deleted) > _OWN:
            return "purge", self._purge
        operation = self._chance.choices(self._operations, self._weights)[0]
        return operation.__name__.strip("_"), operation

    def _search(self) -> object:
        terms = [TextTerm(self._chance.choice(_WORDS))]
        if self._chance.random() < 0.3:
            terms.append(TextTerm(self._chance.choice(_WORDS), weight=-0.5))
        return self._client.search(terms)

    def _search_by_picture(self) -> object:
        return self._client.search([ImageTerm(self._pictures.new())])

    def _similar(self) -> object:
        return self._client.similar(self._any())

    def _thumbnail(self) -> object:
        return self._client.thumbnail(self._any())

    def _original(self) -> object:
        with self._client.read_original(self._any()) as original:
            return sum(len(part) for part in original)

    def _upload(self) -> object:
        path = self._folder / f"{self._name()}.jpg"
        path.write_bytes(self._pictures.new())
        self._uploaded.append(self._client.upload(path, name=f"soak/{self._number}/{path.name}").photo_id)
        path.unlink()
        return path

    def _delete(self) -> object:
        some = self._take(self._uploaded)
        self._client.delete(some)
        self._deleted += some
        return some

    def _undelete(self) -> object:
        some = self._take(self._deleted)
        self._client.undelete(some)
        self._uploaded += some
        return some

    def _purge(self) -> object:
        return self._client.purge(self._take(self._deleted)) if self._deleted else 0

    def _sync(self) -> object:
        """Put files beside the service into the bucket, and take others away, and let it find out."""
        self._inbox.mkdir(exist_ok=True)
        for _ in range(3):
            path = self._inbox / f"{self._name()}.jpg"
            aside = path.with_suffix(".part")
            aside.write_bytes(self._pictures.new())
            aside.rename(path)
            self._dropped.append(path)
        while len(self._dropped) > _OWN // 2:
            self._dropped.pop(0).unlink(missing_ok=True)
        return self._client.start_sync()

    def _annotate(self) -> object:
        label = f"标签{self._chance.randrange(20)}"
        return self._client.annotate([self._any()], favourite=self._chance.random() < 0.5, add_tags=[label])

    def _status(self) -> object:
        return self._client.status()

    def _list(self) -> object:
        return self._client.list_photos(page_size=50)

    def _near_duplicates(self) -> object:
        return self._client.near_duplicates()

    def _backup(self) -> object:
        return self._client.create_backup(self._folder / "backup.tar", overwrite=True)

    def _check(self) -> object:
        return self._client.start_check()

    def _any(self) -> str:
        """Choose one of its photos, or, while it has none, of the newest."""
        if self._uploaded:
            return self._chance.choice(self._uploaded)
        return self._chance.choice(self._client.list_photos(page_size=20).photos).photo_id

    def _take(self, photo_ids: list[str]) -> list[str]:
        self._chance.shuffle(photo_ids)
        count = max(1, len(photo_ids) // 3)
        taken = photo_ids[:count]
        del photo_ids[:count]
        return taken

    def _name(self) -> str:
        self._counter += 1
        return f"{os.getpid()}-{self._number}-{self._counter}"
