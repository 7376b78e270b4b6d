"""Folders laid out as other programs lay them out, of small pictures."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="{toolkit}">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
{descriptions}
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""

APPLE = XMP.format(
    toolkit="XMP Core 6.0.0",
    descriptions="""  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">
   <dc:subject><rdf:Seq><rdf:li>徒步</rdf:li><rdf:li>外婆</rdf:li></rdf:Seq></dc:subject>
   <dc:description>洱海边的早晨</dc:description>
   <exif:GPSLatitude>25.6</exif:GPSLatitude><exif:GPSLatitudeRef>N</exif:GPSLatitudeRef>
   <exif:GPSLongitude>100.27</exif:GPSLongitude><exif:GPSLongitudeRef>E</exif:GPSLongitudeRef>
   <photoshop:DateCreated>2016-07-08T06:30:00+08:00</photoshop:DateCreated>
  </rdf:Description>""",
)
"""As Apple Photos exports IPTC as XMP."""

IMMICH = XMP.format(
    toolkit="Image::ExifTool 13.10",
    descriptions="""  <rdf:Description rdf:about='' xmlns:dc='http://purl.org/dc/elements/1.1/'>
   <dc:description><rdf:Alt><rdf:li xml:lang='x-default'>第一次坐飞机</rdf:li></rdf:Alt></dc:description>
  </rdf:Description>
  <rdf:Description rdf:about='' xmlns:digiKam='http://www.digikam.org/ns/1.0/'>
   <digiKam:TagsList><rdf:Seq><rdf:li>旅行/飞机</rdf:li></rdf:Seq></digiKam:TagsList>
  </rdf:Description>
  <rdf:Description rdf:about='' xmlns:exif='http://ns.adobe.com/exif/1.0/'>
   <exif:DateTimeOriginal>2015-02-03T10:20:30.000+08:00</exif:DateTimeOriginal>
   <exif:GPSLatitude>31,13.8N</exif:GPSLatitude><exif:GPSLongitude>121,28.2E</exif:GPSLongitude>
  </rdf:Description>""",
)


def jpeg(number: int, *, exif: str = "") -> bytes:
    """Make a picture of its own content; ``exif`` is a time like ``2018:03:03 09:00:00``."""
    pixels = np.random.default_rng(number).integers(0, 255, (24, 32, 3), np.uint8)
    tags = Image.Exif()
    if exif:
        tags[0x8769] = {0x9003: exif}
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", exif=tags)
    return out.getvalue()


def write_tree(top: Path, tree: Mapping[str, bytes | str]) -> Path:
    """Write files by their relative names."""
    for name, content in tree.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return top


def write_zip(path: Path, tree: Mapping[str, bytes | str]) -> Path:
    """Write the same as an archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in tree.items():
            archive.writestr(name, content)
    return path


def google(title: str, taken: datetime | None = None, **more: Any) -> str:
    """Write what Google puts beside a picture."""
    nowhere = {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0, "latitudeSpan": 0.0, "longitudeSpan": 0.0}
    seconds = int(taken.replace(tzinfo=UTC).timestamp()) if taken else 0
    told: dict[str, Any] = {
        "title": title,
        "description": "",
        "imageViews": "3",
        "creationTime": {"timestamp": "1700000000", "formatted": "2023年11月14日 UTC 22:13:20"},
        "photoTakenTime": {"timestamp": str(seconds), "formatted": "…"},
        "geoData": nowhere,
        "geoDataExif": nowhere,
        "url": "https://photos.google.com/photo/AF1QipO",
    }
    return json.dumps({**told, **more}, ensure_ascii=False, indent=2)


def google_album(title: str) -> str:
    """Write what Google puts into an album's folder."""
    date = {"timestamp": "1672477816", "formatted": "…"}
    return json.dumps({"title": title, "description": "", "access": "protected", "date": date}, ensure_ascii=False)


