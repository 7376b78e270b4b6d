"""What people ask: sentences of about ten tokens, each once, so that no cache knows it; one in four names an album or a tag."""

from __future__ import annotations

from soutu_client import Filter

__all__ = ["FILTER", "sentence"]

_WHEN = ("去年", "前年夏天", "春节", "那年冬天", "周末", "毕业那天", "小时候")
_WHERE = ("在海边", "在奶奶家", "在学校门口", "相册7里", "去旅行", "在厨房里", "在公园", "标签3上")
_WHAT = (
    "放风筝的孩子",
    "红色的自行车",
    "奔跑的狗",
    "一桌年夜饭",
    "睡着的猫",
    "大家的合影",
    "落日和船",
    "新书包",
    "骑马的人",
    "生日蛋糕",
    "樱花树",
)

FILTER = Filter(taken_from="2012", taken_until="2019", cameras=("canon", "iphone"), formats=("jpeg",))
"""About one photo in seven."""


def sentence(number: int) -> str:
    """Make a sentence; the first 616 differ, and the 616 after them say it otherwise."""
    times, rest = divmod(number, len(_WHEN) * len(_WHERE) * len(_WHAT))
    rest, when = divmod(rest, len(_WHEN))
    what, where = divmod(rest, len(_WHERE))
    return f"{_WHEN[when]}{_WHERE[where]}{_WHAT[what]}{'呀啊呢嘛吧'[(times - 1) % 5] * ((times + 4) // 5) if times else ''}"
