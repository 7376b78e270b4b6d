"""Captions of a photo: what people wrote of it, and what its names say once cameras' and programs' words are gone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import PurePosixPath

from soutu_services.tuning.library import LibraryPhoto

__all__ = ["captions_of", "cleaned_name"]

_MOST_CHARACTERS = 200
_LEAST_LETTERS = 3

_IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_COUNTED_THINGS = "岁个只位名条头匹辆口周天次月年级班届层楼路号米斤大"
_WORD = re.compile(
    rf"(?:(?<![\d_.-])[1-9]\d{{0,2}}(?=[{_COUNTED_THINGS}]))?[{_IDEOGRAPHS}]+(?:\d{{1,3}}[{_IDEOGRAPHS}]+)*|(?:(?![{_IDEOGRAPHS}])[^\W\d_])+"
)
"""A small number inside Chinese words belongs to them, as in 奶奶80岁生日, and so does one before them that counts: 80岁生日."""
_HAS_IDEOGRAPH = re.compile(f"[{_IDEOGRAPHS}]")
_CHINESE_DATE = re.compile(r"\d{2,4}年(\d{1,2}月(\d{1,2}[日号])?)?|\d{1,2}月\d{1,2}[日号]|[上下]午\d{1,2}")
_CODE = re.compile(rf"(?<![^\W{_IDEOGRAPHS}])(?=[0-9a-z_-]*\d)[0-9a-z_-]{{5,}}(?![^\W{_IDEOGRAPHS}])", re.IGNORECASE)
"""A run of letters and digits that holds a digit: a number of a camera, a date, a digest."""
_COUNTED = re.compile(r"[(（\[]\s*\d+\s*[)）\]]")
_CAMERAS_WORD_LIST = (
    "img dsc dscn dscf dji gopr pxl mvimg pano panorama burst vid wp cimg imgp sam kimg hpim mmexport wx fb "
    "screenshot screenshots dcim apple android canon nikon sony whatsapp wechat weixin qq micromsg tencent google takeout icloud "
    "download downloads export exported upload uploads copy edited untitled tmp temp thumb jpg jpeg png heic raw backup backups "
    "iphone ipad fullsizerender hipstamatic "
    "图片 图像 照片 相片 相册 相机 微信 微信图片 微信照片 微信截图 微信图片编辑 屏幕截图 屏幕快照 截图录屏 截屏 截图 选择区域 "
    "副本 复制 未命名 新建 新建文件夹 文件夹 下载 导出 上传 备份 原图 保存 保存的图片 手机 手机照片 手机相册 手机备份 我的照片 "
    "我的图片 所有照片 相机胶卷 最近项目 未分类 来自 空间 百度网盘 图库 其他 其它 杂 临时 扫描 扫描件 美图 剪辑 编辑"
)
_CAMERAS_WORDS = frozenset(_CAMERAS_WORD_LIST.split())
_WORDS_BESIDE_LIST = (
    "image images camera photo photos picture pictures pic pics screen shot new old folder scan scans cover portrait original "
    "originals media album albums misc users home desktop documents roll library from at am pm of the my other others"
)
_WORDS_BESIDE = frozenset(_WORDS_BESIDE_LIST.split())
"""Words that tell nothing alone, or with cameras' words, and belong to a name that says more: at home with grandma."""


def captions_of(photo: LibraryPhoto) -> list[str]:
    """Return what can be said of a photo, each once: its caption's lines, its tags together, its files' and folders' names.

    What people wrote stays as it is; names are cleaned. Nothing: neither tells anything.
    """
    said = [" ".join(line.split()) for line in photo.caption.splitlines()]
    said.append(" ".join(photo.tags))
    for name in photo.names:
        path = PurePosixPath(name)
        said.append(cleaned_name(path.stem))
        said.append(next(_telling_folders(path), ""))
    return list(dict.fromkeys(one[:_MOST_CHARACTERS].strip() for one in said if one.strip()))


def cleaned_name(name: str) -> str:
    """Return the words of a file's or folder's name that a person wrote; empty if there are none.

    Numbers, dates, digests, counts of copies and words of cameras and programs (``IMG``, ``DCIM``, ``微信图片``) are none.
    A name of other letters than Chinese must have three of them.
    """
    text = unicodedata.normalize("NFKC", name)
    for pattern in (_COUNTED, _CHINESE_DATE, _CODE):
        text = pattern.sub(" ", text)
    words = [word for word in _WORD.findall(text) if word.lower() not in _CAMERAS_WORDS]
    if all(word.lower() in _WORDS_BESIDE for word in words):
        return ""
    if not any(_HAS_IDEOGRAPH.match(word) for word in words) and sum(map(len, words)) < _LEAST_LETTERS:
        return ""
    return " ".join(words)


def _telling_folders(path: PurePosixPath) -> Iterator[str]:
    for folder in reversed(path.parts[:-1]):
        cleaned = cleaned_name(folder)
        if cleaned:
            yield cleaned
