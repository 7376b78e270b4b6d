"""What ``soutu`` says at the terminal, and what ``soutu open`` says, in Chinese and English."""

from __future__ import annotations

__all__ = ["INTERACTIVE"]

INTERACTIVE: dict[str, tuple[str, str]] = {
    # open
    "open.short": ("用系统的看图程序打开一张照片，或打开网页", "Open a photo in the system's viewer, or the web page."),
    "open.help": (
        "打开一张照片的原图：给它的编号，或上一次搜索结果里的名次（例如 3）。没有屏幕时，只写出文件在哪里。什么都不给时打开网页。",
        "Open a photo's original: its id, or its rank (3, for instance) in what was last found. Where there is no screen, say"
        " where the file is. With nothing: open the web page.",
    ),
    "open.photo": ("照片编号，或上次结果里的名次", "A photo id, or a rank in what was last found."),
    "open.opened": ("已打开 {path}", "Opened {path}"),
    "open.no_viewer": ("没有可用的看图程序；原图在 {path}", "There is no program to show it; the original is {path}"),
    "open.page": ("网页：{url}", "The web page: {url}"),
    "open.no_page": (
        "没有找到网页：{url} 没有回应。请在那台机器上确认网页在运行，或直接在浏览器里打开它的地址",
        "the web page was not found: {url} does not answer. Check that it runs on that machine, or open its address in a browser",
    ),
    "open.no_search": ("还没有搜索过：先运行 soutu search", "nothing was searched for yet: run soutu search first"),
    "open.no_rank": ("上次只找到 {n} 张", "the last search found {n} photo|the last search found {n} photos"),
}
