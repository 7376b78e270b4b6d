"""Captions of a photo."""

from __future__ import annotations

import pytest

from soutu_services.tuning.captions import captions_of, cleaned_name
from soutu_services.tuning.library import LibraryPhoto


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("奶奶生日20190501", "奶奶生日"),
        ("2019年5月1日 外婆在院子里", "外婆在院子里"),
        ("2019-05 青海", "青海"),
        ("雪地里的狗-2", "雪地里的狗"),
        ("青海湖 (3)", "青海湖"),
        ("奶奶80岁生日", "奶奶80岁生日"),
        ("IMG_1234 外公", "外公"),
        ("beach_with_grandma", "beach with grandma"),
        ("妈妈the cat", "妈妈 the cat"),
        ("80岁生日", "80岁生日"),
        ("7月在海边", "7月在海边"),
        ("外婆 3个月", "外婆 3个月"),
        ("001外婆", "外婆"),
        ("20190501外婆", "外婆"),
        ("IMG_0012外婆", "外婆"),
        ("at home with grandma", "at home with grandma"),
        ("flowers from my garden copy", "flowers from my garden"),
    ],
)
def test_keeps_what_people_wrote(name: str, words: str) -> None:
    assert cleaned_name(name) == words


@pytest.mark.parametrize(
    "name",
    """IMG_20190501_123000 DSC01234 mmexport1556685000000 微信图片_20200101 P1010001 a1b2c3d4e5f60718 100APPLE DCIM x9
    Screenshot_2019-05-01-12-30-00 1000268201_693b08cb0e 截屏2019-05-01 no1 照片 42
    微信图片编辑_20200101 PXL_20210101_123456789.PORTRAIT FullSizeRender 相机胶卷 最近项目 QQ空间 百度网盘 MicroMsg""".split(),  # noqa: SIM905
)
def test_words_of_cameras_and_programs_tell_nothing(name: str) -> None:
    assert cleaned_name(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        "WhatsApp Image 2020-01-01 at 10.00.00",
        "Screen Shot 2020-01-01 at 12.00.00 PM",
        "屏幕快照 2020-01-01 下午12.00.00",
        "Photos from 2019",
        "Camera Roll",
        "From iPhone",
        "New Folder (3)",
    ],
)
def test_words_of_programs_tell_nothing_together(name: str) -> None:
    assert cleaned_name(name) == ""


def test_gathers_captions_tags_and_names_each_once() -> None:
    photo = LibraryPhoto(
        "0" * 32,
        ("旅行/青海湖/DCIM/IMG_0001.jpg", "旅行/青海湖/青海湖.jpg"),
        tags=("外婆", "湖"),
        caption="外婆在湖边\n  她笑了 ",
    )
    assert captions_of(photo) == ["外婆在湖边", "她笑了", "外婆 湖", "青海湖"]
    assert captions_of(LibraryPhoto("0" * 32, ("DCIM/IMG_0001.jpg",))) == []
