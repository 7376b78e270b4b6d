"""What people and their programs do to a library, all at once, while it is killed again and again."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search_house import picture
from soutu_client import Client, JobState, NotFoundError, SoutuError
from soutu_services.search.objects import StoreUnavailable
from soutu_services.search.store import S3Store
from torture.ledger import DELETED, MOVED, OUTCOMES, PRESENT

_PATIENCE = 60.0
_COLOURS = "红绿蓝"
_ENOUGH = 3
"""Photos that each worker has, before it does anything else with them."""
CHANGES = ("delete", "undelete", "purge")
"""What is done to a photo that is there."""


class Witness:
    """The line to the auditor. Thread safe; returns when the auditor has it on the disk.

    ``acknowledged`` counts what was: by it, not by the clock, the run goes on.
    """

    def __init__(self, log: Path) -> None:
        command = [sys.executable, "-m", "torture.auditor", str(log)]
        self._popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self._lock = threading.Lock()
        self.acknowledged = 0

    def say(self, photo_id: str, operation: str, *, is_done: bool, value: str = "") -> None:
        self.acknowledged += is_done
        self._ask(json.dumps({"photo": photo_id, "operation": operation, "is_done": is_done, "value": value}))

    def audit(self, place: dict[str, object]) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self._ask(f"audit {json.dumps(place)}"))
        return result

    def close(self) -> None:
        assert self._popen.stdin is not None and self._popen.stdout is not None
        self._popen.stdin.close()
        self._popen.stdout.close()
        self._popen.wait(_PATIENCE)

    def _ask(self, line: str) -> str:
        assert self._popen.stdin is not None and self._popen.stdout is not None
        with self._lock:
            self._popen.stdin.write(line + "\n")
            self._popen.stdin.flush()
            return self._popen.stdout.readline()


@dataclass
class _Own:
    """A photo that one worker alone touches, and what it may be.

    ``left_at`` is where a move began whose end is not known; ``is_moved`` whether a sync has yet to find it in its new place.
    Until then nothing else is done to it: two copies would be the mover's.
    """

    photo_id: str
    data: bytes
    name: str
    states: set[str] = field(default_factory=set)
    left_at: str = ""
    is_moved: bool = False


class Driver:
    """Some workers, each with photos of its own. They work while the service is up and nobody paused them.

    ``wish`` is an operation that they should come to soon; ``under_way`` lists those that the service has not answered yet.
    """

    def __init__(self, folder: Path, bucket: S3Store, witness: Witness, *, workers: int, seed: int) -> None:
        self._folder = folder
        self._bucket = bucket
        self._witness = witness
        self._may_work = threading.Event()
        self._stop = threading.Event()
        self._idle = threading.Semaphore(0)
        self._workers = workers
        self.client: Client | None = None
        self.wish = ""
        self._at: dict[int, str] = {}
        self._locks = [threading.Lock() for _ in range(workers)]
        self._threads = [
            threading.Thread(target=self._work, args=(number, random.Random(seed * 1000 + number)), daemon=True)
            for number in range(workers)
        ]
        self.failures: list[str] = []
        for thread in self._threads:
            thread.start()

    def resume(self, client: Client) -> None:
        self.client = client
        self._may_work.set()

    @property
    def under_way(self) -> set[str]:
        return set(self._at.copy().values())

    def pause(self) -> None:
        """Let no worker begin anything, and wait until none does anything."""
        self._may_work.clear()
        for lock in self._locks:
            with lock:
                pass

    def cut_off(self) -> None:
        """Begin nothing more; what is under way fails by itself."""
        self._may_work.clear()

    def close(self) -> None:
        self._stop.set()
        self._may_work.set()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def _work(self, number: int, chance: random.Random) -> None:
        photos: list[_Own] = []
        while True:
            self._may_work.wait()
            if self._stop.is_set():
                return
            with self._locks[number]:
                if not self._may_work.is_set():
                    continue
                try:
                    self._one(number, chance, photos)
                except (SoutuError, StoreUnavailable):
                    continue
                except Exception as error:  # noqa: BLE001 - it is the run's to report
                    self.failures.append(repr(error))
                    return

    def _one(self, number: int, chance: random.Random, photos: list[_Own]) -> None:
        assert self.client is not None
        client = self.client
        work = {"upload": 0.0, "ingest": 0.0, **dict.fromkeys(CHANGES, 1.0)}.get(self.wish, chance.random())
        if work < 0.40 or len(photos) < _ENOUGH:
            self._send(client, self._new(number, chance, photos), "upload")
        elif work < 0.46:
            self._drop(self._new(number, chance, photos))
        elif work < 0.50 or (self.wish == "sync" and work < 0.75):
            client.start_sync()
        elif work < 0.52 or (self.wish == "reindex" and work < 0.75):
            client.start_reindex()
        else:
            self._change(client, chance, chance.choice(photos))

    def _new(self, number: int, chance: random.Random, photos: list[_Own]) -> _Own:
        data = picture(chance.choice(_COLOURS), chance.randrange(1 << 60))
        own = _Own(hashlib.sha256(data).hexdigest()[:32], data, f"{number}/夏天 {len(photos) % 7}/照片 {len(photos)}.png")
        photos.append(own)
        return own

    def _change(self, client: Client, chance: random.Random, own: _Own) -> None:
        if own.left_at or own.is_moved:
            self._finish_move(client, own)
            return
        is_wished = self.wish in CHANGES
        if own.states == {PRESENT}:
            change = "delete" if is_wished else chance.choice(("delete", "delete", "caption", "rename", "upload"))
        elif own.states == {DELETED}:
            wished = "purge" if self.wish == "purge" else "undelete"
            change = wished if is_wished else chance.choice(("undelete", "undelete", "purge", "upload"))
        else:
            change = "upload"  # which settles what a kill left open
        if change == "upload":
            self._send(client, own, change)
        elif change == "rename":
            self._rename(client, own, chance.randrange(1000))
        elif change == "caption":
            value = f"说明 {chance.randrange(1_000_000)}"
            self._witness.say(own.photo_id, change, is_done=False, value=value)
            try:
                client.annotate([own.photo_id], caption=value)
            except NotFoundError:
                return  # dropped into the bucket and not found by a sync yet
            self._witness.say(own.photo_id, change, is_done=True, value=value)
        else:
            call: Callable[[list[str]], object] = {
                "delete": client.delete,
                "undelete": client.undelete,
                "purge": client.purge,
            }[change]
            self._tell(own, change, lambda: own.photo_id in str(call([own.photo_id])) or change == "purge")

    def _send(self, client: Client, own: _Own, operation: str) -> None:
        path = self._folder / f"{own.photo_id}.png"
        path.write_bytes(own.data)
        self._tell(own, operation, lambda: client.upload(path, name=own.name).photo_id == own.photo_id)

    def _drop(self, own: _Own) -> None:
        """Put a file into the bucket as any S3 tool does."""
        self._tell(own, "drop", lambda: self._bucket.put(own.name, own.data) is None)

    def _tell(self, own: _Own, operation: str, call: Callable[[], bool]) -> None:
        own.states.add(OUTCOMES[operation])
        self._witness.say(own.photo_id, operation, is_done=False)
        with self._doing(operation):
            is_done = call()
        if is_done:
            own.states = {OUTCOMES[operation]}
            self._witness.say(own.photo_id, operation, is_done=True)

    @contextmanager
    def _doing(self, operation: str) -> Iterator[None]:
        me = threading.get_ident()
        self._at[me] = operation
        try:
            yield
        finally:
            del self._at[me]

    def _rename(self, client: Client, own: _Own, number: int) -> None:
        """Move a photo's file within the bucket, as any S3 tool does."""
        try:
            photo = client.photo(own.photo_id)
        except NotFoundError:
            return
        for name in photo.names:
            if name.present and self._bucket.exists(name.name):
                own.left_at = name.name
                own.is_moved = True
                self._bucket.copy_to(name.name, self._bucket, f"{MOVED}/{number}/{own.photo_id}.png")
                self._finish_move(client, own)
                return

    def _finish_move(self, client: Client, own: _Own) -> None:
        if own.left_at:
            self._bucket.remove(own.left_at)
            own.left_at = ""
        last = list(client.watch_job(client.start_sync().job_id, timeout_seconds=_PATIENCE))[-1]
        own.is_moved = last.state is not JobState.SUCCEEDED
