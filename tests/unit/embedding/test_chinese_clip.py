from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import clip_checkpoints as clip
from patience import PATIENCE
from soutu_services.embedding.chinese_clip.checkpoint import check_shapes
from soutu_services.embedding.chinese_clip.encoder import ChineseClipEncoder
from soutu_services.embedding.chinese_clip.torch_model import official_architecture, official_models
from soutu_services.embedding.chinese_clip.torchvision_stand_in import torchvision_or_stand_in
from soutu_services.embedding.encoder import ItemProblem, ItemRefused, Tower
from soutu_services.embedding.image_input import ImageLimits
from soutu_services.embedding.weights import WeightsSettings
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput, Overloaded

LIMITS = ImageLimits(max_bytes=1 << 24, max_pixels=1 << 24)
KINDS = ("vit", "resnet")


def load(path: Path, architecture: Path | str, precision: str = "fp32", device: str = "cpu") -> ChineseClipEncoder:
    return ChineseClipEncoder.load(
        str(path),
        architecture=str(architecture),
        device=device,
        precision=precision,  # type: ignore[arg-type]
        weights=WeightsSettings(offline=True),
        limits=LIMITS,
    )


def saved_again(tiny: Any, path: Path, change: Any) -> Path:
    state = {name: tensor.clone() for name, tensor in tiny.model.state_dict().items()}
    torch.save(change(state), path)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_every_kind_are_embedded_as_by_cn_clip(tiny: Any, kind: str) -> None:
    checkpoint = tiny[kind]
    encoder = load(checkpoint.path, checkpoint.architecture)
    pictures = clip.encoded_pictures()
    ours = encoder.encode_images([encoder.prepare_image(data) for data in pictures.values()])
    theirs = clip.by_hand_images(checkpoint.model, list(pictures.values()))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=2e-6)
    assert np.abs(theirs[0] - theirs[1]).max() > 1e-3  # the model tells pictures apart, so the comparison says something


@pytest.mark.parametrize("kind", KINDS)
def test_texts_at_their_own_length_are_embedded_as_padded_by_cn_clip(tiny: Any, kind: str) -> None:
    from cn_clip.clip import tokenize

    checkpoint = tiny[kind]
    encoder = load(checkpoint.path, checkpoint.architecture)
    theirs = clip.by_hand_texts(checkpoint.model, tokenize(list(clip.TEXTS)))
    prepared = [encoder.prepare_text(text) for text in clip.TEXTS]
    assert len({len(ids) for ids in prepared}) > 3
    np.testing.assert_allclose(encoder.encode_texts(prepared), theirs, atol=2e-6)
    alone = np.concatenate([encoder.encode_texts([ids]) for ids in prepared])
    np.testing.assert_allclose(alone, theirs, atol=2e-6)


