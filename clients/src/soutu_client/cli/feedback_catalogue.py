"""What ``soutu feedback`` says, and what is said of "not this", in Chinese and English."""

from __future__ import annotations

__all__ = ["FEEDBACK"]

FEEDBACK: dict[str, tuple[str, str]] = {
    "feedback.short": (
        "记下你打开了哪些结果，供以后微调（默认不记）",
        "Keep what you do with results, to learn from (off by default).",
    ),
    "feedback.help": (
        "打开以后，记下搜索的文字，以及你打开、存下、收藏了第几张，或说“不是这个”。只存在这台机器上，从不发送；客人的从不记。"
        "用 soutu-tune fit --use 拿它来微调。",
        "Once it is on, it is kept what was asked, and the photos of which rank you opened, saved, made favourites, or said are"
        " not it. It stays on this machine and is sent nowhere; nothing is kept of guests. soutu-tune fit --use learns from it.",
    ),
    "feedback.action": (
        "on 打开，off 关闭，status 情况，show 看记下了什么，clear 删除，not 说上次结果里的这一张不是要找的；默认 status",
        "on, off, status, show, clear, or not: this one of the last search is not it; default status.",
    ),
    "feedback.rank": ("not 的名次，例如 3", "Rank that not is about, for instance 3."),
    "feedback.on": (
        "从现在起记下，存在 {path}。soutu feedback show 查看，off 关闭，clear 删除",
        "Kept from now on, in {path}. soutu feedback show shows it, off stops it, clear erases it",
    ),
    "feedback.off": (
        "不再记了。记下的还在，soutu feedback clear 删除",
        "Nothing more is kept. What was kept stays until soutu feedback clear",
    ),
    "feedback.is_on": ("正在记", "on"),
    "feedback.is_off": ("没有在记（soutu feedback on 打开）", "off (soutu feedback on turns it on)"),
    "feedback.status": (
        "{state} · {n} 条 · {size} · {path}",
        "{state} · {n} line · {size} · {path}|{state} · {n} lines · {size} · {path}",
    ),
    "feedback.broken": (
        "{n} 行读不懂，已略过",
        "{n} line cannot be read and was left out|{n} lines cannot be read and were left out",
    ),
    "feedback.nothing": ("什么也没记下", "nothing is kept"),
    "feedback.clear_question": ("删除记下的 {n} 条？", "Erase {n} line that was kept?|Erase {n} lines that were kept?"),
    "feedback.cleared": ("已删除 {n} 条", "{n} line erased|{n} lines erased"),
    "feedback.failed": ("使用记录没有写成：{why}", "the record of use could not be written: {why}"),
    "feedback.not_done": ("记下了：第 {rank} 张不是“{text}”", "Kept: photo {rank} is not “{text}”"),
    "feedback.must_be_on": (
        "没有在记，所以不会记住：先运行 soutu feedback on，再搜索一次",
        "nothing is being kept, so this would be forgotten: run soutu feedback on, then search again",
    ),
    "feedback.guest": ("客人的搜索不记", "nothing is kept of guests"),
    "feedback.no_question": (
        "上次搜索时没有在记，不知道找的是什么：请再搜索一次",
        "the last search was made while nothing was kept: search again",
    ),
    "feedback.which": ("哪一张？例如 soutu feedback not 3", "which one? For instance soutu feedback not 3"),
    "feedback.did_open": ("打开", "opened"),
    "feedback.did_download": ("存下", "saved"),
    "feedback.did_favourite": ("收藏", "favourite"),
    "feedback.did_not_this": ("不是这个", "not this"),
    "feedback.did_take_back": ("撤回“不是这个”", "not this, taken back"),
    "feedback.picture": ("〔图片〕", "[a picture]"),
    "column.when": ("时间", "when"),
    "column.done": ("做了什么", "done"),
    "column.asked": ("找的是", "asked"),
}
