"""Moving in over real gRPC, with the service going away while it is told what was known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from soutu.search.v1 import photo_service_pb2

from soutu_client import Client, UnavailableError
from soutu_services.runtime.errors import NotAllowed, Unavailable

MakePhotos = Callable[..., Path]


def away() -> Unavailable:
    return Unavailable("AWAY", zh="不在", en="away")


def albums(service: Any) -> list[list[str]]:
    return [list(photo.annotations.albums) for photo in service.library.photos.values()]


def test_a_service_that_is_away_when_it_is_told_is_waited_for(service: Any, client: Client, make_photos: MakePhotos) -> None:
    folder = make_photos("毕业", [f"{number}.jpg" for number in range(5)])
    service.library.refused_tellings = [away(), away()]
    result = client.move_in(folder, folder_albums=True)
    assert (result.added.interruption, result.told) == (None, 5)
    assert albums(service) == [["毕业"]] * 5


def test_one_that_stays_away_is_told_the_next_time(service: Any, client: Client, make_photos: MakePhotos) -> None:
    folder = make_photos("毕业", [f"{number}.jpg" for number in range(5)])
    service.library.refused_tellings = [away()]
    result = client.move_in(folder, folder_albums=True, patience_seconds=0)
    assert isinstance(result.added.interruption, UnavailableError)
    assert (len(result.added.added), result.told, albums(service)) == (5, 0, [[]] * 5)
    again = client.move_in(folder, folder_albums=True)
    assert (len(again.added.known), again.told, albums(service)) == (5, 5, [["毕业"]] * 5)


def test_who_may_not_tell_is_told_so_once(service: Any, client: Client, make_photos: MakePhotos) -> None:
    folder = make_photos("毕业", [f"{number}.jpg" for number in range(5)])
    service.library.refused_tellings = [NotAllowed("SCOPE", zh="没有权限", en="not allowed")]
    result = client.move_in(folder, folder_albums=True)
    assert (str(result.added.interruption), len(result.added.added)) == ("not allowed", 5)
    assert len(service.library.asked(photo_service_pb2.TellPhotosRequest)) == 1


def test_what_is_told_goes_in_few_calls(
    service: Any, client: Client, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soutu_client._moving.moving._MOST_TOLD", 20)
    folder = make_photos("毕业", [f"{number}.jpg" for number in range(50)])
    assert client.move_in(folder, folder_albums=True).told == 50
    assert [len(request.told) for request in service.library.asked(photo_service_pb2.TellPhotosRequest)] == [20, 20, 10]