def test_every_length_from_1_to_52_tokens_is_exact_in_mixed_batches(tiny: Any) -> None:
    random = np.random.default_rng(2)
    encoder = load(tiny["vit"].path, tiny["vit"].architecture)
    texts = [np.array([101, *random.integers(670, 8000, length - 1)], dtype=np.int64) for length in range(1, 53)]
    by_52 = torch.zeros(52, 52, dtype=torch.long)
    for row, ids in zip(by_52, texts, strict=True):
        row[: len(ids)] = torch.from_numpy(ids)
    theirs = clip.by_hand_texts(tiny["vit"].model, by_52)
    order = random.permutation(52)
    for start in range(0, 52, 5):
        chosen = order[start : start + 5]
        np.testing.assert_allclose(encoder.encode_texts([texts[i] for i in chosen]), theirs[chosen], atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_fp16_is_cn_clips_own_half_precision_and_states_its_drift(tiny: Any, kind: str) -> None:
    from cn_clip.clip import tokenize
    from cn_clip.clip.model import CLIP, convert_weights

    from soutu_services.embedding.chinese_clip.architecture import read_architecture

    checkpoint = tiny[kind]
    encoder = load(checkpoint.path, checkpoint.architecture, "fp16")
    half = CLIP(**read_architecture(checkpoint.architecture).model_dump()).eval()
    half.load_state_dict(checkpoint.model.state_dict())
    convert_weights(half)
    pictures = clip.encoded_pictures()
    images = encoder.encode_images([encoder.prepare_image(data) for data in pictures.values()])
    np.testing.assert_allclose(images, clip.by_hand_images(half, list(pictures.values())), atol=3e-3)
    texts = encoder.encode_texts([encoder.prepare_text(text) for text in clip.TEXTS])
    np.testing.assert_allclose(texts, clip.by_hand_texts(half, tokenize(list(clip.TEXTS))), atol=3e-3)
    assert encoder.card.variant == "torch-fp16"
    assert 0 < encoder.card.drift < 1e-3
    assert encoder.card.space_id == load(checkpoint.path, checkpoint.architecture).card.space_id


@pytest.mark.parametrize("kind", KINDS)
def test_bf16_runs_and_states_its_drift(tiny: Any, kind: str) -> None:
    encoder = load(tiny[kind].path, tiny[kind].architecture, "bf16")
    full = load(tiny[kind].path, tiny[kind].architecture)
    assert 0 < encoder.card.drift < 0.2
    ids = [encoder.prepare_text("在雪地里奔跑的狗")]
    assert (encoder.encode_texts(ids) @ full.encode_texts(ids).T).item() > 0.98


def test_the_card_says_what_the_model_is(tiny: Any) -> None:
    card = load(tiny["vit"].path, tiny["vit"].architecture, "auto").card
    assert (card.name, card.variant, card.dimension, card.input_size, card.drift) == ("tiny-vit", "torch-fp32", 24, 64, 0.0)
    assert card.towers == {Tower.TEXT, Tower.IMAGE}


def test_wrapping_and_prefix_change_neither_the_space_nor_the_vectors(tiny: Any, tmp_path: Path) -> None:
    bare = saved_again(tiny["vit"], tmp_path / "bare.pt", lambda state: state)
    pooler = {"bert.pooler.dense.weight": torch.zeros(2, 2)}
    with_pooler = saved_again(tiny["vit"], tmp_path / "pooler.pt", lambda state: {"state_dict": state | pooler})
    original = load(tiny["vit"].path, tiny["vit"].architecture)
    ids = [original.prepare_text("狗")]
    for path in (bare, with_pooler):
        other = load(path, tiny["vit"].architecture)
        assert other.card.space_id == original.card.space_id
        assert np.array_equal(other.encode_texts(ids), original.encode_texts(ids))


def test_another_weight_precision_or_head_count_is_another_space(tiny: Any, tmp_path: Path) -> None:
    def nudged(state: dict[str, Any]) -> dict[str, Any]:
        state["visual.proj"][0, 0] += 1e-3
        return state

    def half(state: dict[str, Any]) -> dict[str, Any]:
        return {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}

    def brain(state: dict[str, Any]) -> dict[str, Any]:
        return {name: tensor.bfloat16() if tensor.is_floating_point() else tensor for name, tensor in state.items()}

    tiny_vit = tiny["vit"]
    heads = tmp_path / "heads.json"
    heads.write_text(tiny_vit.architecture.read_text().replace('"vision_head_width": 16', '"vision_head_width": 8'))
    spaces = {
        load(tiny_vit.path, tiny_vit.architecture).card.space_id,
        load(tiny_vit.path, heads).card.space_id,
        *(
            load(saved_again(tiny_vit, tmp_path / f"{change.__name__}.pt", change), tiny_vit.architecture).card.space_id
            for change in (nudged, half, brain)
        ),
    }
    assert len(spaces) == 5


def test_a_checkpoint_of_another_architecture_is_named_as_such(tiny: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(tiny["vit"].path, "ViT-B-16")
    assert caught.value.reason == "CHECKPOINT_OF_ANOTHER_ARCHITECTURE"
    assert "ViT-B-16" in caught.value.text.en
    assert "\n" not in caught.value.text.en


@pytest.mark.parametrize(
    "content",
    [b"", b"not a checkpoint", b"PK\x03\x04 broken zip", b"\x80\x04."],
    ids=["empty", "text", "zip", "pickle"],
)
def test_files_that_are_no_checkpoints_are_refused_in_one_line(tiny: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        load(path, tiny["vit"].architecture)
    assert caught.value.reason == "CHECKPOINT_UNREADABLE"
    assert "\n" not in caught.value.text.zh + caught.value.text.en


class _Command:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("save", [torch.save, lambda saved, path: path.write_bytes(pickle.dumps(saved))], ids=["torch", "pickle"])
def test_code_in_a_checkpoint_is_not_run(tiny: Any, tmp_path: Path, save: Any) -> None:
    save({"state_dict": {"visual.proj": _Command(tmp_path / "ran")}}, tmp_path / "model.pt")
    with pytest.raises(InvalidInput):
        load(tmp_path / "model.pt", tiny["vit"].architecture)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("saved", [{"state_dict": {}}, {"a": 1}, [1, 2], {"state_dict": {"x": torch.zeros(1), "y": 2}}])
def test_files_without_tensors_by_name_are_refused(tiny: Any, tmp_path: Path, saved: Any) -> None:
    torch.save(saved, tmp_path / "model.pt")
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path / "model.pt", tiny["vit"].architecture)
    assert caught.value.reason == "CHECKPOINT_UNREADABLE"


def test_unknown_names_missing_and_broken_architectures_are_named(tiny: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"embed_dim": 0}')
    cases: list[tuple[str, str | None, str]] = [
        ("ViT-X-99", None, "MODEL_UNKNOWN"),
        (str(tmp_path / "missing.pt"), "ViT-B-16", "MODEL_UNKNOWN"),
        (str(tiny["vit"].path), None, "ARCHITECTURE_MISSING"),
        (str(tiny["vit"].path), "ViT-X-99", "ARCHITECTURE_UNKNOWN"),
        (str(tiny["vit"].path), str(broken), "ARCHITECTURE_UNKNOWN"),
    ]
    for name, architecture, reason in cases:
        with pytest.raises(InvalidInput) as caught:
            ChineseClipEncoder.load(
                name,
                architecture=architecture,
                device="cpu",
                precision="auto",
                weights=WeightsSettings(offline=True),
                limits=LIMITS,
            )
        assert caught.value.reason == reason, name


def test_a_folder_with_two_files_names_an_architecture_too(tiny: Any, tmp_path: Path) -> None:
    import json

    merged = json.loads(tiny["resnet"].architecture.read_text())
    text = {name: value for name, value in merged.items() if name.startswith("text_") or name == "vocab_size"}
    (tmp_path / "text.json").write_text(json.dumps(text))
    (tmp_path / "vision.json").write_text(json.dumps({name: value for name, value in merged.items() if name not in text}))
    one_file = load(tiny["resnet"].path, tiny["resnet"].architecture)
    assert load(tiny["resnet"].path, tmp_path).card.space_id == one_file.card.space_id


def test_an_absent_device_is_named() -> None:
    from soutu_services.embedding.chinese_clip.torch_model import TorchModel

    architecture = official_architecture("RN50")
    assert architecture is not None
    with pytest.raises(FailedPrecondition) as caught:
        TorchModel.load(Path("none.pt"), architecture, name="RN50", device="cuda:97")
    assert caught.value.reason == "NO_SUCH_DEVICE"


@pytest.mark.parametrize(
    ("name", "dimension", "side", "filename"),
    [
        ("RN50", 1024, 224, "clip_cn_rn50.pt"),
        ("ViT-B-16", 512, 224, "clip_cn_vit-b-16.pt"),
        ("ViT-L-14", 768, 224, "clip_cn_vit-l-14.pt"),
        ("ViT-L-14-336", 768, 336, "clip_cn_vit-l-14-336.pt"),
        ("ViT-H-14", 1024, 224, "clip_cn_vit-h-14.pt"),
    ],
)
def test_every_official_model_is_known_by_name(name: str, dimension: int, side: int, filename: str) -> None:
    architecture = official_architecture(name)
    assert architecture is not None
    assert (architecture.embed_dim, architecture.image_resolution) == (dimension, side)
    published = official_models()[name]
    assert published.filename == filename
    assert published.repositories["huggingface"].startswith("OFA-Sys/chinese-clip-")
    assert published.repositories["modelscope"].startswith("AI-ModelScope/chinese-clip-")


def test_nothing_is_printed_while_loading_and_embedding(tiny: Any, capfd: pytest.CaptureFixture[str]) -> None:
    encoder = load(tiny["vit"].path, tiny["vit"].architecture)
    encoder.encode_texts([encoder.prepare_text("狗")])
    assert capfd.readouterr() == ("", "")


def test_what_cannot_be_embedded_is_refused_by_item(tiny: Any) -> None:
    encoder = load(tiny["vit"].path, tiny["vit"].architecture)
    for text, problem in (("", ItemProblem.EMPTY), (" \u200b\n", ItemProblem.EMPTY), ("狗" * 2001, ItemProblem.TOO_LARGE)):
        with pytest.raises(ItemRefused) as caught:
            encoder.prepare_text(text)
        assert caught.value.problem is problem
    with pytest.raises(ItemRefused) as caught:
        encoder.prepare_image(b"text named .jpg")
    assert caught.value.problem is ItemProblem.NOT_AN_IMAGE


def test_empty_batches_have_no_rows(tiny: Any) -> None:
    encoder = load(tiny["vit"].path, tiny["vit"].architecture)
    assert encoder.encode_texts([]).shape == encoder.encode_images([]).shape == (0, 24)


def test_preparing_in_several_threads_gives_the_same_inputs(tiny: Any) -> None:
    encoder = load(tiny["vit"].path, tiny["vit"].architecture)
    pictures = list(clip.encoded_pictures().values()) * 4
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(encoder.prepare_image, pictures))
    for data, prepared in zip(pictures, together, strict=True):
        assert np.array_equal(encoder.prepare_image(data), prepared)


@pytest.mark.parametrize(
    ("source", "stands_in"),
    [("raise RuntimeError('operator torchvision::nms does not exist')", True), ("from . import transforms", False)],
    ids=["broken", "working"],
)
def test_torchvision_is_stood_in_for_only_when_it_does_not_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, stands_in: bool
) -> None:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(source)
    (package / "transforms.py").write_text("Compose = 'the real one'")
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with torchvision_or_stand_in() as stood_in:
        from torchvision.transforms import Compose

        assert stood_in is stands_in
        assert (Compose == "the real one") is not stands_in
    assert ("torchvision" in sys.modules) is not stands_in
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]


