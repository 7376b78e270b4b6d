"""Videos on the frame: the moment that fits the words, and what stands for the whole where there are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from film_files import film
from frame_run import FrameRun
from search_house import SearchHouse

RED, GREEN, BLUE = (200, 20, 20), (20, 200, 20), (20, 20, 200)


def near(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 40 for a, b in zip(one, other, strict=True))


def test_the_frame_of_a_video_that_fits_the_words_is_shown(
    run: Callable[..., FrameRun], house: SearchHouse, tmp_path: Path
) -> None:
    scenes = [(Image.new("RGB", (64, 48), colour), seconds) for colour, seconds in ((RED, 2.0), (GREEN, 2.0), (BLUE, 6.0))]
    photo_id = house.upload("影片/film.mp4", film(scenes))
    house.client.wait_until_ready([photo_id])
    for words, colour in (("绿 /folder 影片", GREEN), ("红 /folder 影片", RED), ("最新 /folder 影片", None)):
        frame = run(queries=words)
        assert frame.until_photo().photo_id == photo_id
        frame.frame.turn()
        assert colour is None or near(frame.colour(0.5, 0.4), colour)
        frame.close()
    house.stop()
    away = run(queries="随机", folder=tmp_path)
    away.until(lambda: away.state.is_away and away.state.slides)
    assert [slide.photo_id for slide in away.state.slides] == [photo_id], "one video, whichever of its frames are kept"
