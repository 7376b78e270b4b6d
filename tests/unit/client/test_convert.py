"""From protobuf messages to values and back."""

from datetime import UTC, datetime

import pytest
from soutu.search.v1 import library_service_pb2, photo_pb2, search_service_pb2

from soutu_client import (
    BoundingBox,
    Filter,
    InvalidInputError,
    MatchField,
    PhotoKind,
    PhotoState,
    PhotoTerm,
    TakenOrigin,
    UnreadableReason,
)
from soutu_client._convert import library, photos, search


def test_a_whole_photo_arrives() -> None:
    message = photo_pb2.Photo(
        photo_id="ab" * 16,
        state=photo_pb2.PHOTO_STATE_UNREADABLE,
        unreadable=photo_pb2.Unreadable(reason=photo_pb2.UNREADABLE_REASON_BROKEN, message="坏了"),
        names=[photo_pb2.PhotoName(source="photos", name="a/b.jpg", present=True)],
        kind=photo_pb2.PHOTO_KIND_ANIMATION,
        taken=photo_pb2.Taken(local_time="2019-05-01T12:30:00", utc_offset_minutes=0, origin=photo_pb2.TAKEN_ORIGIN_EXIF),
        location=photo_pb2.Location(latitude=0.0, longitude=0.0),
        annotations=photo_pb2.Annotations(favourite=True, tags=["家"], caption="奶奶", albums=["春节"]),
    )
    message.added_time.FromDatetime(datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))
    photo = photos.photo(message)
    assert photo.name == "a/b.jpg"
    assert photo.unreadable is not None
    assert photo.unreadable.reason is UnreadableReason.BROKEN
    assert photo.kind is PhotoKind.ANIMATION
    assert photo.taken is not None
    assert photo.taken.local_time == datetime(2019, 5, 1, 12, 30)
    assert photo.taken.utc_offset_minutes == 0
    assert photo.taken.origin is TakenOrigin.EXIF
    assert photo.location is not None
    assert photo.annotations.albums == ("春节",)
    assert photo.added_at == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert photo.deleted_at is None


def test_an_empty_photo_has_nothing_that_is_not_known() -> None:
    photo = photos.photo(photo_pb2.Photo(photo_id="ab" * 16, state=photo_pb2.PHOTO_STATE_PENDING))
    assert (photo.name, photo.kind, photo.taken, photo.location, photo.unreadable, photo.added_at) == ("", *[None] * 5)
    assert photo.state is PhotoState.PENDING


def test_what_a_newer_service_says_is_unknown_and_not_an_error() -> None:
    message = photo_pb2.Photo()
    message.MergeFromString(b"\x10\x63")  # field 2, the state: 99
    assert photos.photo(message).state is PhotoState.UNKNOWN
    message.taken.local_time = "the day before yesterday"
    assert photos.photo(message).taken is None


def test_a_filter_keeps_unset_apart_from_false() -> None:
    assert photos.filter_message(None) is None
    empty = photos.filter_message(Filter())
    chosen = photos.filter_message(Filter(favourite=False, kinds=(PhotoKind.STILL,), area=BoundingBox(0, 0, 0, 0)))
    assert empty is not None
    assert chosen is not None
    assert (empty.HasField("favourite"), empty.HasField("area")) == (False, False)
    assert (chosen.HasField("favourite"), chosen.HasField("area")) == (True, True)
    assert list(chosen.kinds) == [photo_pb2.PHOTO_KIND_STILL]


def test_an_unknown_kind_cannot_be_asked_for() -> None:
    with pytest.raises(InvalidInputError):
        photos.filter_message(Filter(kinds=(PhotoKind.UNKNOWN,)))


def test_a_cosine_of_zero_is_not_a_missing_one() -> None:
    hits = [search_service_pb2.Hit(cosine=0.0), search_service_pb2.Hit()]
    hits[1].matches.add(field=search_service_pb2.MATCH_FIELD_TAG, text="家")
    page = search.search_page(search_service_pb2.SearchPhotosResponse(hits=hits))
    assert [hit.cosine for hit in page.hits] == [0.0, None]
    assert page.hits[1].matches[0].field is MatchField.TAG


def test_a_weight_of_zero_is_sent() -> None:
    request = search.search_request([PhotoTerm("ab" * 16, weight=0.0)], chosen=None, min_score=None, page_size=1, page_token="")
    assert request.terms[0].HasField("weight")
    assert not request.HasField("min_score")


def test_a_status_arrives_with_its_counts() -> None:
    message = library_service_pb2.GetStatusResponse(
        ignored=[library_service_pb2.IgnoredCount(extension=".json", objects=3)],
        unreadable_reasons=[library_service_pb2.ReasonCount(reason=photo_pb2.UNREADABLE_REASON_EMPTY, message="空", photos=2)],
        sources=[library_service_pb2.SourceStatus(source="nas", read_only=True, problem="gone")],
    )
    status = library.status(message)
    assert status.ignored == {".json": 3}
    assert status.unreadable_reasons[0].reason is UnreadableReason.EMPTY
    assert status.sources[0].synced_at is None
    assert status.pending_since is None
