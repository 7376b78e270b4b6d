"""Ranks, recall and intervals, and their agreement with cn_clip's own evaluation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from patience import PATIENCE
from soutu_services.embedding.encoder import ModelCard, Tower
from soutu_services.tuning.embedded_pairs import EmbeddedPairs
from soutu_services.tuning.evaluation import Evaluation, evaluate, write_evaluation
from soutu_services.tuning.retrieval import estimates, paired_difference, rank, recall_of

CARD = ModelCard("made", "space", "test", 8, frozenset(Tower), input_size=8, text_characters=9)


def made_evaluation(*, images: int, texts: int, seed: int) -> Evaluation:
    """Evaluate vectors that are a little alike; most texts fit one picture, some fit two, and one picture has no text."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(images, 8)).astype(np.float32)
    vectors[5] = vectors[4]  # equal answers
    of_text = random.integers(0, images - 1, texts)
    words = vectors[of_text] + random.normal(scale=1.2, size=(texts, 8)).astype(np.float32)
    pairs = [(text, int(image)) for text, image in enumerate(of_text)]
    pairs += [(text, (int(of_text[text]) + 1) % (images - 1)) for text in range(0, texts, 7)]
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (vectors, words)]
    embedded = EmbeddedPairs(
        np.arange(images) * 3 + 100,
        unit[0].astype(np.float32),
        np.arange(texts) * 2 + 7,
        tuple(f"句子 {number}" for number in range(texts)),
        unit[1].astype(np.float32),
        np.array(sorted(pairs), np.int64),
    )
    return evaluate(CARD, "made", "test", embedded, [])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_agrees_with_the_scripts_of_cn_clip_to_the_last_digit(tmp_path: Path, seed: int) -> None:
    import cn_clip

    evaluation = made_evaluation(images=61, texts=173, seed=seed)
    write_evaluation(evaluation, tmp_path)
    mine = json.loads((tmp_path / "evaluation.json").read_text())
    for direction, script in (("text_to_photo", "evaluation.py"), ("photo_to_text", "evaluation_tr.py")):
        files = [str(tmp_path / f"{direction}.{kind}") for kind in ("answers.jsonl", "predictions.jsonl", "score.json")]
        subprocess.run(
            [sys.executable, f"{cn_clip.__path__[0]}/eval/{script}", *files], check=True, timeout=PATIENCE, capture_output=True
        )
        theirs = json.loads(Path(files[2]).read_text())
        assert theirs["success"], theirs
        assert {name: mine[direction][name]["value"] * 100 for name in ("r1", "r5", "r10", "mean_recall")} == {
            name: theirs["scoreJson"][name] for name in ("r1", "r5", "r10", "mean_recall")
        }


def test_the_first_of_equal_answers_comes_first_and_the_best_right_answer_counts() -> None:
    targets = np.array([[1, 0], [0, 1], [0, 1], [0.6, 0.8]], np.float32)
    queries = np.array([[0, 1], [0, 1], [1, 0]], np.float32)
    ranking = rank(queries, targets, [np.array([2]), np.array([3, 1]), np.array([1])])
    assert ranking.ranks.tolist() == [2, 1, 3]
    assert ranking.found.tolist() == [[1, 2, 3, 0], [1, 2, 3, 0], [0, 3, 1, 2]]


def test_sums_ranks_up() -> None:
    recall = recall_of([1, 3, 7, 40])
    assert (recall.r1, recall.r5, recall.r10, recall.median_rank) == (0.25, 0.5, 0.75, 5)
    assert recall.mean_recall == pytest.approx(0.5)


def test_intervals_hold_the_truth_about_as_often_as_they_say_and_repeat_themselves() -> None:
    random = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        ranks = random.geometric(0.1, 120)  # P(rank <= 10) = 1 - 0.9 ** 10
        interval = estimates(ranks, resamples=300, seed=0)["r10"]
        held += interval.low <= 1 - 0.9**10 <= interval.high
    assert 180 <= held <= 198
    assert estimates(ranks, resamples=300, seed=0) == estimates(ranks, resamples=300, seed=0)


def test_saying_the_same_of_a_photo_five_times_makes_nobody_surer() -> None:
    random = np.random.default_rng(7)
    vectors = random.normal(size=(80, 8)).astype(np.float32)
    words = vectors + random.normal(scale=1.5, size=(80, 8)).astype(np.float32)
    unit = [(rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32) for rows in (vectors, words)]

    def figures(times: int) -> object:
        of = np.repeat(np.arange(80), times)
        pairs = np.stack([np.arange(len(of)), of], axis=1)
        texts = tuple(map(str, of))
        embedded = EmbeddedPairs(np.arange(80), unit[0], np.arange(len(of)), texts, unit[1][of], pairs)
        return evaluate(CARD, "made", "test", embedded, []).text_to_photo.figures

    assert figures(5) == figures(1)


def test_intervals_of_the_median_are_those_of_medians() -> None:
    ranks = np.array([1] * 50 + [9] * 50)
    interval = estimates(ranks, resamples=500, seed=1)["median_rank"]
    assert (interval.value, interval.low, interval.high) == (5, 1, 9)


def test_a_paired_difference_is_surer_than_two_intervals_and_draws_whole_photos() -> None:
    random = np.random.default_rng(5)
    photos = np.repeat(np.arange(60), 5)
    easy = random.random(60)[photos]
    before = (random.random(300) < easy).astype(np.float32)
    after = np.maximum(before, (random.random(300) < 0.1).astype(np.float32))
    rise = paired_difference(before, after, photos, resamples=1000, seed=0)
    assert rise.value == pytest.approx(after.mean() - before.mean())
    assert 0 < rise.low < rise.value < rise.high < rise.value + 0.06
    one_photo = paired_difference(np.zeros(5, np.float32), np.ones(5, np.float32), np.zeros(5, np.int64), resamples=9, seed=0)
    assert (one_photo.low, one_photo.high) == (1, 1)