def takeout() -> dict[str, dict[str, bytes | str]]:
    """Return a Takeout of a person who speaks Chinese, in three parts: by their names, files by theirs."""
    year, album = "Takeout/Google 相册/2019年的照片", "Takeout/Google 相册/云南之行"
    lake = google(
        "IMG_0001.jpg",
        datetime(2019, 5, 1, 4, 30),
        description="洱海边的外婆",
        people=[{"name": "外婆"}],
        favorited=True,
        geoData={"latitude": 25.6, "longitude": 100.27},
    )
    wedding = "Backyard_ceremony_wedding_photography_xxxxxxx_m"
    return {
        "takeout-20240101T000000Z-001": {
            f"{year}/IMG_0001.jpg": jpeg(1),
            f"{year}/IMG_0001.jpg.supplemental-metadata.json": lake,
            f"{year}/IMG_0001(1).jpg": jpeg(2),
            f"{year}/IMG_0001.jpg.supplemental-metadata(1).json": google("IMG_0001.jpg", datetime(2019, 6, 2, 1, 0)),
            f"{year}/IMG_0001-编辑.jpg": jpeg(3),
            f"{year}/camera.jpg": jpeg(4, exif="2018:03:03 09:00:00"),
            f"{year}/camera.jpg.json": google("camera.jpg", datetime(2019, 1, 1)),
            f"{year}/{wedding}.jpg": jpeg(5),
            f"{year}/{wedding[:-1]}.json": google(f"{wedding}ary.jpg", datetime(2019, 8, 8, 8, 8)),
            f"{year}/broken.jpg": jpeg(6),
            f"{year}/broken.jpg.json": "{ not json",
            f"{year}/gone.jpg": jpeg(7),
            f"{year}/gone.jpg.json": google("gone.jpg", datetime(2019, 1, 1), trashed=True),
            f"{year}/metadata.json": google_album("2019年的照片"),
            "Takeout/archive_browser.html": "<html></html>",
            "Takeout/Drive/scan.jpg": jpeg(99),
        },
        "takeout-20240101T000000Z-002": {
            f"{album}/元数据.json": google_album("云南之行"),
            f"{album}/IMG_0001.jpg": jpeg(1),
            f"{album}/IMG_0001.jpg.supplemental-metadata.json": lake,
            f"{album}/camera.jpg.json": google("camera.jpg", datetime(2019, 1, 1)),
            f"{year}/old.jpg": jpeg(8),
            f"{year}/old.jpg.supplemental-metadata.json": google("old.jpg", datetime(1965, 1, 2, 3, 4)),
            "Takeout/Google 相册/print-subscriptions.json": "{}",
        },
        "takeout-20240101T000000Z-003": {
            "Takeout/Drive/scan.jpg": jpeg(98),
        },
    }


def apple() -> dict[str, bytes | str]:
    """Return an export of Apple Photos: an album, and a moment."""
    return {
        "云南/IMG_0001.JPG": jpeg(11),
        "云南/IMG_0001.xmp": APPLE,
        "云南/IMG_0001.AAE": "<plist></plist>",
        "云南/IMG_E0001.JPG": jpeg(12),
        "上海, 2019年5月1日/IMG_0001.JPG": jpeg(13),
        "上海, 2019年5月1日/IMG_0001.xmp": "<x:xmpmeta",
        "IMG_0002.JPG": jpeg(14),
    }


def icloud() -> dict[str, dict[str, bytes | str]]:
    """Return a copy of iCloud Photos in two parts."""
    header = "imgName,fileChecksum,favorite,hidden,deleted,originalCreationDate,viewCount,importDate\n"
    noon = '"Saturday June 4,2022 12:11 PM GMT"'
    return {
        "iCloud Photos Part 1 of 2": {
            "Photos/IMG_0001.JPG": jpeg(41),
            "Photos/IMG_0001.MOV": b"clip",
            "Photos/IMG_0002.JPG": jpeg(42),
            "Photos/gone.JPG": jpeg(43),
            "Photos/Photo Details.csv": f"{header}IMG_0001.JPG,x,yes,no,no,{noon},10,{noon}\n"
            f"IMG_0001.MOV,x,no,no,no,{noon},10,\ngone.JPG,x,no,no,yes,{noon},10,\n",
            "Photos/Photo Details-1.csv": f"{header}IMG_0002.JPG,x,no,no,no,Friday December 31,2021 11:59 PM GMT,0,\n",
            "Recently Deleted/IMG_9999.JPG": jpeg(44),
            "Albums/云南.csv": "Images\nIMG_0001.JPG\nIMG_0003.JPG\nnowhere.JPG\n",
            "Albums/Favorites.csv": "imgName\nIMG_0002.JPG\n",
            "Albums/空.csv": "",
            "Memories/Summer 2017.csv": "imageName\nIMG_0001.JPG\n",
        },
        "iCloud Photos Part 2 of 2": {
            "Photos/IMG_0001.JPG": jpeg(45),
            "Photos/IMG_0003.JPG": jpeg(46),
            "Photos/Photo Details.csv": f"{header}IMG_0003.JPG,x,no,no,no,some day,0,\n",
        },
    }


