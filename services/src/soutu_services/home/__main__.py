"""``soutu-home``, which ``make run`` calls: run the whole house on this machine until Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from soutu_services.home.errands import Errands
from soutu_services.home.house import House
from soutu_services.home.library import Library
from soutu_services.home.photos import check_room, usable_photos
from soutu_services.home.problem import HomeProblem
from soutu_services.home.screen import Screen
from soutu_services.home.security import Security, has_tls, secure
from soutu_services.home.settings import HomeSettings
from soutu_services.home.supervisor import Program
from soutu_services.runtime.addresses import Address
from soutu_services.runtime.errors import SoutuError
from soutu_services.runtime.language import Text, language_of_environment
from soutu_services.runtime.probe import reachable
from soutu_services.runtime.program import RESTART_STATUS
from soutu_services.runtime.settings import load_settings

__all__ = ["main"]

_SEARCH_OF_SAMPLES = "一只猫"
_SEARCH_OF_PHOTOS = "户外的风景"


class _StopRequest:
    """Whether Ctrl-C was pressed or SIGTERM came."""

    def __init__(self) -> None:
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._asked = True

    def __call__(self) -> bool:
        return self._asked


def main() -> None:
    """Run the house. Exit status: 0 stopped as asked, 1 could not run, 2 a setting is wrong."""
    screen = Screen(language_of_environment(os.environ))
    should_stop = _StopRequest()
    try:
        status = _run(load_settings(HomeSettings), screen, should_stop)
    except HomeProblem as problem:
        screen.complain(problem.text)
        status = 1
    except SoutuError as error:
        screen.complain(error.text)
        status = 2
    except OSError as error:
        screen.complain(_cannot_go_on(error))
        status = 1
    sys.exit(status)


def _run(settings: HomeSettings, screen: Screen, should_stop: _StopRequest) -> int:
    photos = None
    if settings.photos is not None:
        photos = usable_photos(settings.photos, settings.library, in_place=settings.in_place)
    elif settings.in_place:
        raise HomeProblem(zh="INPLACE=1 要和 PHOTOS=文件夹 一起用。", en="INPLACE=1 needs PHOTOS=FOLDER beside it.")
    with Library.open(settings.library, least_free_bytes=settings.least_free_bytes) as library:
        if photos is not None and settings.in_place:
            library.add_in_place(photos)
        elif photos is not None and not settings.store_url:
            check_room(photos, library)
        security = secure(settings, library)
        house = House(settings, library, environment=security.environment, on_death=lambda *death: _tell_death(screen, *death))
        done = False
        try:
            with screen.busy(Text(zh="正在启动……（第一次要几秒钟）", en="Starting… (a few seconds the first time)")):
                started = house.start(should_stop)
            if started:
                errands = Errands(settings, security, screen.language, meanwhile=house.tick, should_stop=should_stop)
                _show_house(screen, settings, library, house, security)
                done = _first_steps(screen, settings, library, errands, photos)
                if not settings.once and not should_stop():
                    _show_next_steps(screen, errands)
                    house.run_until(should_stop)
        finally:
            try:
                with screen.busy(Text(zh="正在停止……", en="Stopping…")):
                    house.stop()
            finally:
                house.stop()  # also when the terminal is gone and nothing can be said
        screen.say(Text(zh=f"已停止。照片和资料库都在 {library.root}", en=f"Stopped. Everything is kept in {library.root}"))
        return 0 if done or not settings.once else 1


def _show_house(screen: Screen, settings: HomeSettings, library: Library, house: House, security: Security) -> None:
    screen.heading(Text(zh="搜图 soutu 已经在运行", en="soutu is running"))
    screen.table(
        [
            *_page_here(settings, security),
            (Text(zh="搜索服务", en="search service"), settings.search_listen),
            (Text(zh="向量服务", en="embedding service"), settings.embedding_address or settings.embedding_listen),
            *(
                ((Text(zh="文字向量服务", en="text embedding service"), settings.text_embedding_address),)
                if settings.text_embedding_address
                else ()
            ),
            (Text(zh="照片存储（S3）", en="photo store (S3)"), settings.store_url or f"http://{settings.store_listen}"),
            (Text(zh="资料库", en="library"), str(library.root)),
            *((Text(zh="就地相册", en="folder in place"), folder.path) for folder in library.in_place_folders),
            (Text(zh="日志", en="logs"), str(library.logs)),
        ]
    )
    if security.host:
        _show_way_in(screen, settings, security)
    elif house.is_open_to_others and security.authority is None:
        screen.complain(
            Text(
                zh="注意：没有加密：网络里的人能看到传输的照片和令牌。要加密，请用 make run SECURE=1 HOST=这台机器的名字。",
                en="Beware: there is no encryption: whoever is in the network can see the photos and tokens that pass. "
                "make run SECURE=1 HOST=this-machine encrypts.",
            )
        )
    for folder in house.missing_folders:
        screen.complain(
            Text(
                zh=f"找不到就地使用的文件夹 {folder.path}：它的照片仍能搜到，但打不开原图。接好磁盘后请重新启动。",
                en=f"the folder {folder.path} is not there: its photos are found, but not opened. Plug it in and start again.",
            )
        )


def _page_here(settings: HomeSettings, security: Security) -> list[tuple[Text, str]]:
    if not settings.web_listen:
        return []
    scheme = "https" if has_tls(security.environment, "WEB") else "http"
    address = reachable(Address.parse(settings.web_listen))
    return [(Text(zh="网页（用浏览器打开）", en="web page (open it in a browser)"), f"{scheme}://{address}")]


def _show_way_in(screen: Screen, settings: HomeSettings, security: Security) -> None:
    """Say what other machines need, a Raspberry Pi for instance. The token itself is never shown: its file is."""
    address = Address.parse(settings.search_listen)
    if not address.is_loopback:
        screen.heading(Text(zh="别的机器怎样连接（已加密，需要令牌）", en="How other machines connect (encrypted, with a token)"))
        reached = Address(security.host, address.port)
        screen.table(
            [
                *_page_elsewhere(settings, security),
                (Text(zh="地址", en="address"), f"SOUTU_ADDRESS={reached}"),
                (Text(zh="把这个文件复制过去", en="copy this file there"), str(security.authority)),
                (Text(zh="并设置", en="and set"), "SOUTU_AUTHORITY=ca.pem"),
                (Text(zh="管理令牌在", en="the admin token is in"), str(security.token_file)),
                (Text(zh="给家人一个令牌", en="a token for the family"), "soutu tokens create NAME --scope write"),
                (Text(zh="给客人一个令牌", en="a token for a guest"), "soutu tokens create NAME --scope read --folder FOLDER"),
            ]
        )


def _page_elsewhere(settings: HomeSettings, security: Security) -> list[tuple[Text, str]]:
    if not settings.web_listen or Address.parse(settings.web_listen).is_loopback:
        return []
    page = Address(security.host, Address.parse(settings.web_listen).port)
    return [(Text(zh="网页（用令牌登录）", en="web page (log in with a token)"), f"https://{page}")]


def _first_steps(screen: Screen, settings: HomeSettings, library: Library, errands: Errands, photos: Path | None) -> bool:
    """Add what there is to add and answer a first search; say whether all of it worked."""
    if not errands.can_run:
        screen.complain(
            Text(zh="没有安装命令行 soutu，跳过第一次搜索。", en="the command line soutu is not installed: no first search.")
        )
        return False
    sentence = settings.first_search
    if photos is not None and settings.in_place:
        screen.heading(Text(zh=f"正在读取 {photos}（就地使用，不复制）", en=f"Reading {photos} (in place, nothing is copied)"))
        worked = errands.sync()
    elif photos is not None:
        screen.heading(Text(zh=f"正在添加 {photos}", en=f"Adding {photos}"))
        worked = errands.add(photos)
    elif library.is_fresh and settings.samples is not None and settings.samples.is_dir():
        screen.heading(Text(zh="资料库是空的，先添加几张示例照片", en="The library is empty: adding a few sample photos"))
        worked = errands.add(settings.samples.absolute())
        sentence = sentence or _SEARCH_OF_SAMPLES
    elif not sentence:
        screen.heading(Text(zh="资料库", en="The library"))
        return errands.status()
    else:
        worked = True
    if worked:
        try:
            library.remember_welcome()
        except HomeProblem as problem:  # the samples are offered again next time, and that is all
            screen.complain(problem.text)
        sentence = sentence or _SEARCH_OF_PHOTOS
        screen.heading(Text(zh=f"第一次搜索：{sentence}", en=f"A first search: {sentence}"))
        worked = errands.search(sentence)
    return worked


def _show_next_steps(screen: Screen, errands: Errands) -> None:
    screen.heading(Text(zh="接下来（另开一个终端）", en="Next (in another terminal)"))
    screen.table(
        [
            (Text(zh="搜索", en="search"), errands.spelled("search", "在雪地里奔跑的狗")),
            (Text(zh="添加照片", en="add photos"), errands.spelled("add", Text(zh="文件夹", en="FOLDER").to(screen.language))),
            (Text(zh="看看状态", en="see the status"), errands.spelled("status")),
            (Text(zh="停止", en="stop"), "Ctrl-C"),
        ]
    )


def _cannot_go_on(error: OSError) -> Text:
    """Say what the system refused, for instance to write a log on a full disk or to start a program."""
    place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    reason = f"{place}{error.strerror or type(error).__name__}"
    return Text(
        zh=f"无法继续（{reason}）。请检查磁盘空间和权限，再重新启动。",
        en=f"cannot go on ({reason}). Check the disk's free space and the permissions, then start again.",
    )


def _tell_death(screen: Screen, program: Program, status: int, pause: float) -> None:
    if status == RESTART_STATUS:
        screen.say(
            Text(
                zh=f"{program.title.zh}要用恢复的备份重新启动，{pause:g} 秒后开始。",
                en=f"the {program.title.en} starts again in {pause:g} s with the backup that was restored.",
            )
        )
        return
    how = (
        Text(zh=f"信号 {-status}", en=f"signal {-status}")
        if status < 0
        else Text(zh=f"退出码 {status}", en=f"exit status {status}")
    )
    screen.complain(
        Text(
            zh=f"{program.title.zh}停止了（{how.zh}），{pause:g} 秒后自动重新启动。",
            en=f"the {program.title.en} stopped ({how.en}); it is started again in {pause:g} s.",
        )
    )


if __name__ == "__main__":
    main()
