"""Guests: what lies outside of their folders is not there for them, whatever they call.

Two houses: one holds photos inside and outside of a guest's folder, the other those inside alone. Every method that a guest may
call is called on both; the answers must be the same to the byte, and hold nothing of what is outside. Methods are taken from the
services' descriptors: one that is added without cases here fails.
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from PIL import Image
from soutu.search.v1 import library_service_pb2, photo_pb2, photo_service_pb2, photo_service_pb2_grpc, search_service_pb2

from patience import PATIENCE
from search_house import SearchHouse, photo_id_of
from soutu_services.runtime.access import Access, FolderAccess, Scope
from soutu_services.runtime.errors import NotAuthenticated
from soutu_services.runtime.server import start_server

FOLDER = "客人"
GUEST = Access("访客", Scope.READ, (FolderAccess("photos", FOLDER),), "guest")
OWNER = Access("主人", Scope.ADMIN)
ACCESSES = {"guest": GUEST, "owner": OWNER}
SECRET_SOURCE = "secretnas"
UNKNOWN_ID = "0123456789abcdef" * 2
COLOURS = {"红": (200, 20, 20), "绿": (20, 200, 20), "蓝": (20, 20, 200)}


def photo(colour: str, number: int, *, quality: int = 90, camera: str = "Lumix", is_dated: bool = True) -> bytes:
    """A photo whose pixels follow from colour and number, taken on the day of that number if it tells."""
    pattern = np.random.default_rng(number).integers(-60, 60, (6, 8, 1)).repeat(8, axis=0).repeat(8, axis=1)
    pixels = np.clip(np.array(COLOURS[colour]) + pattern, 0, 255).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0110] = camera
    if is_dated:
        exif.get_ifd(0x8769)[0x9003] = f"2019:05:{number:02} 12:00:00"
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, exif=exif)
    return out.getvalue()


LAKE, TWIN, PAIR, BOTH, MOVED_IN = photo("红", 1), photo("绿", 2), photo("蓝", 3), photo("红", 4), photo("蓝", 5)
NAMED = photo("绿", 11, is_dated=False)
OTHER_OF_PAIR, BROKEN = photo("蓝", 3, quality=91), b"\xff\xd8\xff no picture"
INSIDE = {
    f"{FOLDER}/湖/湖边的狗.jpg": LAKE,
    f"{FOLDER}/双胞胎.jpg": TWIN,
    f"{FOLDER}/一对甲.jpg": PAIR,
    f"{FOLDER}/一对乙.jpg": OTHER_OF_PAIR,
    f"{FOLDER}/共有.jpg": BOTH,
    f"{FOLDER}/狗/搬来.jpg": MOVED_IN,
    f"{FOLDER}/坏.jpg": BROKEN,
    f"{FOLDER}/2020-01-02 元旦后.jpg": NAMED,
    f"{FOLDER}/说明.txt": b"text",
}
OUT, SECRET_TWIN, NEIGHBOUR = photo("红", 6, camera="Hiddencam"), photo("绿", 2, quality=91), photo("红", 7)
MOVED_OUT, DELETED, ELSEWHERE, SECRET_BROKEN = photo("绿", 8), photo("绿", 9), photo("红", 10), b"\xff\xd8\xff nothing either"
OUTSIDE = {
    "密室/绝密的狗.jpg": OUT,
    "密室/孪生.jpg": SECRET_TWIN,
    f"{FOLDER}2/邻居的狗.jpg": NEIGHBOUR,
    "密室/不可告人的狗.jpg": BOTH,
    "密室/损坏.jpg": SECRET_BROKEN,
    "密室/2011-11-11 密会.jpg": NAMED,
    "密室/录音.flac": b"sound",
    f"{FOLDER}/抛弃的狗.jpg": DELETED,
}
BEFORE = {"密室/昔日.jpg": MOVED_IN, f"{FOLDER}/曾经.jpg": MOVED_OUT}
AFTER = {"密室/离开.jpg": MOVED_OUT}
IN_SECRET_SOURCE = {f"{FOLDER}/藏金阁.jpg": ELSEWHERE, "阁楼.jpg": BOTH}
SECRETS = (
    *("密室", "绝密", "孪生", "邻居", f"{FOLDER}2", "不可告人", "损坏", "flac", "抛弃", "昔日", "曾经", "离开", "藏金阁", "阁楼"),
    *("化名", "隐藏标签", "无人知晓", "地下相册", "Hiddencam", SECRET_SOURCE, "2011-11-11", "密会"),
    *(photo_id_of(content) for content in (OUT, SECRET_TWIN, NEIGHBOUR, MOVED_OUT, DELETED, ELSEWHERE, SECRET_BROKEN)),
)
INSIDE_IDS = [photo_id_of(content) for name, content in INSIDE.items() if name.endswith(".jpg")]
ALL_IDS = [*INSIDE_IDS, *(secret for secret in SECRETS if len(secret) == 32), UNKNOWN_ID]


class ByName:
    """Takes the name of an access for its secret."""

    def authenticate(self, secret: str | None) -> Access:
        if secret not in ACCESSES:
            raise NotAuthenticated("TOKEN_INVALID", zh="无效", en="not valid")
        return ACCESSES[secret]

    def is_valid(self, access: Access) -> bool:
        return bool(access)

    def note_use(self, access: Access) -> None:
        del access


@dataclass(frozen=True)
class Answer:
    """What a call brought: its messages as bytes, or its status with all that goes with it."""

    messages: tuple[bytes, ...]
    status: str
    details: str = ""
    metadata: tuple[tuple[str, str | bytes], ...] = ()

    def holds(self, secret: str) -> bool:
        written = (*self.messages, self.details.encode(), repr(self.metadata).encode())
        return any(secret.encode() in part for part in written)


class Door:
    """Calls any method of a house's services, as whoever a secret says."""

    def __init__(self, house: SearchHouse, stack: ExitStack) -> None:
        settings = house.service.server_settings.model_copy(update={"listen": "127.0.0.1:0", "metrics_listen": ""})
        server = start_server(house.service.served, settings, package="soutu.search.v1", authenticator=ByName())
        stack.callback(server.stop, 0)
        self._channel = stack.enter_context(grpc.insecure_channel(server.address))
        pool = descriptor_pool.Default()
        services = [pool.FindServiceByName(served.name) for served in house.service.served]
        self.methods: dict[str, MethodDescriptor] = {
            f"{service.name}.{method.name}": method for service in services for method in service.methods
        }

    def call(self, name: str, request: Message, *, secret: str = "guest", keep_times: bool = False) -> Answer:
        method = self.methods[name]
        kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
        call = getattr(self._channel, kind)(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        metadata = (("authorization", f"Bearer {secret}"), ("accept-language", "en"))
        given: Any = iter((request,)) if method.client_streaming else request
        try:
            answer = call(given, timeout=PATIENCE, metadata=metadata)
            messages = list(answer) if method.server_streaming else [answer]
        except grpc.RpcError as raised:
            error: Any = raised
            trailing = tuple((key, value) for key, value in error.trailing_metadata() or () if key != "soutu-request-id")
            return Answer((), error.code().name, error.details() or "", trailing)
        compared = messages if keep_times else [_without_times(message) for message in messages]
        return Answer(tuple(message.SerializeToString(deterministic=True) for message in compared), "OK")


def _without_times(message: Any) -> Any:
    """Take away when soutu first saw a photo, and which run of the service answers: the houses are two."""
    for descriptor, value in message.ListFields():
        if descriptor.name in {"added_time", "run_id"}:
            message.ClearField(descriptor.name)
        elif descriptor.message_type is not None:
            for each in value if isinstance(value, Iterable) else (value,):
                _without_times(each)
    return message


@pytest.fixture(scope="module")
def doors(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Door, Door]]:
    """The house with everything, and the one with what is inside alone."""
    store, embedding = request.getfixturevalue("object_server"), request.getfixturevalue("colour_server")
    with ExitStack() as stack:

        def start(name: str, **settings: Any) -> SearchHouse:
            house = SearchHouse(tmp_path_factory.mktemp(name), store, embedding, name, **settings)
            stack.callback(house.close)
            return house

        whole = start("whole", sources=[{"name": SECRET_SOURCE, "bucket": f"{SECRET_SOURCE}-bucket"}])
        fill(whole)
        inside = start("inside")
        fill(inside, only_inside=True)
        yield Door(whole, stack), Door(inside, stack)


