"""The folder of photos that a person names: whether it can be used, and whether a copy of it has room."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from soutu_services.home.library import Library
from soutu_services.home.paths import expanded
from soutu_services.home.problem import HomeProblem

__all__ = ["check_room", "usable_photos"]

_MIB = 1 << 20


def usable_photos(given: Path, library: Path, *, in_place: bool) -> Path:
    """Return the absolute path of the photos.

    Raises:
        HomeProblem: it is not there, cannot be read, is not a folder where one is needed, or overlaps with the library.
    """
    photos = expanded(given, variable="PHOTOS=")
    library = expanded(library, variable="LIBRARY=")
    try:
        if photos.is_dir():
            os.scandir(photos).close()
        else:
            photos.open("rb").close()
    except FileNotFoundError as error:
        raise HomeProblem(
            zh=f"找不到照片文件夹：{photos}。请检查 PHOTOS= 后面的路径。",
            en=f"there is no such folder of photos: {photos}. Check the path after PHOTOS=.",
        ) from error
    except OSError as error:
        raise HomeProblem(
            zh=f"无法读取照片文件夹：{photos}（{error.strerror}）。请检查它的权限。",
            en=f"the photos cannot be read: {photos} ({error.strerror}). Check their permissions.",
        ) from error
    if in_place and not photos.is_dir():
        raise HomeProblem(zh=f"INPLACE=1 需要一个文件夹：{photos}", en=f"INPLACE=1 needs a folder: {photos}")
    inner, outer = photos.resolve(), library.resolve()
    if inner == outer or inner in outer.parents or outer in inner.parents:
        raise HomeProblem(
            zh=f"照片文件夹和资料库不能互相包含：{photos} 与 {library}。请用 LIBRARY= 把资料库放到别处。",
            en=f"the folder of photos and the library must not contain each other: {photos} and {library}. "
            "Put the library elsewhere with LIBRARY=.",
        )
    return photos


def check_room(photos: Path, library: Library) -> None:
    """Check that the disk has room for a copy of the photos, leaving out what the store may hold already.

    Raises:
        HomeProblem: it has not.
    """
    free = shutil.disk_usage(library.root).free
    needed = _bytes_below(photos)
    if needed > free and needed - _bytes_below(library.store) > free:
        raise HomeProblem(
            zh=f"磁盘空间不足：照片有 {needed // _MIB} MiB，{library.root} 只剩 {free // _MIB} MiB。"
            "可以加上 INPLACE=1 就地使用而不复制，或用 LIBRARY= 换一个磁盘。",
            en=f"no disk space: the photos take {needed // _MIB} MiB, {free // _MIB} MiB are left at {library.root}. "
            "Add INPLACE=1 to use them where they lie, or choose another disk with LIBRARY=.",
        )


def _bytes_below(path: Path) -> int:
    """Add up the sizes of the files below a folder; what cannot be read counts nothing."""
    if path.is_file():
        return path.stat().st_size
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += (Path(folder) / name).lstat().st_size
            except OSError:
                continue
    return total
