"""Raw files, Live Photos and videos: through the whole service, over a real store."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colour_encoder import ColourEncoder
from film_files import film, song
from patience import eventually
from picture_files import encoded
from raw_files import dng
from search_house import SearchHouse, photo_id_of
from soutu_client import Filter, InvalidInputError, NotFoundError, PhotoKind, PhotoState, UnreadableReason
from soutu_services.search.settings import UPLOAD_SOURCE

RED, GREEN, BLUE = (Image.new("RGB", (160, 120), colour) for colour in ("#c01010", "#10c010", "#1010c0"))
FILM = film([(RED, 2.0), (GREEN, 2.0), (BLUE, 6.0)])
CLIP = film([(GREEN, 1.0)], container="mov")
STILL = encoded("JPEG", RED)
RAW = dng(RED, preview=(160, 120))


def colour(image: bytes) -> str:
    mean = np.asarray(Image.open(io.BytesIO(image)).convert("RGB")).mean(axis=(0, 1))
    return "红绿蓝"[int(mean.argmax())]


def content(house: SearchHouse, photo_id: str, **part: str) -> bytes:
    with house.client.read_original(photo_id, **part) as original:
        return original.read()


def test_a_film_is_found_by_each_of_its_scenes_and_tells_when(house: SearchHouse, encoder: ColourEncoder) -> None:
    photo_id = house.upload("DCIM/VID_20240501_123000.mp4", FILM)
    house.settled()
    photo = house.photo(photo_id)
    assert (photo.kind, photo.media_type, photo.duration_ms, photo.codec) == (PhotoKind.VIDEO, "video/mp4", 10_000, "h264")
    assert (photo.width, photo.height) == (160, 120)
    assert encoder.images_embedded == 3
    still = house.upload("red.jpg", STILL)
    house.settled()
    for word, begin, end in (("红", 0, 2000), ("绿", 2000, 4000), ("蓝", 4000, 10_000)):
        hits = {hit.photo.photo_id: hit for hit in house.client.search(word).hits}
        assert len(hits) == 2, "a film is one hit, however many frames it has"
        hit = hits[photo_id]
        assert hit.frame_ms is not None and begin <= hit.frame_ms < end
        assert hit.cosine is not None and hit.cosine > 0.9
        assert colour(house.client.thumbnail(photo_id, frame_ms=hit.frame_ms).image) == word
        assert hits[still].frame_ms is None
    assert [hit.photo.photo_id for hit in house.client.search("绿", filter=Filter(kinds=(PhotoKind.VIDEO,))).hits] == [photo_id]
    assert house.listed(filter=Filter(formats=("mp4",))) == {photo_id}
    status = house.client.status()
    assert (status.photos, status.photos_ready, status.index.vectors) == (2, 2, 4)
    assert Image.open(io.BytesIO(house.client.thumbnail(photo_id, large=True).image)).size == (160, 120)
    with house.client.read_original(photo_id, offset=100, length=50) as part:
        assert part.read() == FILM[100:150]


def test_paging_counts_a_film_once(house: SearchHouse) -> None:
    films = [house.upload(f"{number}.mp4", film([(RED, 1.0), (GREEN, 1.0 + number), (BLUE, 1.0)])) for number in range(5)]
    house.settled()
    found, token = [], ""
    while True:
        page = house.client.search("绿", page_size=2, page_token=token)
        found += [hit.photo.photo_id for hit in page.hits]
        token = page.next_page_token
        if not token:
            break
    assert sorted(found) == sorted(films)


def test_a_film_lives_through_restart_deletion_reindex_and_lost_frames(
    start_house: Callable[..., SearchHouse], encoder: ColourEncoder
) -> None:
    house = start_house()
    photo_id = house.upload("film.mp4", FILM)
    house.settled()
    house.restart()
    assert house.client.search("绿").hits[0].frame_ms is not None
    house.bucket("thumbnails").remove(f"{photo_id[:2]}/{photo_id}.zip")
    job = list(house.client.watch_job(house.client.start_check(repair=True).job_id))[-1]
    assert {one.kind: one.repaired for one in job.findings} == {"THUMBNAIL_BROKEN": 1}
    assert f"{photo_id[:2]}/{photo_id}.zip" in house.keys("thumbnails")
    house.client.delete([photo_id])
    assert house.found("绿") == []
    house.client.undelete([photo_id])
    assert house.found("绿") == [photo_id]
    house.client.delete([photo_id])
    assert house.client.purge([photo_id]) == 1
    assert house.keys("thumbnails") == set()
    assert house.client.status().index.vectors == 0


def test_vectors_of_films_go_out_and_come_in_frame_by_frame(house: SearchHouse) -> None:
    photo_id = house.upload("film.mp4", FILM)
    house.settled()
    (batch,) = house.client.export_embeddings()
    frames = sorted(one.frame_ms for one in batch.embeddings)
    assert [one.photo_id for one in batch.embeddings] == 3 * [photo_id]
    assert len(set(frames)) == 3
    answer = house.client.import_embeddings(batch.embeddings, space_id=batch.space_id)
    assert (answer.stored, answer.unknown) == (3, 0)
    assert house.client.status().index.vectors == 3
    assert house.client.search("绿").hits[0].photo.photo_id == photo_id


def test_raw_beside_jpeg_and_a_clip_beside_its_still_are_one_photo_each(house: SearchHouse) -> None:
    bucket = house.bucket("photos")
    bucket.put("a/IMG_1.DNG", RAW)
    raw_id = photo_id_of(RAW)
    house.sync()
    house.settled()
    assert house.listed() == {raw_id} and house.photo(raw_id).media_type == "image/x-raw"
    house.client.annotate([raw_id], favourite=True)
    bucket.put("a/img_1.jpg", STILL)
    bucket.put("b/IMG_2.MOV", CLIP)
    bucket.put("b/IMG_2.HEIC", encoded("HEIF", BLUE))
    house.sync()
    house.settled()
    jpg, heic = photo_id_of(STILL), photo_id_of(encoded("HEIF", BLUE))
    assert house.listed() == {jpg, heic}
    status = house.client.status()
    assert (status.photos, status.photos_ready, status.photos_pending) == (2, 2, 0)
    pair, live = house.photo(raw_id), house.photo(heic)
    assert (pair.photo_id, pair.name, pair.has_raw, pair.annotations.favourite) == (jpg, "a/img_1.jpg", True, True)
    assert live.clip is not None and live.clip.name == "b/IMG_2.MOV"
    assert content(house, jpg) == STILL
    assert content(house, jpg, part_id=raw_id) == RAW
    assert content(house, heic, part_id=live.clip.part_id) == CLIP
    with pytest.raises(NotFoundError):
        content(house, jpg, part_id=live.clip.part_id)
    assert len(house.found("红")) == 2
    assert house.found("绿", filter=Filter(folders=("b",))) == [heic], "the clip is no hit of its own"


def test_the_other_stands_alone_when_one_is_gone_and_all_go_together_when_the_photo_does(
    house: SearchHouse, tmp_path: Path
) -> None:
    bucket = house.bucket("photos")
    jpg, raw_id = house.upload("IMG_1.jpg", STILL), photo_id_of(RAW)
    assert house.upload("IMG_1.dng", RAW) in (raw_id, jpg)
    house.settled()
    eventually(lambda: house.listed() == {jpg})
    bucket.remove("IMG_1.jpg")
    house.sync("photos")
    list(house.client.watch_job(house.client.start_sync(confirm_gone=True).job_id))
    assert house.listed() == {raw_id}
    house.settled()
    assert house.photo(raw_id).state is PhotoState.READY
    house.client.thumbnail(raw_id)
    house.upload("IMG_1.jpg", STILL)
    eventually(lambda: house.listed() == {jpg})
    house.settled()
    assert house.client.delete([raw_id]) == [jpg]
    assert house.keys("photos") == set()
    assert house.keys("recycle") == {f"photos/{jpg}/IMG_1.jpg", f"photos/{jpg}/IMG_1.dng"}
    assert house.client.undelete([jpg]) == [jpg]
    assert house.keys("photos") == {"IMG_1.jpg", "IMG_1.dng"}
    assert house.listed() == {jpg}
    house.client.delete([jpg])
    assert house.client.purge_all() == 1
    assert house.keys("recycle") == house.keys("thumbnails") == set()
    assert house.client.status().index.vectors == 0


def test_each_file_that_cannot_be_read_tells_why_and_holds_up_nothing(house: SearchHouse) -> None:
    bad = {
        "song.mp4": (song(), UnreadableReason.NO_VIDEO),
        "cut.mp4": (FILM[:2000], UnreadableReason.BROKEN),
        "picture of words.mov": (b"these are words", UnreadableReason.NOT_AN_IMAGE),
        "cut.dng": (RAW[: len(RAW) // 2], UnreadableReason.BROKEN),
        "empty.mkv": (b"", UnreadableReason.EMPTY),
    }
    bucket = house.bucket("photos")
    for name, (data, _) in bad.items():
        bucket.put(name, data)
    bucket.put("film.mp4", FILM)
    house.sync()
    house.settled()
    unreadable = house.client.list_photos(states=(PhotoState.UNREADABLE,)).photos
    assert {photo.name: photo.unreadable and photo.unreadable.reason for photo in unreadable} == {
        name: reason for name, (_, reason) in bad.items()
    }
    assert house.found("绿") == [photo_id_of(FILM)]


def test_films_have_limits_of_their_own(start_house: Callable[..., SearchHouse]) -> None:
    house = start_house(limits={"max_object_bytes": 2000, "max_film_bytes": len(FILM), "max_film_seconds": 9.0}, decoders=None)
    bucket = house.bucket("photos")
    short = film([(RED, 2.0), (GREEN, 2.0)])
    assert 2000 < len(short) <= len(FILM)
    bucket.put("long.mp4", FILM)
    bucket.put("large.mp4", FILM + b"\0")
    bucket.put("short.mp4", short)
    house.sync()
    house.settled()
    reasons = {photo.name: photo.unreadable and photo.unreadable.reason for photo in house.client.list_photos().photos}
    assert reasons == {"long.mp4": UnreadableReason.TOO_LONG, "large.mp4": UnreadableReason.TOO_LARGE, "short.mp4": None}
    with pytest.raises(InvalidInputError):
        house.upload("larger.mp4", FILM + b"\0\0")


def test_a_film_is_never_in_memory_as_a_whole(house: SearchHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its parts are read: once in order for its digest, then what the decoder asks for."""
    data = FILM + b"\0\0\0\x08free" + bytes(3 << 20)
    house.bucket("photos").put("film.mp4", data)
    store = type(house.service._buckets.sources[UPLOAD_SOURCE].store)

    def read(self: object, key: str, *, max_bytes: int) -> bytes:
        if key == "film.mp4":
            pytest.fail("it was read whole")
        return original(self, key, max_bytes=max_bytes)

    original = store.read
    monkeypatch.setattr(store, "read", read)
    house.sync()
    house.settled()
    assert house.found("绿") == [hashlib.sha256(data).hexdigest()[:32]]


def test_a_film_that_changes_while_it_is_read_is_read_again(house: SearchHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = house.bucket("photos")
    bucket.put("film.mp4", FILM)
    other = film([(BLUE, 2.0)])
    decoders = house.service._decoders
    read_film = decoders.read_film

    def read(*arguments: object, **options: object) -> object:
        monkeypatch.setattr(decoders, "read_film", read_film)
        bucket.put("film.mp4", other)
        return read_film(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(decoders, "read_film", read)
    house.sync()
    house.sync()
    house.settled()
    assert house.listed() == {photo_id_of(other)}