def fill(house: SearchHouse, *, only_inside: bool = False) -> None:
    photos = house.bucket("photos")
    if not only_inside:
        for name, content in (*OUTSIDE.items(), *BEFORE.items()):
            photos.put(name, content)
        secret = house._connection.bucket(f"{SECRET_SOURCE}-bucket")
        secret.ensure_bucket()
        for name, content in IN_SECRET_SOURCE.items():
            secret.put(name, content)
        assert house.sync().photos_unreadable == 1
        for name in BEFORE:
            photos.remove(name)
    for name, content in (*INSIDE.items(), *(() if only_inside else AFTER.items())):
        photos.put(name, content)
    house.sync()
    house.settled()
    house.client.annotate([photo_id_of(LAKE)], favourite=True, add_tags=["水"], caption="两只狗")
    if not only_inside:
        house.client.annotate([photo_id_of(OUT)], add_tags=["隐藏标签", "狗"], caption="无人知晓", add_albums=["地下相册"])
        tell_name(house, OUT, f"{FOLDER}/化名.jpg")
        house.client.delete([photo_id_of(DELETED)])


def tell_name(house: SearchHouse, content: bytes, name: str) -> None:
    """Tell a name that a photo has at a client, as ``soutu add`` does for photos that are there."""
    asked = photo_service_pb2.FindContentsRequest.Content(sha256=hashlib.sha256(content).hexdigest(), name=name)
    with grpc.insecure_channel(house.address) as channel:
        photos = photo_service_pb2_grpc.PhotoServiceStub(channel)
        photos.FindContents(photo_service_pb2.FindContentsRequest(contents=[asked]), timeout=PATIENCE)


