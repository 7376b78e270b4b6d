"""Deleting, bringing back and purging photos."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from colour_encoder import ColourEncoder
from patience import eventually
from search_house import SearchHouse, photo_id_of, picture
from soutu_client import JobState, NotFoundError, SoutuError
from soutu_services.search.objects import KeyConflict


def test_deleted_photo_is_hidden_and_its_objects_are_in_the_recycle_bucket(house: SearchHouse) -> None:
    data = picture("红")
    photo = house.upload("家/a.png", data)
    house.bucket("photos").put("copy.png", data)
    house.sync()
    assert house.client.delete([photo]) == [photo]
    assert house.keys("photos") == set()
    assert house.keys("recycle") == {f"photos/{photo}/家/a.png", f"photos/{photo}/copy.png"}
    assert house.found("红") == []
    assert house.listed() == set()
    assert house.listed(deleted=True) == {photo}
    assert house.client.status().photos_deleted == 1
    with house.client.read_original(photo) as original:
        assert b"".join(original) == data


def test_undeleted_photo_is_back_under_its_names_without_being_embedded_again(house: SearchHouse, encoder: ColourEncoder) -> None:
    photo = house.upload("家/a.png", picture("红"))
    house.settled()
    house.client.delete([photo])
    assert house.client.undelete([photo]) == [photo]
    assert house.keys("photos") == {"家/a.png"}
    assert house.keys("recycle") == set()
    assert house.found("红") == [photo]
    house.sync()
    assert house.listed() == {photo}
    assert encoder.images_embedded == 1


def test_undelete_takes_another_name_where_the_old_one_is_taken(house: SearchHouse) -> None:
    first = house.upload("a.png", picture("红"))
    house.settled()
    house.client.delete([first])
    house.upload("a.png", picture("蓝"))
    house.client.undelete([first])
    assert house.keys("photos") == {"a.png", "a (2).png"}
    assert [name.name for name in house.photo(first).names if name.present] == ["a (2).png"]


def test_photo_whose_object_is_not_in_the_recycle_bucket_is_not_said_to_be_back(house: SearchHouse) -> None:
    lost, kept = house.upload("a.png", picture("红")), house.upload("b.png", picture("蓝"))
    house.settled()
    house.client.delete([lost, kept])
    house.bucket("recycle").remove(f"photos/{lost}/a.png")
    assert house.client.undelete([lost, kept]) == [kept]
    assert house.listed() == {kept}
    assert house.listed(deleted=True) == {lost}
    house.bucket("recycle").put(f"photos/{lost}/a.png", picture("红"))
    assert house.client.undelete([lost]) == [lost]
    assert house.listed() == {lost, kept}


def test_object_that_cannot_be_moved_holds_up_no_other(house: SearchHouse) -> None:
    pictures = [picture("红"), picture("绿"), picture("蓝"), picture("蓝", 2)]
    photos = [house.upload(f"{number}.png", data) for number, data in enumerate(pictures)]
    house.settled()
    house.bucket("recycle").put(f"photos/{photos[0]}/0.png/in the way", b"x")
    assert house.client.delete(photos[:2]) == photos[:2]
    assert house.keys("photos") == {"0.png", "2.png", "3.png"}
    house.service.catalog.photos.delete([photos[2]])
    with pytest.raises(KeyConflict):
        house.service._recycling.finish_moves()
    assert house.keys("photos") == {"0.png", "3.png"}
    with pytest.raises(SoutuError, match="in the way"):
        house.client.purge_all()
    assert house.listed(deleted=True) == {photos[0]}
    assert house.listed() == {photos[3]}


def test_file_that_was_put_in_the_place_of_a_photo_outlives_it(house: SearchHouse) -> None:
    photo, other = house.upload("夏天/海.png", picture("红")), picture("蓝", size=(50, 30))
    house.sync()
    house.settled()
    house.bucket("photos").put("夏天/海.png", other)  # and no sync has seen it yet
    house.client.delete([photo])
    assert house.bucket("photos").read("夏天/海.png", max_bytes=1 << 20) == other
    house.client.purge([photo])
    house.sync()
    house.settled()
    assert house.listed() == {photo_id_of(other)}


def test_sync_does_not_bring_a_deleted_photo_back(house: SearchHouse) -> None:
    data = picture("红")
    photo = house.upload("a.png", data)
    house.settled()
    house.client.delete([photo])
    house.bucket("photos").put("again.png", data)
    house.sync()
    assert house.listed() == set()
    assert house.found("红") == []


def test_purged_photo_is_gone_for_good(house: SearchHouse) -> None:
    photo, other = house.upload("a.png", picture("红")), house.upload("b.png", picture("蓝"))
    house.settled()
    house.client.delete([photo, other])
    assert house.client.purge([photo]) == 1
    assert house.keys("recycle") == {f"photos/{other}/b.png"}
    assert house.keys("thumbnails") == {f"{other[:2]}/{other}.jpg"}
    with pytest.raises(NotFoundError):
        house.photo(photo)
    assert house.client.purge_all() == 1
    assert house.keys("recycle") == set()
    house.sync()
    assert house.listed() == house.listed(deleted=True) == set()
    assert house.client.status().index.vectors == 0


def test_photo_that_is_not_deleted_cannot_be_purged(house: SearchHouse) -> None:
    photo = house.upload("a.png", picture("红"))
    house.settled()
    assert house.client.purge([photo]) == 0
    assert house.listed() == {photo}


def test_adding_a_deleted_photo_again_brings_it_back(house: SearchHouse, encoder: ColourEncoder) -> None:
    photo = house.upload("a.png", picture("红"))
    house.settled()
    house.client.delete([photo])
    assert house.upload("b.png", picture("红")) == photo
    assert house.listed() == {photo}
    assert {name.name for name in house.photo(photo).names} == {"a.png", "b.png"}
    assert encoder.images_embedded == 1


def test_purged_photo_may_be_added_again(house: SearchHouse) -> None:
    photo = house.upload("a.png", picture("红"))
    house.settled()
    house.client.delete([photo])
    house.client.purge([photo])
    assert house.upload("a.png", picture("红")) == photo
    house.settled()
    assert house.found("红") == [photo]


def test_photo_of_a_read_only_source_is_hidden_and_stays_in_its_bucket(start_house: Callable[..., SearchHouse]) -> None:
    house = start_house(sources=[{"name": "相册", "bucket": "readonly-album"}])
    album = house.service._buckets.sources["相册"].store
    album.ensure_bucket()
    album.put("a.png", picture("红"))
    assert house.sync().state is JobState.SUCCEEDED
    (photo,) = house.listed()
    house.client.delete([photo])
    assert album.exists("a.png")
    assert house.found("红") == []
    house.client.purge([photo])
    house.sync()
    assert house.listed() == set()
    assert album.exists("a.png")


def test_move_to_the_recycle_bucket_is_finished_after_a_crash(house: SearchHouse) -> None:
    photo = house.upload("a.png", picture("红"))
    house.settled()
    house.service.catalog.photos.delete([photo])  # what a crash right after the mark leaves
    house.restart()
    eventually(lambda: not house.keys("photos"))  # the last step of a move
    assert house.keys("recycle") == {f"photos/{photo}/a.png"}
    house.client.undelete([photo])
    assert house.listed() == {photo}
