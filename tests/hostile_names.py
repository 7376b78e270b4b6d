"""Names that files should not have, and have."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

__all__ = ["CONTROL", "DIRECTION", "UPLOADS", "UploadName", "does_something", "on_disk"]

CONTROL = "\x00\x01\a\b\t\n\r\x1b\x7f\x85\x9b"
DIRECTION = "\u200e\u200f\u202a\u202e\u2066\u2069\u200b\ufeff\u2028\U000e0041"


def does_something(text: str) -> set[str]:
    """Characters of a text, besides line breaks, that do something to a terminal instead of being seen."""
    return {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - set("\n\u200c\u200d")


@dataclass(frozen=True)
class UploadName:
    """A name that a client sends, the key that it is stored under (None: it is refused), and a word that finds it."""

    given: str
    key: str | None
    word: str = ""


UPLOADS = (
    UploadName("../上级.jpg", None),
    UploadName("旅行/../../上级.jpg", None),
    UploadName("..\\上级.jpg", None),
    UploadName("旅行\\..\\..\\上级.jpg", None),
    UploadName(".\u202e./上级.jpg", None),
    UploadName("a/.\x00./上级.jpg", None),
    UploadName("/绝对.jpg", None),
    UploadName("\u200b/绝对.jpg", None),
    UploadName("\\\\服务器\\共享.jpg", None),
    UploadName("C:\\盘符.jpg", None),
    UploadName("c:盘符.jpg", None),
    UploadName("", None),
    UploadName("\x00", None),
    UploadName("\u202e\u200b", None),
    UploadName("///", None),
    UploadName(".", None),
    UploadName("..", None),
    UploadName("字" * 341 + ".jpg", None),
    UploadName("/".join(["深山"] * 171), None),
    UploadName("e\u0301" * 2000 + ".jpg", None),
    UploadName(f"控制{CONTROL}字符.jpg", "控制字符.jpg", "控制字符"),
    UploadName(f"方向{DIRECTION}标记.jpg", "方向标记.jpg", "方向标记"),
    UploadName("相片\u202egpj.exe.jpg", "相片gpj.exe.jpg", "相片"),
    UploadName("换\n行.jpg", "换行.jpg", "换行"),
    UploadName("全家\u200d福.jpg", "全家\u200d福.jpg", "全家"),
    UploadName("cafe\u0301咖啡.jpg", "caf\u00e9咖啡.jpg", "cafe\u0301"),
    UploadName("\u1ec7越南.jpg", "\u1ec7越南.jpg", "e\u0323\u0302越南"),
    UploadName("大写/IMG.JPG", "大写/IMG.JPG", "大写"),
    UploadName("大写/img.jpg", "大写/img.jpg", "大写"),
    UploadName("末尾点.jpg.", "末尾点.jpg.", "末尾点"),
    UploadName("末尾空格.jpg  ", "末尾空格.jpg", "末尾空格"),
    UploadName(" 开头空格.jpg", "开头空格.jpg", "开头空格"),
    UploadName("文件夹点./图.jpg", "文件夹点./图.jpg", "文件夹点"),
    UploadName("空//段/./落.jpg", "空/段/落.jpg", "段"),
    UploadName("反\\斜\\杠.jpg", "反/斜/杠.jpg", "斜"),
    UploadName("爸:妈.jpg", "爸:妈.jpg", "爸"),
    UploadName("设备/CON", "设备/CON", "设备"),
    UploadName("设备/nul.jpg", "设备/nul.jpg", "nul"),
    UploadName('怪?*<>|"符.jpg', '怪?*<>|"符.jpg', "怪"),
    UploadName("百分%2e%2e%2f号.jpg", "百分%2e%2e%2f号.jpg", "百分"),
    UploadName("加+与&amp;=.jpg", "加+与&amp;=.jpg", "加"),
    UploadName("--rf.jpg", "--rf.jpg", "rf"),
    UploadName("$(id)`id`.jpg", "$(id)`id`.jpg", "id"),
    UploadName("字" * 78 + ".jpg", "字" * 78 + ".jpg", "字字"),
    UploadName("深/" * 200 + "谷.jpg", "深/" * 200 + "谷.jpg", "谷"),
    UploadName("非\uffff字符.jpg", "非\uffff字符.jpg", "字符"),
)


def on_disk() -> list[bytes]:
    """Paths of files that a file server's folder can hold, whatever an S3 server makes of them."""
    return [
        b"esc\x1b[31mred.jpg",
        b"new\nline.jpg",
        b"tab\tbell\a.jpg",
        b"del\x7f.jpg",
        "rtl\u202egpj.exe.jpg".encode(),
        "zero\u200bwidth\ufeff.jpg".encode(),
        "c1\x9b31m.jpg".encode(),
        "cafe\u0301.jpg".encode(),
        "caf\u00e9.jpg".encode(),
        "e\u0301/same.jpg".encode(),
        "\u00e9/same.jpg".encode(),
        b"CASE.jpg",
        b"case.jpg",
        b"dots...jpg",
        b"trailing.jpg.",
        b"trailing.jpg ",
        b" leading.jpg",
        b"folder./a.jpg",
        b"folder /a.jpg",
        b"back\\slash.jpg",
        b"a\\..\\..\\up.jpg",
        b"C:\\drive.jpg",
        b"con.jpg",
        b"NUL",
        b'q?*<>|".jpg',
        b"percent%2e%2e%2f%00.jpg",
        b"plus+and&amp;=;#.jpg",
        b"--rf.jpg",
        b"$(id)`id`'.jpg",
        ("字" * 83 + ".jpg").encode(),
        ("深" * 60 + "/").encode() * 5 + b"far.jpg",
        b"d/" * 200 + b"deep.jpg",
        "noncharacter\uffff.jpg".encode(),
        "\uff0ffull\uff0e\uff0ewidth.jpg".encode(),
        "旅行/雪.jpg".encode("gbk"),
        b"broken\xff\xfe.jpg",
        "quote\u201b.jpg".encode(),
    ]
