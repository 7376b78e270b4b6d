"""Taking an adapter over in a running library: its vectors are those that are there, mapped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from colour_encoder import ColourEncoder, ColourServer
from patience import eventually
from search_house import SearchHouse, picture
from soutu_client import JobKind, JobState
from soutu_services.embedding.adapted_encoder import AdaptedEncoder
from soutu_services.embedding.adapter_folder import Adapter, AdapterManifest, adapter_space, write_adapter
from soutu_services.embedding.projection import Projection
from soutu_services.runtime.errors import Unavailable
from soutu_services.tuning.adoption import adopt
from soutu_services.tuning.cli import main
from soutu_services.tuning.library import VectorBatch
from soutu_services.tuning.library_client import LibraryClient

OLD = "colours"


class AdaptedColours(AdaptedEncoder):
    """Counts the pictures that its base embeds."""

    @property
    def images_embedded(self) -> int:
        return self._base.images_embedded  # type: ignore[attr-defined,no-any-return]

    @images_embedded.setter
    def images_embedded(self, count: int) -> None:
        self._base.images_embedded = count  # type: ignore[attr-defined]


def made_adapter(*, rise: float | None = 0.1) -> Adapter:
    """An adapter that turns what is red in photos into what is green: whoever asks for green finds red photos."""
    same = np.eye(4, dtype=np.float32)
    red_to_green = same[:, [1, 0, 2, 3]]  # a vector is red, green, blue, plain
    text, image = Projection(same, same, 0.5), Projection(same, 2 * red_to_green - same, 0.5)
    space = adapter_space(OLD, text=text, image=image)
    manifest = AdapterManifest(name="family", base="lite", base_space_id=OLD, space_id=space, dimension=4, rise=rise)
    return Adapter(manifest, text=text, image=image)


@pytest.fixture
def adapted() -> AdaptedColours:
    return AdaptedColours(ColourEncoder(OLD), made_adapter())


@pytest.fixture
def embedding(adapted: Any) -> Iterator[ColourServer]:
    server = ColourServer(ColourEncoder(OLD), adapted)
    yield server
    server.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_adapter(tmp_path / "family", made_adapter())
    return tmp_path / "family"


def run(house: SearchHouse, folder: Path, *options: str) -> Result:
    environment = {"SOUTU_LANGUAGE": "en", "SOUTU_ADDRESS": house.address}
    return CliRunner().invoke(main, ["adopt", str(folder), *options], env=environment)


def fill(house: SearchHouse) -> dict[str, list[str]]:
    photos = {colour: [house.upload(f"{colour}{one}.png", picture(colour, one)) for one in range(3)] for colour in "红绿蓝"}
    house.settled()
    return photos


def serving(house: SearchHouse) -> str:
    return next(space.space_id for space in house.client.status().spaces if space.serving)


def test_vectors_are_mapped_and_no_photo_is_read(house: SearchHouse, adapted: AdaptedColours, folder: Path) -> None:
    photos = fill(house)
    assert adapted.images_embedded == 0
    done = run(house, folder)
    assert done.exit_code == 0, done.output
    assert "9 vectors were made of those that were there" in done.stdout
    assert adapted.images_embedded == 0
    assert serving(house) == made_adapter().manifest.space_id
    seen = {hit.photo.photo_id for hit in house.client.search("绿").hits if hit.cosine is not None and hit.cosine > 0.9}
    assert seen == set(photos["红"]), "by its look, green is what was red"
    stored = {one.photo_id: one.vector for batch in house.client.export_embeddings(OLD) for one in batch.embeddings}
    mapped = {one.photo_id: one.vector for batch in house.client.export_embeddings() for one in batch.embeddings}
    assert stored.keys() == mapped.keys()
    for photo_id, old in stored.items():
        expected = made_adapter().image.apply(np.frombuffer(old, "<f4")[None].astype(np.float32))[0]
        assert np.allclose(np.frombuffer(mapped[photo_id], "<f4"), expected, atol=2e-3)  # stored as float16
    assert run(house, folder).exit_code == 0, "done already"
    house.client.switch_space()
    assert serving(house) == OLD


def test_photos_that_come_later_are_embedded_by_the_adapted_model(
    house: SearchHouse, adapted: AdaptedColours, folder: Path
) -> None:
    fill(house)
    assert run(house, folder).exit_code == 0
    late = house.upload("late.png", picture("红", 77))
    house.settled()
    assert late in {hit.photo.photo_id for hit in house.client.search("绿", min_score=0.9).hits}
    assert adapted.images_embedded == 1


def test_one_that_got_worse_is_refused(house: SearchHouse, tmp_path: Path) -> None:
    fill(house)
    for rise in (None, 0.0, -0.02):
        write_adapter(tmp_path / "worse", made_adapter(rise=rise))
        done = run(house, tmp_path / "worse")
        assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
        assert "--anyway" in done.stderr
        assert serving(house) == OLD
        assert not house.client.jobs().jobs or all(job.kind is not JobKind.REINDEX for job in house.client.jobs().jobs)
    assert run(house, tmp_path / "worse", "--anyway").exit_code == 0
    assert serving(house) != OLD


def test_a_stopped_adoption_leaves_the_old_space_and_is_run_again(
    house: SearchHouse, library: LibraryClient, adapted: AdaptedColours, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(house)

    def fails(space_id: str, batches: Iterator[VectorBatch]) -> int:
        raise Unavailable("AWAY", zh="不在", en="away")

    with monkeypatch.context() as patched:
        patched.setattr(library, "put_vectors", fails)
        with pytest.raises(Unavailable):
            adopt(library, made_adapter())
    assert serving(house) == OLD
    assert [job.state for job in house.client.jobs().jobs if job.kind is JobKind.REINDEX] == [JobState.PAUSED]
    assert adapted.images_embedded == 0
    assert run(house, folder).exit_code == 0
    assert serving(house) != OLD
    assert adapted.images_embedded == 0


def test_a_library_that_cannot_take_it_says_why(
    house: SearchHouse, embedding: ColourServer, folder: Path, tmp_path: Path
) -> None:
    done = run(house, folder)
    assert "the library has no vectors of lite" in done.stderr, "there is no photo"
    fill(house)
    embedding.stop()
    embedding.encoders[1:] = []
    embedding.start()
    eventually(lambda: [space.space_id for space in house.client.status().spaces] == [OLD])
    done = run(house, folder)
    assert done.exit_code == 1
    assert "SOUTU_EMBEDDING_MODELS" in done.stderr
    gone = run(house, folder / "nothing")
    assert (gone.exit_code, gone.stderr.count("\n")) == (1, 1)
    assert serving(house) == OLD
