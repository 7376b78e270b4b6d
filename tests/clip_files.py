"""Small data sets in Chinese-CLIP's formats."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from soutu_services.tuning.clip_tables import image_line, images_file, text_line, texts_file
from soutu_services.tuning.dataset import TextRow


def jpeg(number: int) -> bytes:
    """Make a small picture of its own."""
    buffer = io.BytesIO()
    Image.new("RGB", (24, 16), (number * 37 % 256, number * 91 % 256, number * 13 % 256)).save(buffer, "JPEG")
    return buffer.getvalue()


def write_tables(folder: Path, split: str, pictures: dict[int, bytes], texts: list[TextRow]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / images_file(split)).write_bytes(b"".join(image_line(one, data) for one, data in pictures.items()))
    (folder / texts_file(split)).write_bytes(b"".join(text_line(row) for row in texts))