def text(words: str, weight: float = 1.0) -> search_service_pb2.Term:
    return search_service_pb2.Term(text=words, weight=weight)


WORDS = (
    "狗",
    "湖边的狗",
    "绝密的狗",
    "双胞胎",
    "孪生",
    "邻居",
    "隐藏标签",
    "无人知晓的照片",
    "地下相册",
    "水",
    "化名",
    "曾经",
    "搬来 昔日",
)
FILTERS = (
    photo_pb2.Filter(folders=[FOLDER]),
    photo_pb2.Filter(folders=[f"{FOLDER}/湖"]),
    photo_pb2.Filter(folders=["密室"]),
    photo_pb2.Filter(folders=["密室", FOLDER, f"{FOLDER}2"]),
    photo_pb2.Filter(sources=["photos"]),
    photo_pb2.Filter(sources=[SECRET_SOURCE]),
    photo_pb2.Filter(cameras=["hiddencam"]),
    photo_pb2.Filter(cameras=["lumix"]),
    photo_pb2.Filter(tags=["隐藏标签"]),
    photo_pb2.Filter(albums=["地下相册"]),
    photo_pb2.Filter(favourite=False),
    photo_pb2.Filter(taken_from="2019-05-06"),
    photo_pb2.Filter(taken_from="2020-01-02", taken_until="2020-01-02"),
    photo_pb2.Filter(taken_until="2012"),
)


def searches() -> Iterator[Message]:
    def ask(*terms: search_service_pb2.Term, **options: Any) -> Message:
        return search_service_pb2.SearchPhotosRequest(terms=terms, **options)

    yield ask()
    yield from (ask(filter=each) for each in FILTERS)
    yield from (ask(text(words)) for words in WORDS)
    yield from (ask(text("狗"), filter=each) for each in FILTERS)
    yield from (ask(text("红"), text(words, -1.0)) for words in ("绝密", "隐藏标签", "不可告人", "狗", "昔日"))
    yield from (ask(search_service_pb2.Term(photo_id=photo_id)) for photo_id in ALL_IDS)
    yield from (ask(search_service_pb2.Term(photo_id=photo_id[:8])) for photo_id in ALL_IDS)
    yield ask(search_service_pb2.Term(image=OUT))
    yield ask(search_service_pb2.Term(image=OUT), min_score=0.99)
    yield ask(text("狗"), page_size=1)
    yield ask(page_size=1)


def listings() -> Iterator[Message]:
    ask = photo_service_pb2.ListPhotosRequest
    yield ask()
    yield ask(page_size=2)
    yield ask(deleted=True)
    yield from (ask(filter=each) for each in FILTERS)
    yield from (ask(filter=each, deleted=True) for each in FILTERS)
    yield from (ask(states=[state]) for state in (photo_pb2.PHOTO_STATE_READY, photo_pb2.PHOTO_STATE_UNREADABLE))


PARTS: tuple[dict[str, int], ...] = ({}, {"offset": 5, "length": 7}, {"offset": -3}, {"offset": 1 << 40})


def summaries() -> Iterator[Message]:
    ask = photo_service_pb2.SummarizePhotosRequest
    yield ask()
    yield from (ask(filter=each) for each in FILTERS)