def immich() -> dict[str, bytes | str]:
    """Return an UPLOAD_LOCATION of Immich, with its storage template on; one file has not been moved yet."""
    own = {f"{name}/.immich": "" for name in ("library", "upload", "thumbs", "encoded-video", "profile", "backups")}
    return {
        **own,
        "library/admin/2015/2015-02-03/IMG_0001.jpg": jpeg(21),
        "library/admin/2015/2015-02-03/IMG_0001.jpg.xmp": IMMICH,
        "upload/8f2b0c1e-1111-2222-3333-444455556666/8a/2b/8a2b1111-2222-3333-4444-555566667777.jpg": jpeg(22),
        "thumbs/8f2b0c1e-1111-2222-3333-444455556666/8a/2b/8a2b-preview.jpeg": jpeg(23),
        "thumbs/8f2b0c1e-1111-2222-3333-444455556666/8a/2b/8a2b-thumbnail.webp": jpeg(24),
        "profile/8f2b0c1e-1111-2222-3333-444455556666/me.jpg": jpeg(25),
        "backups/immich-db-backup.sql.gz": b"\x1f\x8b",
    }


def photoprism() -> dict[str, bytes | str]:
    """Return a PhotoPrism with its storage beside the originals."""
    return {
        "originals/2016/01/20160110_101506_AB.jpg": jpeg(31),
        "originals/2016/01/scan.jpg": jpeg(32, exif="2020:01:01 00:00:00"),
        "originals/2016/01/guess.jpg": jpeg(33),
        "originals/private/left-out.jpg": jpeg(34),
        "originals/private/.ppignore": "# all of it\n*\n",
        "import/later.jpg": jpeg(35),
        "storage/.ppstorage": "",
        "storage/cache/thumbnails/a/b/c/abc_fit_720.jpg": jpeg(36),
        "storage/sidecar/2016/01/20160110_101506_AB.yml": (
            "TakenAt: 2016-01-10T02:15:06Z\nTakenSrc: meta\nUID: pr9tsib2qf7dfegc\nType: image\nTitle: 雪地里的狗\n"
            "TitleSrc: manual\nOriginalName: IMG_1\nDescription: 在公园\nDescriptionSrc: manual\n"
            "Favorite: true\nTimeZone: Asia/Shanghai\n"
            "PlaceSrc: meta\nLat: 31.23\nLng: 121.47\nYear: 2016\nDetails:\n  Keywords: 公园, 冬天\n  KeywordsSrc: manual\n"
        ),
        "storage/sidecar/2016/01/scan.yml": (
            "TakenAt: 1988-10-01T08:00:00Z\nTakenAtLocal: 1988-10-01T16:00:00Z\nTakenSrc: manual\nUID: pr9tsib2qf7dfscan\n"
            "Type: image\nTitle: Scan / 1988\nFavorite: false\n"
        ),
        "storage/sidecar/2016/01/guess.yml": "TakenAt: 2001-01-01T00:00:00Z\nUID: pr9tsib2qf7guess\nTitle: [broken\n",
        "storage/albums/album/ar9tsib2qf7albums.yml": (
            "UID: ar9tsib2qf7albums\nSlug: winter\nType: album\nTitle: 冬天\nOrder: oldest\nPhotos:\n"
            "- UID: pr9tsib2qf7dfegc\n  CreatedAt: 2020-02-06T02:06:51Z\n- UID: pr9tsib2qf7hidden\n  Hidden: true\n"
        ),
        "storage/albums/moment/mr9tsib2qf7moment.yml": "UID: m\nType: moment\nTitle: 假期\nPhotos:\n- UID: pr9tsib2qf7dfegc\n",
    }
