"""Which objects of a bucket are taken for photos, by their names."""

from __future__ import annotations

from pathlib import PurePosixPath

from soutu_services.search.imaging.formats import has_raw_name, has_unsupported_name

__all__ = ["has_film_name", "is_candidate"]

_PICTURES = """
    .jpg .jpeg .jpe .jfif .jif .mpo .png .apng .gif .webp .tif .tiff .bmp .dib .ico .jp2 .j2k .j2c .jpc .jpf .jpx
    .heic .heif .heics .heifs .hif .avif .avifs .jxl .jxr .wdp .hdp
"""

_BESIDE_PHOTOS = """
    .aae .xmp .thm .json .xml .ini .db .db-shm .db-wal .sqlite .lrcat .lrdata .lrv .url .lnk .nfo .plist .cube .modd .moff
    .pp3 .dop .cos
"""
_DOCUMENTS = """
    .txt .md .csv .tsv .log .pdf .doc .docx .xls .xlsx .ppt .pptx .pages .numbers .key .rtf .odt .ods .html .htm .epub
    .srt .ass .ttf .otf
"""
_DRAWINGS = ".svg .svgz .ai .eps .ps .psd .psb .xcf .sketch .indd .cdr .dwg"
_FILMS = """
    .mp4 .m4v .mov .qt .avi .mkv .wmv .flv .webm .mpg .mpeg .mts .m2ts .3gp .3g2 .asf
"""
_OTHER_FILMS_AND_SOUND = """
    .vob .insv .ts .rm .rmvb .ogv
    .mp3 .m4a .wav .flac .aac .ogg .opus .amr .wma .ape .mid .aiff .caf
"""
_PROGRAMS_AND_PARTS = """
    .zip .rar .7z .tar .gz .bz2 .xz .zst .iso .dmg .apk .ipa .exe .dll .msi .bat .sh .py .js .css .so .bin .torrent
    .bak .tmp .temp .part .partial .filepart .tacitpart .crdownload .download .lock .sha1 .sha256 .md5
"""
_FILM_SUFFIXES = frozenset(_FILMS.split())
_PICTURE_SUFFIXES = frozenset(_PICTURES.split()) | _FILM_SUFFIXES
_OTHER_SUFFIXES = frozenset("".join((_BESIDE_PHOTOS, _DOCUMENTS, _DRAWINGS, _OTHER_FILMS_AND_SOUND, _PROGRAMS_AND_PARTS)).split())

_FOREIGN_FOLDERS = frozenset(
    {"@eadir", "#recycle", "#snapshot", "$recycle.bin", "__macosx", "system volume information", "lost+found"}
)

_FOREIGN_NAMES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})


def has_film_name(name: str) -> bool:
    """Whether a name is that of a video: such a file may be larger than pictures are."""
    return PurePosixPath(name).suffix.lower() in _FILM_SUFFIXES


def is_candidate(name: str) -> bool | None:
    """Decide by an object's key whether it is to be read as a photo.

    A picture's or a video's extension makes a candidate even of what turns out to be none: a person who sees a .jpg wants to be
    told why it is not found. Hidden files and the folders that NAS systems and computers keep for themselves (``@eaDir``,
    ``._IMG_1.jpg``, ``.thumbnails/…``) are not.

    Args:
        name: Key, folders included, "/" between them.

    Returns:
        True: read it; False: ignore and count it; None: let ``sniff`` decide by its first bytes.
    """
    path = PurePosixPath(name)
    if (
        not path.name
        or name.endswith("/")
        or any(part.startswith(".") or part.lower() in _FOREIGN_FOLDERS for part in path.parts)
    ):
        return False
    if path.name.lower() in _FOREIGN_NAMES:
        return False
    suffix = path.suffix.lower()
    if suffix in _PICTURE_SUFFIXES or has_raw_name(name) or has_unsupported_name(name):
        return True
    if suffix in _OTHER_SUFFIXES:
        return False
    return None
