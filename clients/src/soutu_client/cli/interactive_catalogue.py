"""What ``soutu`` says at the terminal, and what ``soutu open`` says, in Chinese and English."""

from __future__ import annotations

__all__ = ["INTERACTIVE"]

INTERACTIVE: dict[str, tuple[str, str]] = {
    # open
    "open.short": ("用看图程序打开一张照片，或打开网页", "Open a photo in a viewer, or the web page."),
    "open.help": (
        "打开一张照片的原图：给它的编号，或上次搜索里的名次（例如 3）。没有屏幕时，只写出文件在哪里。什么都不给则打开网页。",
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
    # soutu alone
    "interactive.welcome": (
        "写下想找的，例如：雪地里的狗 -人。数字打开照片，/帮助 列出其余，Ctrl-D 结束",
        "Write what you look for, for instance: a dog in the snow -people. A number opens a photo, /help lists the rest, Ctrl-D"
        " ends",
    ),
    "interactive.help": (
        '雪地里的狗 -人 -"红 帽子"   要找的，和不要的\n'
        "3                           打开第 3 张\n"
        "/查看 3   /相似 3           它的全部信息；和它相似的\n"
        "/保存 1 3 文件夹            存下原图；不写文件夹就存在这里；名字是数字的写 ./2023\n"
        "/不是 3                     第 3 张不是要找的（soutu feedback on 打开以后）\n"
        "/更多                       接着往下看\n"
        "/从 2023   /到 2023-05      拍摄时间；也可写在要找的后面：海边 /从 2023\n"
        "/文件夹 旅行   /标签 家   /相册 …   /相机 …   /格式 heic   /收藏\n"
        "/从（不带值）               去掉这个条件；/清除 去掉全部\n"
        "/退出                       结束，Ctrl-D 也行",
        'a dog in the snow -people -"red hat"   what to find, and what not\n'
        "3                              open the third photo\n"
        "/show 3   /similar 3           all that is known of it; photos like it\n"
        "/save 1 3 FOLDER               save originals, here if no folder is named; one that is a number: ./2023\n"
        "/not 3                         the third photo is not it (once soutu feedback is on)\n"
        "/more                          the next photos\n"
        "/from 2023   /until 2023-05    when it was taken; also behind the words: the sea /from 2023\n"
        "/folder trip   /tag home   /album …   /camera …   /format heic   /favourite\n"
        "/from (without a value)        no such condition any more; /clear removes all\n"
        "/quit                          the end, as Ctrl-D",
    ),
    "interactive.unknown": ("没有 {name}；/帮助 列出有哪些", "there is no {name}; /help lists what there is"),
    "interactive.which": ("哪一张？请写 1 到 {n} 的数字", "which one? Write a number from 1 to {n}"),
    "interactive.which_to_save": (
        "存哪些？请写 1 到 {n} 的数字；名字是数字的文件夹写成 ./2023",
        "which ones? Write numbers from 1 to {n}, and a folder that is a number as ./2023",
    ),
    "interactive.not_of_search": ("还没有找什么，说不上“不是这个”", "nothing is being looked for, so nothing can be not it"),
    "interactive.no_more": ("没有更多了", "there are no more"),
    "interactive.more": ("还有更多：/更多", "There are more: /more"),
    "interactive.waiting": (
        "{why}。正在等它恢复，然后自动继续；Ctrl-C 不再等",
        "{why}. Waiting for it, to go on by itself; Ctrl-C waits no more",
    ),
}