CASES: dict[str, Callable[[], Iterable[Message]]] = {
    "SearchService.SearchPhotos": searches,
    "PhotoService.GetPhoto": lambda: (
        photo_service_pb2.GetPhotoRequest(photo_id=photo_id[:digits]) for photo_id in ALL_IDS for digits in (32, 8)
    ),
    "PhotoService.BatchGetPhotos": lambda: [photo_service_pb2.BatchGetPhotosRequest(photo_ids=ALL_IDS)],
    "PhotoService.ListPhotos": listings,
    "PhotoService.SummarizePhotos": summaries,
    "PhotoService.ReadOriginal": lambda: (
        photo_service_pb2.ReadOriginalRequest(photo_id=photo_id, **part) for photo_id in ALL_IDS for part in PARTS
    ),
    "PhotoService.GetThumbnail": lambda: (photo_service_pb2.GetThumbnailRequest(photo_id=photo_id) for photo_id in ALL_IDS),
    "LibraryService.GetStatus": lambda: [library_service_pb2.GetStatusRequest()],
    "LibraryService.ListNearDuplicates": lambda: [
        library_service_pb2.ListNearDuplicatesRequest(max_distance=distance, min_cosine=cosine, page_size=size)
        for distance, cosine, size in ((6, 0.9, 50), (16, -1.0, 50), (16, -1.0, 1))
    ],
    "LibraryService.ListJobs": lambda: [library_service_pb2.ListJobsRequest()],
    "LibraryService.GetJob": lambda: [library_service_pb2.GetJobRequest(job_id="JOB")],
    "LibraryService.WatchJob": lambda: [library_service_pb2.WatchJobRequest(job_id="JOB")],
    "AccessService.GetAccess": lambda: [_made("soutu.search.v1.GetAccessRequest")],
}
FOR_GUESTS_ALONE = {"GetStatus", "ListJobs", "GetJob", "WatchJob", "GetAccess"}
"""Methods that tell an owner more than photos: guests of both houses are compared."""


def _made(name: str) -> Message:
    return GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))()


