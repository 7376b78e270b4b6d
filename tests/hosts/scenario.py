"""An evening in the life of a home's network: what happens to it, and what the design promises meanwhile.

The times that are allowed are for a machine that runs all of this at once beside other tests; a home's are shorter.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from hosts.frame import Frame, why_no_frame
from hosts.home import GPU_NAME, MAC, NAS_NAME, SAMPLES, Home
from hosts.report import Report
from soutu_client import Client, Filter, NoticeReason, PhotoState, SoutuError
from soutu_services.search.wake_on_lan import magic_packet

__all__ = ["play"]

_OFTEN_SECONDS = 0.2


def play(home: Home, report: Report) -> None:
    """Let it happen.

    Raises:
        AssertionError: a promise was not kept.
    """
    with report.event("everything is switched on; TLS and tokens between all"):
        with ThreadPoolExecutor() as both:
            list(both.map(lambda machine: machine.switch_on(), (home.nas, home.gpu)))
        found = report.comes("a client that was told no address finds the NAS by mDNS", lambda: home.connect(None), within=20)
    with found as finding, home.connect(f"{NAS_NAME}:8401") as naming:
        _everything_works(home, report, finding)
        frame = _the_frame(home, report)
        _the_gpu_machine_goes(home, report, naming)
        _the_gpu_machine_comes_back(home, report, naming)
        _the_gpu_machine_falls_silent(home, report, naming)
        _the_gpu_machine_moves(home, report, naming)
        _the_wifi_is_bad(home, report, naming)
        _the_clients_cable_is_pulled(home, report, naming)
        _the_nas_goes_and_comes_back(home, report, naming, finding, frame)
        _the_nas_moves(home, report, naming, finding, frame)
        if frame is not None:
            frame.stop()


def _everything_works(home: Home, report: Report, client: Client) -> None:
    home.pictures("奶奶", "生日.jpg", "IMG_20190704_120000.jpg")
    with report.event("nothing is cut"):
        assert client.address == f"{home.nas.host.address}:8401", client.address
        report.holds("photos are added", lambda: _add(client, home.folder / "pictures" / "奶奶", SAMPLES / "家里"), within=20)
        report.comes("and found by what they show", lambda: _is_settled(client) and client.search("一只猫").hits, within=30)
        report.holds("on the page as well", lambda: _any("奶奶/生日.jpg", home.page("奶奶")), within=10)


def _the_frame(home: Home, report: Report) -> Frame | None:
    reason = why_no_frame()
    with report.event("a photo frame is switched on, which was told no address"):
        if reason:
            report.note(reason)
            return None
        frame = Frame(home.folder, home.authority, home.folder / "data" / "admin-token")
        report.comes("it finds the NAS and shows photos", lambda: len(frame.shown()) > 1, within=30)
        return frame


def _the_gpu_machine_goes(home: Home, report: Report, client: Client) -> None:
    waiting = home.pictures("外婆", "院子.jpg", "厨房.jpg")
    with report.event("the GPU machine loses its power: link down, no goodbye"), _asking(client, report, "奶奶"):
        home.network.cut(home.gpu.host)
        home.gpu.power_off()
        home.heard()
        report.holds("words are searched for by name meanwhile, and it is said why", lambda: _by_name_alone(client), within=10)
        report.holds("photos are added", lambda: _add(client, waiting), within=15)
        report.comes("and found by their names", lambda: _names(client, "外婆") >= {"外婆/院子.jpg", "外婆/厨房.jpg"}, within=15)
        report.holds("and by their dates", lambda: _is_only(client, "2019", "奶奶/IMG_20190704_120000.jpg"), within=5)
        report.holds("a known photo's like are found", lambda: client.similar(_photo_id(client, "奶奶")).hits, within=5)
        report.holds("on the page as well", lambda: _any("外婆/院子.jpg", home.page("外婆")), within=10)
        report.holds("what was added waits as PENDING", lambda: _states(client, "外婆") == {PhotoState.PENDING}, within=5)
        report.comes("the machine is sent its packet to wake", lambda: magic_packet(MAC) in home.heard(), within=30)


def _the_gpu_machine_comes_back(home: Home, report: Report, client: Client) -> None:
    with report.event("the GPU machine is switched on again"):
        home.network.mend(home.gpu.host)
        home.gpu.switch_on()
        report.comes("what waited becomes READY by itself", lambda: _states(client, "外婆") == {PhotoState.READY}, within=40)
        report.comes("and words are searched for in pictures again", lambda: not client.search("一只猫").notices, within=10)


def _the_gpu_machine_falls_silent(home: Home, report: Report, client: Client) -> None:
    with report.event("the GPU machine's cable is pulled for 6 s while it works: connections are half dead"):
        home.network.cut(home.gpu.host)
        folder = home.pictures("爷爷", *(f"{number}.jpg" for number in range(4)))
        report.holds("photos are added", lambda: _add(client, folder), within=15)
        time.sleep(6)
        home.network.mend(home.gpu.host)
        report.comes("they become READY once it is back", lambda: _states(client, "爷爷") == {PhotoState.READY}, within=30)


def _the_gpu_machine_moves(home: Home, report: Report, client: Client) -> None:
    with report.event("the router gives the GPU machine another address"):
        home.network.move(home.gpu.host, "10.77.0.33")
        home.network.know({GPU_NAME: "10.77.0.33"})
        folder = home.pictures("姑姑", "1.jpg", "2.jpg")
        report.holds("photos are added", lambda: _add(client, folder), within=15)
        report.comes("and become READY", lambda: _states(client, "姑姑") == {PhotoState.READY}, within=30)


def _the_wifi_is_bad(home: Home, report: Report, client: Client) -> None:
    by = home.network.spoil(home.client, milliseconds=60, loss=0.03)
    with report.event(f"the client's Wi-Fi is bad: 60 ms each way, 3 % of the frames lost each way (by {by})"):
        folder = home.pictures("舅舅", *(f"{number}.jpg" for number in range(4)), scale=2)
        report.holds("photos are added", lambda: _add(client, folder), within=40)
        report.holds("searching goes on", lambda: _any("舅舅/0.jpg", _names(client, "舅舅")), within=15)
        report.holds("a photo comes whole", lambda: _arrives_whole(client, folder / "0.jpg"), within=20)
        report.note(home.network.heal(home.client))


def _the_clients_cable_is_pulled(home: Home, report: Report, client: Client) -> None:
    folder = home.pictures("表姐", *(f"{number}.jpg" for number in range(12)))
    with report.event("the client's cable is pulled for 6 s while it adds"), ThreadPoolExecutor(1) as beside:
        adding = beside.submit(_add, client, folder)
        time.sleep(0.1)
        home.network.cut(home.client)
        time.sleep(6)
        home.network.mend(home.client)
        report.holds("adding goes on by itself, to its end", adding.result, within=40)
        report.comes("each photo is there once", lambda: len(_hits(client, "表姐")) == 12, within=15)


def _the_nas_goes_and_comes_back(home: Home, report: Report, naming: Client, finding: Client, frame: Frame | None) -> None:
    before = naming.status().photos
    with report.event("the NAS loses its power"):
        home.network.cut(home.nas.host)
        home.nas.power_off()
        with ThreadPoolExecutor() as both:
            ways = (("a client that knows it by name says so in a line", naming), ("and one that knows it by mDNS", finding))
            list(both.map(lambda way: report.holds(way[0], lambda: _says_so(way[1]), within=15), ways))
        if frame is not None:
            before_that = len(frame.shown())
            report.comes("the frame goes on with what it has", lambda: len(frame.shown()) > before_that + 2, within=15)
    with report.event("the NAS is switched on again"):
        home.network.mend(home.nas.host)
        home.nas.switch_on()
        report.comes("the client that knows it by name goes on", lambda: naming.search("奶奶").hits, within=20)
        report.comes("and the one that knows it by mDNS", lambda: finding.search("奶奶").hits, within=20)
        report.holds("nothing is lost", lambda: naming.status().photos == before, within=5)
        report.comes("words are searched for in pictures", lambda: not naming.search("一只猫").notices, within=30)


def _the_nas_moves(home: Home, report: Report, naming: Client, finding: Client, frame: Frame | None) -> None:
    with report.event("the router gives the NAS another address"):
        home.network.move(home.nas.host, "10.77.0.22")
        home.network.know({NAS_NAME: "10.77.0.22"})
        with ThreadPoolExecutor() as both:
            ways = (("the client that knows it by name goes on", naming), ("and the one that knows it by mDNS", finding))
            list(both.map(lambda way: report.comes(way[0], lambda: way[1].search("奶奶").hits, within=30), ways))
        assert finding.address == "10.77.0.22:8401", finding.address
        report.holds("and so does a command that is told no address", lambda: home.soutu("search", "奶奶")["hits"], within=15)
        if frame is not None:
            assert _add(naming, home.pictures("新的", "今天.jpg"))
            (newest,) = _hits(naming, "新的")
            report.comes("the frame shows a photo that was added since", lambda: newest in frame.shown(), within=60)


@contextmanager
def _asking(client: Client, report: Report, text: str) -> Iterator[None]:
    """Search by name again and again meanwhile."""
    stop, slowest, asked, problems = threading.Event(), [0.0], [0], list[str]()

    def ask() -> None:
        while not stop.wait(_OFTEN_SECONDS):
            began = time.monotonic()
            try:
                client.search(filter=Filter(folders=(text,)))
            except SoutuError as error:
                problems.append(error.message)
            asked[0] += 1
            slowest[0] = max(slowest[0], time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert not problems, problems
    report.holds(f"{asked[0]} other searches meanwhile, the slowest in {slowest[0]:.2f} s", lambda: slowest[0] < 5, within=1)


def _add(client: Client, *paths: Path) -> int:
    result = client.add(paths, patience_seconds=60)
    assert result.interruption is None and not result.failed, (result.interruption, result.failed)
    return len(result.added)


def _is_settled(client: Client) -> bool:
    return client.status().photos_pending == 0


def _hits(client: Client, folder: str) -> list[str]:
    return [hit.photo.photo_id for hit in client.search(filter=Filter(folders=(folder,))).hits]


def _names(client: Client, text: str) -> set[str]:
    return {hit.photo.name for hit in client.search(text).hits}


def _photo_id(client: Client, folder: str) -> str:
    return _hits(client, folder)[0]


def _states(client: Client, folder: str) -> set[PhotoState]:
    return {client.photo(photo_id).state for photo_id in _hits(client, folder)}


def _any(name: str, found: set[str] | list[str]) -> bool:
    assert name in found, found
    return True


def _is_only(client: Client, year: str, name: str) -> bool:
    found = [hit.photo.name for hit in client.search(filter=Filter(taken_from=year, taken_until=year)).hits]
    assert found == [name], found
    return True


def _by_name_alone(client: Client) -> bool:
    page = client.search("生日")  # not asked before: the embeddings of the last words are remembered
    assert [notice.reason for notice in page.notices] == [NoticeReason.EMBEDDING_UNAVAILABLE], page.notices
    return _any("奶奶/生日.jpg", {hit.photo.name for hit in page.hits})


def _arrives_whole(client: Client, path: Path) -> bool:
    (photo_id,) = [hit.photo.photo_id for hit in client.search(filter=Filter(folders=(path.parent.name,))).hits[:1]]
    with client.read_original(photo_id) as stream:
        whole = b"".join(stream)
    assert whole in {each.read_bytes() for each in path.parent.iterdir()}
    return True


def _says_so(client: Client) -> bool:
    try:
        client.search("奶奶")
    except SoutuError as error:
        assert "\n" not in error.message and client.address in error.message, error.message
        return True
    raise AssertionError("it answered")
