"""Taking a fine-tuned checkpoint over in a running library, blue/green, with the real architecture, small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from clip_checkpoints import TinyCheckpoint, make_checkpoint
from clip_pairs import write_colour_pairs
from colour_encoder import ColourServer
from patience import eventually
from search_house import SearchHouse, picture
from soutu_services.embedding.registry import load_encoder
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.tuning.cli import main
from soutu_services.tuning.trained_model import model_spec, read_model, write_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyCheckpoint:
    folder = tmp_path_factory.mktemp("models")
    write_colour_pairs(folder / "data")
    return make_checkpoint(folder, "vit", text_initializer_range=0.1, text_hidden_dropout_prob=0.05)


@pytest.fixture(scope="module", params=["both towers", "text tower"])
def family(request: pytest.FixtureRequest, tiny: TinyCheckpoint) -> Path:
    folder = tiny.path.parent
    is_text = request.param == "text tower"
    output = folder / ("lit" if is_text else "whole")
    arguments = ["fit", str(folder / "data"), "--depth", "low-rank", "--model", f"clip:{tiny.path}@{tiny.architecture}"]
    arguments += [
        "--output",
        str(output),
        "--rate",
        "0.01",
        "--batch",
        "36",
        "--epochs",
        "6",
        *(["--freeze-images"] if is_text else []),
    ]
    done = CliRunner().invoke(main, arguments, env={"SOUTU_LANGUAGE": "en"})
    assert done.exit_code == 0, done.output
    write_model(output, read_model(output).model_copy(update={"rise": 0.1}))  # so few epochs may not be enough for one
    return output


@pytest.fixture
def embedding(tiny: TinyCheckpoint, family: Path) -> Iterator[ColourServer]:
    """The base and what was made of it, side by side; each counts the pictures that it embeds."""

    def counted(spec: str) -> Any:
        encoder: Any = load_encoder(spec, EmbeddingSettings())
        encode, encoder.images_embedded = encoder.encode_images, 0

        def encode_images(prepared: Any) -> Any:
            encoder.images_embedded += len(prepared)
            return encode(prepared)

        encoder.encode_images = encode_images
        return encoder

    server = ColourServer(counted(f"clip:{tiny.path}@{tiny.architecture}"), counted(model_spec(family, None)))
    yield server
    server.stop()


def adopt(house: SearchHouse, folder: Path, *options: str) -> Result:
    environment = {"SOUTU_LANGUAGE": "en", "SOUTU_ADDRESS": house.address}
    return CliRunner().invoke(main, ["adopt", str(folder), *options], env=environment)


def serving(house: SearchHouse) -> str:
    return next(space.space_id for space in house.client.status().spaces if space.serving)


def vectors(house: SearchHouse, space_id: str) -> dict[str, Any]:
    found = (one for batch in house.client.export_embeddings(space_id) for one in batch.embeddings)
    return {one.photo_id: np.frombuffer(one.vector, "<f4") for one in found}


def test_the_new_space_serves_once_it_is_complete_and_there_is_a_way_back(
    house: SearchHouse, embedding: ColourServer, family: Path
) -> None:
    manifest = read_model(family)
    new: Any = embedding.encoders[1]
    photos = [house.upload(f"{colour}.png", picture(colour, 1)) for colour in "红绿蓝"]
    house.settled()
    assert serving(house) == manifest.base_space_id
    write_model(family, manifest.model_copy(update={"rise": 0.0}))
    refused = adopt(house, family)
    write_model(family, manifest)
    assert (refused.exit_code, refused.stderr.count("\n"), serving(house)) == (1, 1, manifest.base_space_id)
    assert "--anyway" in refused.stderr

    done = adopt(house, family)
    assert done.exit_code == 0, done.output
    eventually(lambda: serving(house) == manifest.space_id)
    assert new.images_embedded == (0 if manifest.images_frozen else len(photos))
    old_vectors, new_vectors = vectors(house, manifest.base_space_id), vectors(house, manifest.space_id)
    assert old_vectors.keys() == new_vectors.keys() == set(photos)
    same = all(np.allclose(old_vectors[one], new_vectors[one], atol=2e-3) for one in photos)
    assert same == manifest.images_frozen
    assert house.client.search("红上红下").hits, "texts of the new model find photos of its space"
    assert adopt(house, family).exit_code == 0, "done already"
    house.client.switch_space()
    assert serving(house) == manifest.base_space_id
