"""Write the seeds that fuzzing begins with, from the tests' own pictures: ``python tests/fuzz/make_seeds.py``.

Inputs that once were findings lie beside them, named ``found-…``, and stay.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from soutu.search.v1 import library_service_pb2 as library_pb
from soutu.search.v1 import photo_service_pb2 as photo_pb
from soutu.search.v1 import search_service_pb2 as search_pb

from fuzz.targets import _calls
from picture_files import FORMATS, encoded, gif_bomb, ico_with, png_of_size, scene, webp_of_size

SEEDS = Path(__file__).parent / "seeds"


def write(target: str, name: str, data: bytes) -> None:
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def exif_block() -> bytes:
    block = scene(8, 8).getexif()
    block[0x010F], block[0x0110], block[0x0112] = "Apple", "iPhone 12", 6
    block.get_ifd(0x8769).update({0x9003: "2019:05:01 12:30:00", 0x9011: "+08:00"})
    block.get_ifd(0x8825).update({1: "N", 2: (39.0, 54.0, 27.0), 3: "E", 4: (116.0, 23.0, 17.0)})
    return block.tobytes().removeprefix(b"Exif\0\0")


def images() -> None:
    small = scene(24, 16)
    for encoding in FORMATS:
        write("image", encoding.lower(), encoded(encoding, small))
    write("image", "jpeg-exif", encoded("JPEG", small, exif=b"Exif\0\0" + exif_block()))
    write("image", "jpeg-progressive", encoded("JPEG", small, progressive=True))
    write("image", "jpeg-cmyk", encoded("JPEG", scene(24, 16, "CMYK")))
    write("image", "png-palette", encoded("PNG", scene(24, 16, "P"), transparency=3))
    write("image", "png-16", encoded("PNG", scene(24, 16, "L").convert("I;16")))
    write("image", "tiff-lzw", encoded("TIFF", small, compression="tiff_lzw"))
    write("image", "gif-moves", encoded("GIF", small, save_all=True, append_images=[scene(24, 16).rotate(90)]))
    write("image", "webp-lossless", encoded("WEBP", small, lossless=True))
    write("image", "gif-bomb", gif_bomb(canvas=32, frame=65_000))
    write("image", "ico-bomb", ico_with(png_of_size(60_000, 60_000)))
    write("image", "webp-canvas", webp_of_size(16_000, 16_000))


def request(kind: Any, message: Any, *, guest: int = 0) -> bytes:
    at = [each for each, _ in _calls()].index(kind)
    return bytes((at, guest)) + message.SerializeToString()


def requests() -> None:
    whole: dict[str, Any] = {
        "taken_from": "2019-05",
        "taken_until": "2019",
        "folders": ["旅行/2019"],
        "sources": ["photos"],
        "cameras": ["iPhone"],
        "area": {"south": -10, "west": 170, "north": 10, "east": -170},
        "formats": ["heic", "image/jpeg"],
        "kinds": [1, 2],
        "tags": ["猫"],
        "favourite": True,
        "albums": ["2019"],
    }
    digest, photo_id = f"{1:032x}" * 2, f"{1:032x}"
    terms: list[Any] = [
        {"text": "雪地里的狗", "weight": 1},
        {"photo_id": photo_id, "weight": -0.5},
        {"image": encoded("PNG", scene(8, 8))},
    ]
    searches = search_pb.SearchPhotosRequest
    for name, seed in {
        "search-words": request(searches, searches(terms=[{"text": "奶奶 IMG 2019"}], page_size=2)),
        "search-all": request(searches, searches(terms=terms, filter=whole, min_score=0.2)),
        "search-guest": request(searches, searches(terms=terms[:1]), guest=1),
        "list": request(photo_pb.ListPhotosRequest, photo_pb.ListPhotosRequest(filter=whole, states=[1, 2], page_size=1)),
        "list-first": request(photo_pb.ListPhotosRequest, photo_pb.ListPhotosRequest(page_size=1), guest=1),
        "summary": request(photo_pb.SummarizePhotosRequest, photo_pb.SummarizePhotosRequest(filter=whole), guest=1),
        "annotate": request(
            photo_pb.AnnotatePhotosRequest,
            photo_pb.AnnotatePhotosRequest(
                photo_ids=[photo_id], favourite=True, caption="雪", add_tags=["猫"], add_albums=["冬"]
            ),
        ),
        "batch": request(photo_pb.BatchGetPhotosRequest, photo_pb.BatchGetPhotosRequest(photo_ids=[photo_id] * 2)),
        "get": request(photo_pb.GetPhotoRequest, photo_pb.GetPhotoRequest(photo_id=photo_id[:8]), guest=1),
        "find": request(
            photo_pb.FindContentsRequest, photo_pb.FindContentsRequest(contents=[{"sha256": digest, "name": "旅行/a.jpg"}])
        ),
        "upload": request(
            photo_pb.UploadHeader,
            photo_pb.UploadHeader(name="a/b.jpg", size_bytes=3, sha256=digest, modified_time={"seconds": 1, "nanos": 5}),
        ),
        "jobs": request(library_pb.ListJobsRequest, library_pb.ListJobsRequest(page_size=3, page_token="W10")),
        "duplicates": request(
            library_pb.ListNearDuplicatesRequest, library_pb.ListNearDuplicatesRequest(max_distance=6, min_cosine=0.9)
        ),
        "job": request(library_pb.GetJobRequest, library_pb.GetJobRequest(job_id="1")),
    }.items():
        write("requests", name, seed)


def names() -> None:
    for name, text in {
        "camera": "DCIM/100APPLE/IMG_20190501_123000.HEIC",
        "chinese": "旅行/2019年5月1日 下午3点/雪地里的狗 (2).jpg",
        "wechat": "mmexport1556685000000.jpg",
        "screenshot": "Screenshot_2019-05-01-12-30-00.png",
        "windows": "C:\\Users\\奶奶\\..\\a.jpg",
        "decomposed": "cafe\u0301/\u202egpj.exe\u200d.jpg",
        "words": "a photo of two dogs 奔跑 in the snow ２０１９",
    }.items():
        write("names", name, text.encode())


if __name__ == "__main__":
    images()
    write("exif", "whole", exif_block())
    write("exif", "big-endian", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")
    requests()
    names()
