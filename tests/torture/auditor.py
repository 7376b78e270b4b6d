"""The independent process: writes down each acknowledgement, flushed, and compares them at the end with store and catalog.

It uses nothing of soutu: the S3 server is read by the MinIO client, the catalog by SQLite, read-only.
Lines on standard input are log lines, each answered by an empty one once it is on the disk; ``audit {...}`` asks for the result.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from minio import Minio

from torture.ledger import DELETED, GONE, PRESENT, Allowed, read_log

BROKEN = "broken"
"""The catalog has it and its bytes are nowhere, or not in the state that the catalog says."""


def main() -> None:
    log_path = Path(sys.argv[1])
    with log_path.open("a", encoding="utf-8") as log:
        for line in sys.stdin:
            if line.startswith("audit "):
                with log_path.open(encoding="utf-8") as lines:
                    answer = json.dumps(audit(read_log(lines), json.loads(line.removeprefix("audit "))))
            else:
                log.write(line)
                log.flush()
                os.fsync(log.fileno())
                answer = ""
            sys.stdout.write(answer + "\n")
            sys.stdout.flush()


def audit(photos: dict[str, Allowed], place: dict[str, str]) -> dict[str, Any]:
    """Count what was acknowledged and is not so."""
    store = Minio(place["endpoint"], access_key=place["access_key"], secret_key=place["secret_key"], secure=False)
    photos_bucket, recycle_bucket = _digests(store, place["photos_bucket"]), _digests(store, place["recycle_bucket"])
    catalog = sqlite3.connect(f"file:{place['catalog']}?mode=ro", uri=True)
    catalog.row_factory = sqlite3.Row
    rows = {row["photo_id"]: row for row in catalog.execute("SELECT * FROM photos")}
    held: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in catalog.execute(
        "SELECT p.photo_id, o.key, c.sha256 FROM objects o JOIN contents c ON c.id = o.content "
        "JOIN photos p ON p.id = c.photo WHERE o.present = 1"
    ):
        held[row["photo_id"]].append((row["key"], row["sha256"]))
    captions = dict(catalog.execute("SELECT p.photo_id, a.caption FROM annotations a JOIN photos p ON p.id = a.photo").fetchall())
    jobs = Counter(f"{kind} {state}" for kind, state in catalog.execute("SELECT kind, state FROM jobs"))
    catalog.close()
    in_bucket = Counter(digest[:32] for digest in photos_bucket.values())
    in_recycle = Counter(digest[:32] for digest in recycle_bucket.values())

    def actual(photo_id: str) -> str:
        row = rows.get(photo_id)
        if row is None:
            return GONE
        if row["deleted_at"] is not None:
            return DELETED if in_recycle[photo_id] or in_bucket[photo_id] else BROKEN
        is_there = row["present"] and any(photos_bucket.get(key) == sha256 for key, sha256 in held[photo_id])
        return PRESENT if is_there and row["state"] == "READY" else BROKEN

    problems: list[str] = []
    lost = 0
    for photo_id, allowed in photos.items():
        state = actual(photo_id)
        if state not in allowed.states:
            lost += 1
            problems.append(f"{photo_id} is {state} and not {' or '.join(sorted(allowed.states))}")
        elif state != GONE and captions.get(photo_id, "") not in allowed.captions:
            lost += 1
            problems.append(f"{photo_id} has the caption {captions.get(photo_id, '')!r}, not {sorted(allowed.captions)}")
    twice = [photo_id for photo_id in photos if in_bucket[photo_id] + in_recycle[photo_id] > 1 or len(held[photo_id]) > 1]
    return {
        "acknowledged": sum(allowed.uploads for allowed in photos.values()),
        "lost": lost,
        "duplicated": len(twice),
        "problems": problems + [f"{photo_id} is there twice" for photo_id in twice],
        "states": Counter(map(actual, photos)),
        "jobs": jobs,
    }


def _digests(store: Minio, bucket: str) -> dict[str, str]:
    digests = {}
    for found in store.list_objects(bucket, recursive=True):
        response = store.get_object(bucket, found.object_name or "")
        try:
            digests[found.object_name or ""] = hashlib.sha256(response.read()).hexdigest()
        finally:
            response.close()
            response.release_conn()
    return digests


if __name__ == "__main__":
    main()