def pages(door: Door, name: str, request: Message, secret: str) -> Iterator[Answer]:
    """Call a method, and for all pages if it has pages. Page tokens are opened, and left out of what is compared."""
    request = type(request).FromString(request.SerializeToString())
    for _ in range(100):
        answer = door.call(name, request, secret=secret)
        token = ""
        if answer.messages and "next_page_token" in door.methods[name].output_type.fields_by_name:
            message: Any = GetMessageClass(door.methods[name].output_type).FromString(answer.messages[0])
            token, message.next_page_token = message.next_page_token, ""
            yield Answer((message.SerializeToString(deterministic=True),), answer.status)
            yield Answer((), "token", str(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_")[30:]))
        else:
            yield answer
        if not token:
            return
        request.page_token = token  # type: ignore[attr-defined]
    raise AssertionError("pages never end")


def asked(door: Door, name: str) -> Iterator[Message]:
    for request in CASES[name]():
        if getattr(request, "job_id", "") == "JOB":
            jobs: Any = library_service_pb2.ListJobsResponse.FromString(
                door.call("LibraryService.ListJobs", library_service_pb2.ListJobsRequest(), secret="owner").messages[0]
            )
            request.job_id = jobs.jobs[0].job_id  # type: ignore[attr-defined]
        yield request


def test_a_guest_is_answered_as_by_a_library_that_holds_what_is_inside_alone(doors: tuple[Door, Door]) -> None:
    whole, inside = doors
    for name in whole.methods:
        for request in asked(whole, name) if name in CASES else ():
            answers = list(pages(whole, name, request, "guest"))
            expected = "guest" if name.rpartition(".")[2] in FOR_GUESTS_ALONE else "owner"
            if getattr(request, "deleted", False):
                expected = "guest"  # an owner sees what was deleted
            assert answers == list(pages(inside, name, request, expected)), (name, request)


def test_nothing_that_a_guest_is_answered_holds_what_is_outside(doors: tuple[Door, Door]) -> None:
    whole, _ = doors
    for name in set(CASES) & set(whole.methods):
        for request in asked(whole, name):
            for answer in pages(whole, name, request, "guest"):
                for secret in SECRETS:
                    assert not answer.holds(secret), (name, request, secret)


def test_the_secrets_are_there_for_the_owner(doors: tuple[Door, Door]) -> None:
    """Or the test above would hold for an empty library."""
    whole, _ = doors
    answers = [
        answer
        for name in set(CASES) & set(whole.methods)
        for request in asked(whole, name)
        for answer in pages(whole, name, request, "owner")
    ]
    for secret in SECRETS:
        assert any(answer.holds(secret) for answer in answers), secret


def test_every_method_is_closed_to_guests_or_has_cases_here(doors: tuple[Door, Door]) -> None:
    whole, _ = doors
    for name, method in whole.methods.items():
        if name not in CASES:
            answer = whole.call(name, _made(method.input_type.full_name))
            assert answer.status == "PERMISSION_DENIED", f"{name} is open to guests: it needs cases in CASES"
            assert not any(answer.holds(secret) for secret in SECRETS)


def test_what_is_outside_answers_as_what_does_not_exist(doors: tuple[Door, Door]) -> None:
    whole, _ = doors
    hidden = [photo_id for photo_id in ALL_IDS if photo_id not in INSIDE_IDS and photo_id != UNKNOWN_ID]
    asks: tuple[tuple[str, Callable[[str], Message]], ...] = (
        ("PhotoService.GetPhoto", lambda photo_id: photo_service_pb2.GetPhotoRequest(photo_id=photo_id)),
        *(
            (
                "PhotoService.ReadOriginal",
                lambda photo_id, part=part: photo_service_pb2.ReadOriginalRequest(photo_id=photo_id, **part),
            )
            for part in PARTS
        ),
        ("PhotoService.GetThumbnail", lambda photo_id: photo_service_pb2.GetThumbnailRequest(photo_id=photo_id)),
        (
            "SearchService.SearchPhotos",
            lambda photo_id: search_service_pb2.SearchPhotosRequest(terms=[search_service_pb2.Term(photo_id=photo_id)]),
        ),
    )
    for (name, ask), photo_id in itertools.product(asks, hidden):
        answer = whole.call(name, ask(photo_id))
        assert answer.status == "NOT_FOUND"
        assert answer == whole.call(name, ask(UNKNOWN_ID)), (name, photo_id)


def test_a_photo_that_lies_inside_and_outside_shows_its_inside_alone(doors: tuple[Door, Door]) -> None:
    whole, _ = doors
    request = photo_service_pb2.GetPhotoRequest(photo_id=photo_id_of(BOTH))
    shown = photo_service_pb2.GetPhotoResponse.FromString(whole.call("PhotoService.GetPhoto", request).messages[0])
    assert [(name.source, name.name) for name in shown.photo.names] == [("photos", f"{FOLDER}/共有.jpg")]
    original = whole.call("PhotoService.ReadOriginal", photo_service_pb2.ReadOriginalRequest(photo_id=photo_id_of(BOTH)))
    parts = [photo_service_pb2.ReadOriginalResponse.FromString(message) for message in original.messages]
    assert parts[0].file_name == "共有.jpg"
    assert b"".join(part.chunk for part in parts) == BOTH


def test_no_guest_is_told_when_soutu_first_saw_a_photo(doors: tuple[Door, Door]) -> None:
    """A copy elsewhere may have been there long before."""
    whole, _ = doors
    name, request = "PhotoService.BatchGetPhotos", photo_service_pb2.BatchGetPhotosRequest(photo_ids=ALL_IDS)
    told = {
        secret: [photo.HasField("added_time") for photo in photo_service_pb2.BatchGetPhotosResponse.FromString(answer).photos]
        for secret in ("guest", "owner")
        for answer in whole.call(name, request, secret=secret, keep_times=True).messages
    }
    assert told["guest"]
    assert not any(told["guest"])
    assert all(told["owner"])


def test_a_page_token_of_another_caller_is_refused(doors: tuple[Door, Door]) -> None:
    whole, _ = doors
    for name, request in (
        ("PhotoService.ListPhotos", photo_service_pb2.ListPhotosRequest(page_size=1)),
        ("SearchService.SearchPhotos", search_service_pb2.SearchPhotosRequest(page_size=1)),
        ("SearchService.SearchPhotos", search_service_pb2.SearchPhotosRequest(terms=[text("狗")], page_size=1)),
        ("LibraryService.ListNearDuplicates", library_service_pb2.ListNearDuplicatesRequest(page_size=1)),
    ):
        answer = whole.call(name, request, secret="owner")
        message: Any = GetMessageClass(whole.methods[name].output_type).FromString(answer.messages[0])
        assert message.next_page_token, name
        request.page_token = message.next_page_token
        assert whole.call(name, request).status == "INVALID_ARGUMENT", name
