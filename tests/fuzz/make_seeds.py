"""Write the seeds that fuzzing begins with, from the tests' own pictures: ``python tests/fuzz/make_seeds.py``.

Inputs that once were findings lie beside them, named ``found-…``, and stay.
"""

from __future__ import annotations

import struct
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from soutu.embedding.v1 import embedding_pb2 as embedding_pb
from soutu.search.v1 import access_service_pb2 as access_pb
from soutu.search.v1 import library_service_pb2 as library_pb
from soutu.search.v1 import photo_service_pb2 as photo_pb
from soutu.search.v1 import search_service_pb2 as search_pb

from film_files import film
from fuzz.calls import DIMENSION, SPACE, all_calls
from picture_files import FORMATS, encoded, gif_bomb, ico_with, png_of_size, scene, webp_of_size
from raw_files import dng
from soutu_services.search.backups import Backups
from soutu_services.search.catalog import Catalog
from soutu_services.search.data_folder import DataFolder

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
    write("image", "dng", dng(small))
    write("image", "dng-preview", dng(small, preview=(24, 16), taken="2019:05:01 12:30:00"))
    for container, codec in (("mp4", "libx264"), ("mov", "mpeg4"), ("matroska", "libx264"), ("avi", "mpeg4")):
        write("image", f"film-{container}", film([(small, 0.3)], container=container, codec=codec, size=(32, 32)))
    write("image", "gif-bomb", gif_bomb(canvas=32, frame=65_000))
    write("image", "ico-bomb", ico_with(png_of_size(60_000, 60_000)))
    write("image", "webp-canvas", webp_of_size(16_000, 16_000))


def request(kind: Any, message: Any, *, guest: int = 0) -> bytes:
    at = [each for each, _ in all_calls()].index(kind)
    return bytes((at, guest)) + message.SerializeToString()


def backup_head() -> bytes:
    """The manifest of a backup and the beginning of a catalog."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Catalog.open(Path(folder) / "catalog.sqlite3") as catalog,
        closing(DataFolder.open(Path(folder) / "data")) as data,
        Backups(catalog, data, on_staged=lambda: None).make(is_wanted=lambda: True) as backup,
    ):
        return b"".join(backup.parts)[:1800]


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
        "token": request(
            access_pb.CreateTokenRequest,
            access_pb.CreateTokenRequest(name="奶奶", scope="SCOPE_READ", folders=[{"source": "photos", "folder": "旅行/2019"}]),
        ),
        "tokens": request(access_pb.ListTokensRequest, access_pb.ListTokensRequest(page_size=3, page_token="W10")),
        "revoke": request(access_pb.RevokeTokenRequest, access_pb.RevokeTokenRequest(token_id="1")),
        "delete": request(photo_pb.DeletePhotosRequest, photo_pb.DeletePhotosRequest(photo_ids=[photo_id])),
        "undelete": request(photo_pb.UndeletePhotosRequest, photo_pb.UndeletePhotosRequest(photo_ids=[photo_id] * 2)),
        "purge": request(photo_pb.PurgePhotosRequest, photo_pb.PurgePhotosRequest(photo_ids=[photo_id])),
        "purge-all": request(photo_pb.PurgePhotosRequest, photo_pb.PurgePhotosRequest()),
        "original": request(photo_pb.ReadOriginalRequest, photo_pb.ReadOriginalRequest(photo_id=photo_id), guest=1),
        "thumbnail": request(photo_pb.GetThumbnailRequest, photo_pb.GetThumbnailRequest(photo_id=photo_id)),
        "import": request(
            library_pb.ImportEmbeddingsRequest,
            library_pb.ImportEmbeddingsRequest(
                space_id=SPACE, embeddings=[{"photo_id": photo_id, "embedding": struct.pack(f"<{DIMENSION}f", 1, 2, 3, 4)}]
            ),
        ),
        "export": request(library_pb.ExportEmbeddingsRequest, library_pb.ExportEmbeddingsRequest(space_id=SPACE)),
        "reindex": request(library_pb.StartReindexRequest, library_pb.StartReindexRequest(space_id=SPACE)),
        "switch": request(library_pb.SwitchSpaceRequest, library_pb.SwitchSpaceRequest(space_id=SPACE)),
        "forget": request(library_pb.DeleteSpaceRequest, library_pb.DeleteSpaceRequest(space_id="x")),
        "restore": request(library_pb.RestoreBackupRequest, library_pb.RestoreBackupRequest(data=backup_head())),
        "embed-texts": request(
            embedding_pb.EmbedTextsRequest,
            embedding_pb.EmbedTextsRequest(space_id=SPACE, texts=["红", "", "雪地里的狗"], priority="PRIORITY_BULK"),
        ),
        "embed-images": request(
            embedding_pb.EmbedImagesRequest,
            embedding_pb.EmbedImagesRequest(space_id=SPACE, images=[encoded("PNG", scene(8, 8)), b"no"]),
        ),
        "models": request(embedding_pb.ListModelsRequest, embedding_pb.ListModelsRequest()),
        "tell": request(
            photo_pb.TellPhotosRequest,
            photo_pb.TellPhotosRequest(
                told=[
                    {"photo_id": photo_id, "taken_local_time": "2019-05-01T12:30:00", "taken_corrected": True, "favourite": True},
                    {"photo_id": photo_id, "location": {"latitude": 25.6, "longitude": 100.27}, "caption": "雪", "tags": ["猫"]},
                    {"photo_id": photo_id, "taken_local_time": "1965-01-02", "albums": ["冬"]},
                ]
            ),
        ),
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
