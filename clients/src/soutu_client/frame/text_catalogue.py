"""Every text of the frame, in both languages."""

from __future__ import annotations

from soutu_client._language import Language, Text

__all__ = ["TEXTS", "say"]

TEXTS: dict[str, Text] = {
    # What is wrong with the settings or the machine: one line at the terminal
    "settings.bad": Text(zh="设置 {name} 不对，请改正：{why}", en="the setting {name} is not right, correct it: {why}"),
    "settings.file": Text(zh="设置文件 {path} 读不了：{why}", en="the settings file {path} cannot be read: {why}"),
    "settings.unknown": Text(zh="没有这个设置", en="there is no such setting"),
    "settings.number": Text(zh="应是 {least} 到 {most} 之间的数", en="it is a number from {least} to {most}"),
    "settings.choice": Text(zh="应是其中之一：{choices}", en="it is one of {choices}"),
    "settings.size": Text(zh="应写成 宽x高，例如 1920x1080", en="write it as WIDTHxHEIGHT, for instance 1920x1080"),
    "settings.hours": Text(zh="应写成 时:分-时:分，例如 22:30-07:00", en="write it as HH:MM-HH:MM, for instance 22:30-07:00"),
    "settings.listen": Text(zh="应写成 地址:端口，例如 0.0.0.0:8405", en="write it as ADDRESS:PORT, for instance 0.0.0.0:8405"),
    "settings.pins": Text(
        zh="应写成 按钮=针脚，例如 next=5,like=6,pause=13,search=19",
        en="write button=pin, for instance next=5,like=6,pause=13,search=19",
    ),
    "settings.queries": Text(
        zh="应是一串查询，用分号隔开（TOML 里是列表）",
        en="it is a list of queries, with semicolons between them (in TOML, an array)",
    ),
    "settings.text": Text(zh="应是文字", en="it is a text"),
    "display.none": Text(
        zh="没有可用的显示器（{why}）：接上屏幕，在桌面里启动，或设 SDL_VIDEODRIVER=kmsdrm，并让用户属于 video、render 两个组",
        en="no display can be used ({why}): connect a screen, start it within a desktop, or set SDL_VIDEODRIVER=kmsdrm and"
        " have the user in the groups video and render",
    ),
    "extra.missing": Text(
        zh="缺少 {name}：请用 pip install 'soutu-client[pi]' 安装",
        en="{name} is missing: install it with pip install 'soutu-client[pi]'",
    ),
    "font.none": Text(
        zh="系统里没有带汉字的字体，画面上的字改用英文：sudo apt install fonts-noto-cjk，或用 SOUTU_FRAME_FONT 指定字体文件",
        en="no font with Chinese characters was found, so the screen speaks English: sudo apt install fonts-noto-cjk, or name a"
        " font file in SOUTU_FRAME_FONT",
    ),
    "cache.none": Text(
        zh="缓存文件夹写不了（{why}）：服务不在时将没有照片可放；请检查 SOUTU_FRAME_CACHE_FOLDER",
        en="the cache cannot be written ({why}), so there is nothing to show while the service is away:"
        " check SOUTU_FRAME_CACHE_FOLDER",
    ),
    "phone.cannot_listen": Text(
        zh="手机页面开不了（{listen}：{why}）：请换一个端口（SOUTU_FRAME_LISTEN）；相框照常运行",
        en="the page for phones cannot be served ({listen}: {why}): choose another port in SOUTU_FRAME_LISTEN; the frame goes on",
    ),
    "buttons.none": Text(
        zh="GPIO 按钮用不了（{why}）：请检查接线和 python3-lgpio；相框照常运行",
        en="the GPIO buttons cannot be used ({why}): check the wiring and python3-lgpio; the frame goes on",
    ),
    "turn.failed": Text(zh="内部出错（{why}），相框继续运行", en="something went wrong inside ({why}); the frame goes on"),
    # On the screen
    "screen.starting": Text(zh="正在找照片……", en="Looking for photos …"),
    "screen.nothing": Text(zh="没有找到“{query}”", en='Nothing was found for "{query}"'),
    "screen.nothing_hint": Text(zh="稍后随机放照片", en="Random photos follow in a moment"),
    "screen.empty": Text(zh="图库里还没有照片", en="There are no photos in the library yet"),
    "screen.empty_hint": Text(zh="用 soutu add 或网页添加", en="Add some with soutu add, or on the page"),
    "screen.away": Text(zh="连不上家里的照片", en="The photos of the home cannot be reached"),
    "screen.refused": Text(zh="这样找不了：{query}", en="This cannot be looked for: {query}"),
    "screen.away_sign": Text(zh="服务不在 · 放的是存下的照片", en="service away · showing what is kept here"),
    "screen.no_font": Text(
        zh="没有带汉字的字体：sudo apt install fonts-noto-cjk",
        en="No font has Chinese characters: sudo apt install fonts-noto-cjk",
    ),
    "screen.like_refused": Text(zh="这个令牌不能收藏", en="This token may not mark favourites"),
    "list.title": Text(zh="看什么？", en="What to show?"),
    "list.phone": Text(zh="用手机写", en="Write it on a phone"),
    "list.keys": Text(
        zh="下一张键：往下   收藏键：往上   暂停键：就看这个   搜索键：返回",
        en="Next: down   Like: up   Pause: show this   Search: back",
    ),
    "phone.title": Text(zh="用手机扫一扫，写下想看的", en="Scan this with a phone, and write what to show"),
    "phone.page_title": Text(zh="用手机扫一扫，打开家里的网页", en="Scan this with a phone to open the home's page"),
    "phone.closed": Text(zh="手机还不能用", en="Phones cannot be used yet"),
    "phone.closed_hint": Text(
        zh="请设 SOUTU_FRAME_LISTEN=0.0.0.0:8405，再启动一次", en="Set SOUTU_FRAME_LISTEN=0.0.0.0:8405, and start again"
    ),
    "phone.once": Text(
        zh="只在家里的网络上有效，{minutes} 分钟后作废", en="It works in the home's network alone, for {minutes} minutes"
    ),
    "bar.like": Text(zh="收藏", en="Like"),
    "bar.pause": Text(zh="暂停", en="Pause"),
    "bar.go": Text(zh="继续", en="Go on"),
    "bar.search": Text(zh="搜索", en="Search"),
    "bar.next": Text(zh="下一张", en="Next"),
    # Queries
    "query.random": Text(zh="随机", en="Random"),
    "query.on_this_day": Text(zh="去年的今天", en="On this day"),
    "query.favourites": Text(zh="收藏", en="Favourites"),
    "query.newest": Text(zh="最新", en="Newest"),
    "query.only_not": Text(zh="请也写上想看的", en="Write what to show as well"),
    "query.unknown": Text(zh="不认识 /{name}", en="/{name} is not known"),
    "query.empty": Text(zh="请写下想看的", en="Write what to show"),
    "query.long": Text(zh="太长了，最多 {most} 字", en="too long: at most {most} characters"),
    # The page for phones
    "page.title": Text(zh="相框看什么？", en="What shall the frame show?"),
    "page.example": Text(zh="孩子们在海边", en="children at the beach"),
    "page.show": Text(zh="放", en="Show"),
    "page.shown": Text(zh="相框正在放“{query}”", en='The frame shows "{query}" now'),
    "page.gone": Text(
        zh="这个地址已经作废，请再扫一次相框上的码", en="This address is no longer valid: scan the frame's code again"
    ),
    "page.large": Text(zh="太长了", en="That is too long"),
}
"""Key → text, with the same placeholders in both languages."""


def say(language: Language, key: str, **values: object) -> str:
    """Return a text with its placeholders filled in."""
    return TEXTS[key].to(language).format(**values)
