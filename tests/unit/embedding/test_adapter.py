"""Adapters: a learned step behind a model's towers, and its own space."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from colour_encoder import ColourEncoder
from patience import PATIENCE, eventually
from soutu_services.embedding.adapted_encoder import AdaptedEncoder
from soutu_services.embedding.adapter_folder import (
    MANIFEST_NAME,
    Adapter,
    AdapterManifest,
    adapter_space,
    read_adapter,
    write_adapter,
)
from soutu_services.embedding.encoder import FloatArray
from soutu_services.embedding.projection import Projection
from soutu_services.embedding.registry import ModelSpec, load_encoder, load_encoders
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.embedding.shared_encoder import SharedModel
from soutu_services.runtime.errors import DataLoss, FailedPrecondition, InvalidInput

RANDOM = np.random.default_rng(3)


def projection(dimension: int = 4, mix: float = 0.3) -> Projection:
    return Projection(*(RANDOM.normal(size=shape).astype(np.float32) for shape in ((dimension, 3), (3, dimension))), mix)


def adapter(base: str = "lite", space: str = "colours", dimension: int = 4) -> Adapter:
    text, image = projection(dimension), projection(dimension)
    made = adapter_space(space, text=text, image=image)
    manifest = AdapterManifest(name="family", base=base, base_space_id=space, space_id=made, dimension=dimension, rise=0.1)
    return Adapter(manifest, text=text, image=image)


def test_a_projection_is_that_of_the_paper() -> None:
    one = projection()
    x = np.array([[0.6, 0.8, 0, 0]], np.float32)
    by_hand = 0.7 * x + 0.3 * np.maximum(x @ one.down, 0) @ one.up
    assert np.allclose(one.apply(x), by_hand / np.linalg.norm(by_hand), atol=1e-6)
    assert np.allclose(Projection.identity(4, 5, 0.9, RANDOM).apply(x), x, atol=1e-6)


def test_what_is_written_is_read_and_its_space_is_its_own(tmp_path: Path) -> None:
    made = adapter()
    write_adapter(tmp_path, made)
    back = read_adapter(tmp_path)
    assert back.manifest == made.manifest
    assert np.array_equal(back.text.down, made.text.down)
    assert np.array_equal(back.image.up, made.image.up)
    assert back.image.mix == pytest.approx(0.3)
    spaces = {
        adapter_space("colours", text=made.text, image=made.image),
        adapter_space("other", text=made.text, image=made.image),
        adapter_space("colours", text=made.image, image=made.text),
        adapter_space("colours", text=made.text, image=Projection(made.image.down, made.image.up, 0.31)),
    }
    assert len(spaces) == 4


@pytest.mark.parametrize("damage", ["tensors", "cut", "gone", "swapped"])
def test_damage_is_told(tmp_path: Path, damage: str) -> None:
    write_adapter(tmp_path, adapter())
    tensors = tmp_path / "adapter.npz"
    if damage == "tensors":
        with np.load(tensors) as arrays:
            changed = {name: arrays[name] * 2 for name in arrays.files}
        np.savez(tensors, **changed)
    elif damage == "cut":
        tensors.write_bytes(tensors.read_bytes()[:200])
    elif damage == "gone":
        tensors.unlink()
    else:
        write_adapter(tmp_path / "other", adapter(dimension=5))
        (tmp_path / "other" / "adapter.npz").replace(tensors)
    with pytest.raises(DataLoss) as caught:
        read_adapter(tmp_path)
    assert caught.value.reason == "ADAPTER_DAMAGED"


def test_a_folder_without_one_or_of_another_format_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="NOT_AN_ADAPTER"):
        read_adapter(tmp_path)
    write_adapter(tmp_path, adapter())
    manifest = tmp_path / MANIFEST_NAME
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2').replace('"format":1', '"format":2'))
    with pytest.raises(InvalidInput, match="NOT_AN_ADAPTER"):
        read_adapter(tmp_path)


def test_an_adapted_model_maps_both_towers_and_is_another_space() -> None:
    made, base = adapter(), ColourEncoder("colours")
    model = AdaptedEncoder(base, made)
    assert (model.card.name, model.card.space_id) == ("family", made.manifest.space_id)
    assert model.card.dimension == base.card.dimension
    assert np.array_equal(model.encode_texts(["红"]), made.text.apply(base.encode_texts(["红"])))
    colours = [np.array([0.1, 0.9, 0.2], np.float32)]
    assert np.array_equal(model.encode_images(colours), made.image.apply(base.encode_images(colours)))


@pytest.mark.parametrize("base", [ColourEncoder("other"), ColourEncoder("colours", dimension=7)])
def test_an_adapter_of_another_model_is_refused(base: ColourEncoder) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        AdaptedEncoder(base, adapter())
    assert caught.value.reason == "ADAPTER_OF_ANOTHER_MODEL"
    assert "family" in caught.value.text.zh


def test_specs_of_adapters() -> None:
    assert ModelSpec.parse("adapter:/m/family") == ModelSpec("adapter", "/m/family")
    assert ModelSpec.parse("adapter:/m/family=onnx:/b@text") == ModelSpec("adapter", "/m/family", base="onnx:/b@text")
    for wrong in ("adapter", "adapter:", "adapter:=lite", "adapter:/m=", "adapter:/m=adapter:/n", "adapter:/m=what"):
        with pytest.raises(InvalidInput):
            ModelSpec.parse(wrong)


def test_a_path_may_have_the_sign_that_names_the_base(tmp_path: Path) -> None:
    assert ModelSpec.parse("adapter:/a=b/family=onnx:/m=1/x") == ModelSpec("adapter", "/a=b/family", base="onnx:/m=1/x")
    assert ModelSpec.parse("adapter:/m=1=lite") == ModelSpec("adapter", "/m=1", base="lite")
    folder = tmp_path / "year=2026"
    with pytest.raises(InvalidInput):
        ModelSpec.parse(f"adapter:{folder}")
    folder.mkdir()
    assert ModelSpec.parse(f"adapter:{folder}") == ModelSpec("adapter", str(folder))


def test_adapters_of_one_model_share_it_and_it_is_freed_with_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[ColourEncoder] = []

    def load(*_: object) -> ColourEncoder:
        loaded.append(ColourEncoder("colours"))
        loaded[-1].gate.clear()
        return loaded[-1]

    monkeypatch.setattr("soutu_services.embedding.registry._load", load)
    for name in ("one", "two"):
        made = adapter()
        manifest = made.manifest.model_copy(update={"name": name})
        write_adapter(tmp_path / name, Adapter(manifest, text=made.text, image=made.image))
    models = load_encoders(["lite", f"adapter:{tmp_path}/one", f"adapter:{tmp_path}/two=lite"], EmbeddingSettings())
    assert len(loaded) == 1
    assert [model.card.name for model in models] == ["colours", "one", "two"]
    for model in (models[0], models[1], models[1]):
        model.close()
        assert not loaded[0].gate.is_set(), "the model is in use still"
    models[2].close()
    assert loaded[0].gate.is_set()
    with pytest.raises(InvalidInput):
        load_encoders(["lite", f"adapter:{tmp_path}/nowhere"], EmbeddingSettings())
    assert loaded[1].gate.is_set(), "nothing stays loaded"


def test_who_shares_a_model_waits_for_one_pass_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    model, order = ColourEncoder("colours"), list[str]()

    def encode(prepared: Sequence[str]) -> FloatArray:
        order.append(prepared[0])
        if len(order) == 1:
            eventually(lambda: shared._passes[0]._waiting)
        return np.zeros((1, 4), dtype=np.float32)

    monkeypatch.setattr(model, "encode_texts", encode)
    shared = SharedModel(model)
    one, other = shared.user(), shared.user()
    many = threading.Thread(target=lambda: [one.encode_texts([text]) for text in ("a", "b", "c")])
    many.start()
    eventually(lambda: order)
    other.encode_texts(["a person's"])
    many.join(PATIENCE)
    assert order == ["a", "a person's", "b", "c"]


def test_the_service_loads_an_adapter_behind_its_model(tmp_path: Path) -> None:
    lite = load_encoder("lite", EmbeddingSettings())
    made = adapter(space=lite.card.space_id, dimension=lite.card.dimension)
    write_adapter(tmp_path / "family", made)
    write_adapter(tmp_path / "other", adapter(dimension=lite.card.dimension))
    model = load_encoder(f"adapter:{tmp_path}/family", EmbeddingSettings())
    assert np.allclose(model.encode_texts(["雪地里的狗"]), made.text.apply(lite.encode_texts(["雪地里的狗"])), atol=1e-6)
    with pytest.raises(FailedPrecondition):
        load_encoder(f"adapter:{tmp_path}/other", EmbeddingSettings())
    model.close()
    lite.close()