def test_the_encoder_imports_beside_a_torchvision_of_another_torch(tmp_path: Path) -> None:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    code = "import soutu_services.embedding.chinese_clip.torch_model as m; print(sorted(m.official_models())[0])"
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "RN50\n"), done.stderr


@pytest.mark.parametrize(
    ("found", "chinese", "english"),
    [
        ({"a": (2,)}, "缺少 b", "b is missing"),
        ({"a": (3,), "b": (1,)}, "a 是 [3] 而不是 [2]", "a is [3], not [2]"),
        ({"a": (2,), "b": (1,), "c": (1,)}, "多出 c", "c is unexpected"),
    ],
)
def test_what_differs_from_the_architecture_is_said_in_both_languages(
    found: dict[str, tuple[int, ...]], chinese: str, english: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_shapes(found, {"a": (2,), "b": (1,)}, architecture="X")
    assert caught.value.text.zh == f"这个检查点不是 X 结构的（{chinese}）：请写对结构的名字"
    assert caught.value.text.en == f"The checkpoint is not of the architecture X ({english}): name the right one"


def test_a_checkpoint_that_holds_numpys_numbers_is_read(tiny: Any, tmp_path: Path) -> None:
    """cn_clip's training leaves its learning rate as one beside the weights."""

    def trained(state: Any) -> Any:
        groups = [{"lr": np.float64(2e-5), "betas": (0.9, 0.98), "steps": np.int64(3), "params": [0]}]
        return {"epoch": 1, "step": 3, "state_dict": state, "optimizer": {"state": {}, "param_groups": groups}}

    path = saved_again(tiny["vit"], tmp_path / "epoch1.pt", trained)
    assert load(path, tiny["vit"].architecture).card.space_id == load(tiny["vit"].path, tiny["vit"].architecture).card.space_id


def test_a_gpu_that_is_too_small_is_no_broken_checkpoint(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    move = torch.nn.Module.to

    def full(module: Any, where: object) -> Any:
        if isinstance(where, torch.device):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return move(module, where)

    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(Overloaded) as caught:
        load(tiny["vit"].path, tiny["vit"].architecture)
    assert caught.value.reason == "OUT_OF_MEMORY"
