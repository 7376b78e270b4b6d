"""Taking another model over: the old one serves until the new one has every photo, then one switch, and a way back."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from colour_encoder import ColourEncoder, ColourServer
from patience import PATIENCE, eventually
from search_house import SearchHouse, picture
from soutu_client import Job, JobKind, JobState, NotFoundError, NotReadyError, PhotoState, UnavailableError
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.main import run

OLD, NEW = "colours", "colours-new"
RED = "红"


class HeldAfter:
    """Holds a model once it has embedded so many pictures, until it is ``set``."""

    def __init__(self, encoder: ColourEncoder, pictures: int) -> None:
        self._encoder = encoder
        self._until = encoder.images_embedded + pictures
        self._is_open = threading.Event()

    def wait(self, timeout: float) -> bool:
        return self._encoder.images_embedded < self._until or self._is_open.wait(timeout)

    def set(self) -> None:
        self._is_open.set()


@pytest.fixture
def new() -> ColourEncoder:
    """Return a model whose vectors are of another length."""
    return ColourEncoder(NEW, dimension=7)


@pytest.fixture
def models(new: ColourEncoder) -> Iterator[ColourServer]:
    """Serve both models side by side."""
    server = ColourServer(ColourEncoder(OLD), new)
    yield server
    for encoder in server.encoders:
        encoder.gate.set()
    server.stop()


@pytest.fixture
def house(start_house: Callable[..., SearchHouse], models: ColourServer, monkeypatch: pytest.MonkeyPatch) -> SearchHouse:
    """Return a house that sends one picture a request, so that some can be done while others are held."""
    monkeypatch.setattr("soutu_services.search.embedder_watch._PROBE_SECONDS", 0.1)
    return start_house(embedding=models, ingest={"batch_photos": 1, "retry_first_seconds": 0.05, "retry_most_seconds": 0.3})


def test_the_old_model_serves_until_the_new_one_has_every_photo(
    house: SearchHouse, models: ColourServer, new: ColourEncoder
) -> None:
    red = _fill(house, 3)
    assert _spaces(house) == {OLD: (3, "serves"), NEW: (0, "")}, "what is offered is shown"
    new.gate.clear()
    job = house.client.start_reindex()
    assert (job.kind, job.space_id) == (JobKind.REINDEX, NEW)
    assert house.client.start_reindex().job_id == job.job_id
    late = house.upload("late.png", picture(RED, 99))
    eventually(lambda: house.photo(late).state is PhotoState.READY)  # it does not wait for the model that is stuck
    assert set(house.found(RED)) == {*red, late}
    assert _spaces(house) == {OLD: (4, "serves"), NEW: (0, "fills")}
    assert house.client.job(job.job_id).state is JobState.RUNNING

    new.gate.set()
    ended = _ended(house, job)
    assert (ended.state, ended.photos_done, ended.photos_total) == (JobState.SUCCEEDED, 4, 4)
    assert "--back" in ended.message
    assert _spaces(house) == {OLD: (4, ""), NEW: (4, "serves")}
    assert set(house.found(RED)) == {*red, late}
    assert house.client.status().index.vectors == 4
    assert {len(item.values) for batch in house.client.export_embeddings() for item in batch.embeddings} == {7}
    assert models.encoder.images_embedded == new.images_embedded == 4
    last = house.upload("last.png", picture(RED, 100))
    house.settled()
    assert set(house.found(RED)) == {*red, late, last}
    assert models.encoder.images_embedded == 4, "the old model gets nothing any more"


def test_no_query_finds_less_while_the_model_changes(house: SearchHouse) -> None:
    red = set(_fill(house, 40))
    answers: list[set[str]] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            answers.append(set(house.found(RED)))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(2):
            assert _ended(house, house.client.start_reindex()).state is JobState.SUCCEEDED
            asked = len(answers)
            eventually(lambda asked=asked: len(answers) > asked + 2)
            assert house.client.switch_space().space_id == OLD
    finally:
        is_over.set()
        thread.join(PATIENCE)
    assert {len(answer) for answer in answers} == {40}
    assert all(answer == red for answer in answers)


def test_photos_that_keep_coming_do_not_keep_the_switch_from_coming(house: SearchHouse) -> None:
    _fill(house, 4)
    job = house.client.start_reindex()
    arrived: list[str] = []
    while not house.client.job(job.job_id).state.is_over:
        arrived.append(house.upload(f"more-{len(arrived)}.png", picture(RED, 1000 + len(arrived))))
    arrived.append(house.upload("last.png", picture(RED, 999)))
    house.settled()
    assert house.client.job(job.job_id).state is JobState.SUCCEEDED
    assert set(arrived) <= set(_all_found(house, RED))
    assert _spaces(house)[NEW] == (4 + len(arrived), "serves")


def test_paused_re_index_rests_and_goes_on_where_it_was(house: SearchHouse, new: ColourEncoder) -> None:
    _fill(house, 9)
    new.gate = HeldAfter(new, 3)  # type: ignore[assignment]
    job = house.client.start_reindex()
    eventually(lambda: house.client.job(job.job_id).photos_done > 0)
    assert house.client.pause_job(job.job_id).state is JobState.PAUSED
    new.gate.set()
    late = house.upload("late.png", picture(RED, 99))
    eventually(lambda: house.photo(late).state is PhotoState.READY)
    assert _spaces(house)[OLD] == (10, "serves")
    assert _spaces(house)[NEW][0] < 10, "what is paused takes nothing new"
    house.restart()
    assert house.client.job(job.job_id).state is JobState.PAUSED
    assert house.client.start_reindex().job_id == job.job_id, "asking again goes on with it"
    assert _ended(house, job).state is JobState.SUCCEEDED
    assert _spaces(house)[NEW] == (10, "serves")
    assert new.images_embedded == 10, "none twice"


def test_cancelled_re_index_keeps_what_it_has_for_the_next(house: SearchHouse, new: ColourEncoder) -> None:
    red = _fill(house, 9)
    new.gate = HeldAfter(new, 3)  # type: ignore[assignment]
    job = house.client.start_reindex()
    eventually(lambda: house.client.job(job.job_id).photos_done > 0)
    assert house.client.cancel_job(job.job_id).state is JobState.CANCELLED
    new.gate.set()
    assert _spaces(house)[OLD] == (9, "serves")
    assert set(house.found(RED)) == set(red)
    again = house.client.start_reindex(NEW)
    assert again.job_id != job.job_id
    assert _ended(house, again).state is JobState.SUCCEEDED
    assert new.images_embedded == 9, "none twice"


def test_re_index_goes_on_after_a_restart(house: SearchHouse, new: ColourEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill(house, 9)
    new.gate = HeldAfter(new, 3)  # type: ignore[assignment]
    job = house.client.start_reindex()
    eventually(lambda: house.client.job(job.job_id).photos_done > 0)
    stop_jobs = house.service.drain

    def stop_jobs_then_embed() -> None:
        stop_jobs()
        new.gate.set()

    monkeypatch.setattr(house.service, "drain", stop_jobs_then_embed)
    house.restart()
    assert _ended(house, job).state is JobState.SUCCEEDED
    assert _spaces(house)[NEW] == (9, "serves")
    assert new.images_embedded == 9, "none twice"


def test_the_way_back_is_at_once_and_catches_up_what_came_since(house: SearchHouse, models: ColourServer) -> None:
    with pytest.raises(NotReadyError, match="no model to go back to"):
        house.client.switch_space()
    red = _fill(house, 3)
    _ended(house, house.client.start_reindex())
    late = house.upload("late.png", picture(RED, 99))
    house.settled()
    models.encoder.gate.clear()
    assert (house.client.switch_space().space_id, house.found("late")[0]) == (OLD, late)
    assert house.photo(late).state is PhotoState.PENDING, "the old model has not seen it yet"
    assert set(house.found(RED)) == set(red)
    models.encoder.gate.set()
    house.settled()
    assert set(house.found(RED)) == {*red, late}
    house.restart()
    assert _spaces(house) == {OLD: (4, "serves"), NEW: (4, "")}
    assert house.client.switch_space().space_id == NEW, "and there again"
    assert house.client.status().photos_ready == 4


def test_a_photo_that_the_new_model_refuses_blocks_nothing_and_is_told_of(
    house: SearchHouse, models: ColourServer, new: ColourEncoder
) -> None:
    models.encoder.refuses_white = False
    white = house.upload("white.png", picture("白"))
    _fill(house, 2)
    new.gate.clear()
    job = house.client.start_reindex()
    eventually(lambda: house.client.job(job.job_id).photos_unreadable == 1)
    assert house.photo(white).state is PhotoState.READY
    new.gate.set()
    ended = _ended(house, job)
    assert (ended.state, ended.photos_done, ended.photos_unreadable) == (JobState.SUCCEEDED, 3, 1)
    assert "refused 1 photo" in ended.message
    assert house.photo(white).state is PhotoState.UNREADABLE
    house.client.switch_space()
    assert house.photo(white).state is PhotoState.READY
    new.refuses_white = False
    again = _ended(house, house.client.start_reindex())
    assert (again.state, again.photos_unreadable) == (JobState.SUCCEEDED, 0), "it is asked for again"
    assert house.photo(white).state is PhotoState.READY


def test_forgetting_removes_only_what_is_not_used(house: SearchHouse, new: ColourEncoder) -> None:
    red = _fill(house, 3)
    with pytest.raises(NotReadyError, match="stays"):
        house.client.delete_space(OLD)
    with pytest.raises(NotFoundError):
        house.client.delete_space("nothing")
    new.gate.clear()
    job = house.client.start_reindex()
    with pytest.raises(NotReadyError, match="being filled"):
        house.client.delete_space(NEW)
    house.client.pause_job(job.job_id)
    with pytest.raises(NotReadyError, match="being filled"):
        house.client.delete_space(NEW)
    new.gate.set()
    house.client.resume_job(job.job_id)
    _ended(house, job)
    assert house.client.delete_space(OLD) == 3
    with pytest.raises(NotReadyError):
        house.client.switch_space()
    assert _spaces(house) == {NEW: (3, "serves"), OLD: (0, "")}
    assert set(house.found(RED)) == set(red)


def test_vectors_of_a_space_that_the_library_does_not_have_are_refused(house: SearchHouse) -> None:
    (photo_id,) = _fill(house, 1)
    (item,) = next(iter(house.client.export_embeddings())).embeddings
    with pytest.raises(NotReadyError, match="soutu reindex"):
        house.client.import_embeddings([item], space_id=NEW)
    assert _spaces(house)[NEW] == (0, "")
    job = house.client.pause_job(house.client.start_reindex().job_id)
    given = type(item)(photo_id, struct.pack("<7f", 0, 0, 0, 1, 0, 0, 0))
    assert house.client.import_embeddings([given], space_id=NEW).stored == 1
    house.client.resume_job(job.job_id)
    assert _ended(house, job).state is JobState.SUCCEEDED


def test_a_space_that_lacks_photos_does_not_serve(house: SearchHouse, new: ColourEncoder) -> None:
    _fill(house, 9)
    new.gate = HeldAfter(new, 3)  # type: ignore[assignment]
    job = house.client.start_reindex()
    with pytest.raises(NotReadyError, match="being filled"):
        house.client.switch_space(NEW)
    eventually(lambda: house.client.job(job.job_id).photos_done > 0)
    house.client.cancel_job(job.job_id)
    new.gate.set()
    house.upload("late.png", picture(RED, 99))
    house.settled()
    with pytest.raises(NotReadyError, match="lacks photos"):
        house.client.switch_space(NEW)
    with pytest.raises(NotFoundError):
        house.client.switch_space("nothing")
    assert house.client.switch_space(OLD).serving


def test_search_goes_on_without_the_old_model_until_the_new_one_serves(house: SearchHouse, models: ColourServer) -> None:
    red = _fill(house, 3)
    models.stop()
    models.encoders = models.encoders[1:]  # the person swapped the default
    models.start()
    eventually(lambda: _spaces(house, available=True) == {NEW})
    late = house.upload("late.png", picture(RED, 99))
    page = house.client.search(RED)
    assert [notice.reason.name for notice in page.notices] == ["EMBEDDING_UNAVAILABLE"]
    assert "soutu reindex" in page.notices[0].message
    assert house.found("0.png") == [red[0]]
    assert {hit.photo.photo_id for hit in house.client.similar(red[0]).hits} == set(red[1:])
    eventually(lambda: late in house.listed())
    assert house.photo(late).state is PhotoState.PENDING
    assert _ended(house, house.client.start_reindex()).state is JobState.SUCCEEDED
    assert set(house.found(RED)) == {*red, late}


def test_re_index_waits_for_a_service_that_goes_away_and_says_so(house: SearchHouse, models: ColourServer) -> None:
    _fill(house, 3)
    models.stop()
    eventually(lambda: not _spaces(house, available=True))
    with pytest.raises(UnavailableError):
        house.client.start_reindex()
    models.start()
    eventually(lambda: _spaces(house, available=True) == {OLD, NEW})
    job = house.client.start_reindex()
    house.client.pause_job(job.job_id)
    models.stop()
    eventually(lambda: not _spaces(house, available=True))
    house.upload("late.png", picture(RED, 99))
    house.client.resume_job(job.job_id)
    eventually(lambda: "does not answer" in house.client.job(job.job_id).message)
    both, models.encoders = models.encoders, models.encoders[:1]
    models.start()
    eventually(lambda: f"offers {NEW}; add it to SOUTU_EMBEDDING_MODELS" in house.client.job(job.job_id).message)
    assert house.client.job(job.job_id).state is JobState.RUNNING
    models.stop()
    models.encoders = both
    models.start()
    assert _ended(house, job).state is JobState.SUCCEEDED
    assert _spaces(house)[NEW] == (4, "serves")


def test_there_is_nothing_to_take_over_without_another_model(start_house: Callable[..., SearchHouse]) -> None:
    house = start_house()
    _fill(house, 1)
    for space in ("", "nothing"):
        with pytest.raises(NotReadyError, match="SOUTU_EMBEDDING_MODELS"):
            house.client.start_reindex(space)
    with pytest.raises(NotReadyError, match="already"):
        house.client.start_reindex(OLD)


def test_the_command_takes_a_model_over_goes_back_and_forgets(house: SearchHouse, capsys: pytest.CaptureFixture[str]) -> None:
    _fill(house, 2)

    def soutu(*words: str) -> tuple[int, str]:
        code = run([*words, "--address", house.address, "--language", "en"])
        said = capsys.readouterr()
        return code, said.out + said.err

    assert f"{NEW} (colours-): 0 photos, soutu reindex takes it over" in soutu("status")[1]
    code, said = soutu("reindex", "nothing")
    assert (code, "no model or space" in said) == (ExitCode.NOTHING_FOUND, True)
    assert soutu("reindex", "colours-n", "--back")[0] == ExitCode.USAGE, "one thing at a time"
    code, said = soutu("reindex", "colours-n")  # the first digits of the space
    assert (code, "waiting" in said) == (ExitCode.OK, False)
    assert "Done: 2 photos embedded; the new model serves" in said
    assert f"{NEW} (colours-): 2 photos, serves" in soutu("status")[1]
    assert "The model colours serves again (2 photos)" in soutu("reindex", "--back")[1]
    code, said = soutu("reindex", "--forget", OLD)
    assert (code, "so it stays" in said) == (ExitCode.ERROR, True)
    assert soutu("reindex", "--forget", NEW) == (0, "Embeddings of 2 photos removed\n")
    code, said = soutu("reindex", "--no-wait", NEW)
    assert (code, "Started as job" in said) == (ExitCode.OK, True)
    assert "re-index" in soutu("jobs")[1]


def _fill(house: SearchHouse, photos: int) -> list[str]:
    """Add red photos and wait until they are found."""
    added = [house.upload(f"{number}.png", picture(RED, number)) for number in range(photos)]
    house.settled()
    return added


def _all_found(house: SearchHouse, text: str) -> list[str]:
    found, page_token = [], ""
    while True:
        page = house.client.search(text, page_size=200, page_token=page_token)
        found += [hit.photo.photo_id for hit in page.hits]
        page_token = page.next_page_token
        if not page_token:
            return found


def _ended(house: SearchHouse, job: Job) -> Job:
    return list(house.client.watch_job(job.job_id, timeout_seconds=PATIENCE))[-1]


def _spaces(house: SearchHouse, *, available: bool = False) -> dict[str, tuple[int, str]] | set[str]:
    """Map the spaces to their photos and what they do; or name those that are available."""
    spaces = house.client.status().spaces
    if available:
        return {space.space_id for space in spaces if space.available}
    return {space.space_id: (space.photos, "serves" if space.serving else "fills" if space.filling else "") for space in spaces}
