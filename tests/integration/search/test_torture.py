"""Kill the service while it works: a short run of what ``make torture`` does, and the proof that it would notice a loss.

Each thing that the auditor looks at is broken once here, in a library that agrees in everything else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from object_store import ObjectServer
from search_house import SearchHouse, photo_id_of, picture
from soutu_services.search.catalog import IdArray
from torture.audit import Place, audit
from torture.ledger import DELETED, PRESENT, Allowed
from torture.moments import KINDS

_TESTS = Path(__file__).parents[2]
_KILLS = len(KINDS)
"""``make torture`` does 200."""
_FOLDER = "0/夏天 1"


def _tortured(*options: str) -> tuple[int, dict[str, int], dict[str, Any], str]:
    paths = os.pathsep.join(filter(None, (str(_TESTS), os.environ.get("PYTHONPATH", ""))))
    run = subprocess.run(
        [sys.executable, "-m", "torture", *options],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    report, result = [json.loads(line) for line in run.stdout.splitlines()[-2:]] or ({}, {})
    return run.returncode, result, report, run.stderr


def test_nothing_acknowledged_is_lost_and_everything_agrees_after_a_kill_in_each_kind_of_work() -> None:
    status, result, report, said = _tortured("--kills", str(_KILLS), "--seed", "3")
    assert status == 0, said
    assert (result["kills"], result["lost"], result["duplicated"], result["repairs"]) == (_KILLS, 0, 0, 0), said
    assert result["acknowledged"] > _KILLS
    assert all(report["killed_in"][kind] for kind in KINDS), report
    assert all(report["looks"].values()), report


@pytest.mark.parametrize("broken", ["commit", "put"])
def test_build_that_acknowledges_too_early_is_found_to_lose_what_it_acknowledged(broken: str) -> None:
    status, result, _, said = _tortured("--kills", "1", "--seed", "1", "--broken", broken)
    assert status == 1, said
    assert result["lost"] > 0, said


_PHOTOS = {f"{_FOLDER}/照片 {number}.png": picture(colour, number) for number, colour in enumerate("红绿蓝红")}
_FIRST, _SECOND, _, _LAST = (photo_id_of(data) for data in _PHOTOS.values())


def _ids(house: SearchHouse, *photo_ids: str) -> IdArray:
    return np.array(sorted(house.service.catalog.embeddings.ids_of("colours", photo_ids)), dtype=np.int64)


def _vector_forgotten(house: SearchHouse) -> None:
    index = house.service._index.current
    assert index is not None
    index.remove(_ids(house, _FIRST))


def _vector_of_another(house: SearchHouse) -> None:
    index = house.service._index.current
    assert index is not None
    ids, vectors = index.vectors(_ids(house, _FIRST, _SECOND))
    index.add(ids, vectors[::-1])


def _found_though_deleted(house: SearchHouse) -> None:
    catalog = house.service.catalog
    ids = catalog.embeddings.all_ids("colours")
    embeddings = {**catalog.embeddings.photos_of(ids), int(_ids(house, _LAST)[0]): _LAST}
    catalog.embeddings.photos_of = lambda ids: {int(one): embeddings[int(one)] for one in ids}  # type: ignore[method-assign]


def _written(bucket: str, key: str, data: bytes) -> Callable[[SearchHouse], None]:
    return lambda house: house.bucket(bucket).put(key, data)


def _removed(bucket: str, key: str) -> Callable[[SearchHouse], None]:
    return lambda house: house.bucket(bucket).remove(key)


def _said(house: SearchHouse, sql: str) -> None:
    with house.service.catalog.verification._database.write() as writer:
        writer.execute(sql)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (_vector_forgotten, f"{_FIRST} is not found by look"),
        (_vector_forgotten, f"{_FIRST} is not found by itself"),
        (_vector_forgotten, "the index counts 3 vectors, the catalog 4"),
        (_vector_of_another, "the index has another vector"),
        (_found_though_deleted, f"{_LAST} was deleted and is found"),
        (_removed("thumbnails", f"{_FIRST[:2]}/{_FIRST}.jpg"), f"{_FIRST} has no thumbnail"),
        (_written("thumbnails", f"{_FIRST[:2]}/{_FIRST}.jpg", b"no"), f"{_FIRST} has a thumbnail that is no picture"),
        (_written("thumbnails", f"00/{0:032x}.jpg", b"x"), f"{0:032x} is gone and has a thumbnail"),
        (_written("photos", f"{_FOLDER}/照片 0.png", b"no"), f"{_FIRST} is broken and not present"),
        (_removed("recycle", f"photos/{_LAST}/{_FOLDER}/照片 3.png"), f"{_LAST} is broken and not deleted"),
        (_written("photos", "copy.png", _PHOTOS[f"{_FOLDER}/照片 1.png"]), f"{_SECOND} is there twice"),
        (lambda house: _said(house, "UPDATE photos SET deleted_at = NULL"), f"{_LAST} is broken and not deleted"),
        (lambda house: _said(house, "UPDATE photos SET deleted_at = 1"), f"{_FIRST} is not listed"),
        (lambda house: _said(house, "UPDATE photos SET state = 'PENDING'"), f"{_FIRST} is broken and not present"),
        (lambda house: _said(house, "DELETE FROM photos"), f"{_FIRST} is gone and not present"),
        (lambda house: _said(house, "UPDATE annotations SET caption = ''"), f"{_FIRST} has the caption ''"),
    ],
)
def test_auditor_finds_whatever_does_not_agree(
    house: SearchHouse, object_server: ObjectServer, harm: Callable[[SearchHouse], None], told: str
) -> None:
    for name, data in _PHOTOS.items():
        house.upload(name, data)
    house.settled()
    house.client.annotate([_FIRST], caption="说明 1")
    house.client.delete([_LAST])
    said = {photo_id: Allowed(states={PRESENT}, uploads=1) for photo_id in map(photo_id_of, _PHOTOS.values())}
    said[_FIRST].captions = {"说明 1"}
    said[_LAST].states = {DELETED}
    place = Place(
        address=house.address,
        endpoint=object_server.url.removeprefix("http://"),
        access_key=object_server.settings.access_key,
        secret_key=object_server.settings.secret_key.get_secret_value(),
        photos_bucket=house.bucket("photos").bucket,
        recycle_bucket=house.bucket("recycle").bucket,
        thumbnails_bucket=house.bucket("thumbnails").bucket,
        catalog=str(house.folder / "data" / "catalog.sqlite3"),
    )
    before = audit(said, place)
    assert before["problems"] == []
    assert all(before["looks"].values())
    harm(house)
    problems = audit(said, place)["problems"]
    assert any(told in problem for problem in problems), problems
