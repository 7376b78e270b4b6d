"""The whole house on free ports, over a library that is thrown away."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from soutu_services.home.house import House
from soutu_services.home.library import Library
from soutu_services.home.problem import HomeProblem
from soutu_services.home.settings import HomeSettings
from soutu_services.home.supervisor import Program

__all__ = ["ThrowawayHouse", "throwaway_house"]


@dataclass(frozen=True)
class ThrowawayHouse:
    """A running house. ``inbox`` is the folder of the photos' bucket; ``tick`` looks after the programs, and is to be called.

    ``page`` is the address of its page, if it has one.
    """

    address: str
    inbox: Path
    tick: Callable[[], None]
    page: str = ""


@contextmanager
def throwaway_house(*, has_page: bool = False) -> Iterator[ThrowawayHouse]:
    """Run the house until the block ends, with its page or without.

    Raises:
        HomeProblem: it does not start, or, from ``tick``, one of its programs died.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="soutu-bench-", ignore_cleanup_errors=True))
        search, metrics, embedding, embedding_metrics, store, in_place, web = (f"127.0.0.1:{port}" for port in _free_ports(7))
        settings = HomeSettings(
            library=Path(folder),
            search_listen=search,
            search_metrics_listen=metrics,
            embedding_listen=embedding,
            embedding_metrics_listen=embedding_metrics,
            store_listen=store,
            in_place_listen=in_place,
            web_listen=web if has_page else "",
        )
        library = stack.enter_context(Library.open(settings.library, least_free_bytes=settings.least_free_bytes))
        house = House(settings, library, on_death=_fail)
        stack.callback(house.stop)
        house.start(lambda: False)
        yield ThrowawayHouse(search, library.store / "soutu-photos", house.tick, f"http://{web}" if has_page else "")


def _free_ports(count: int) -> list[int]:
    """Return ports of this machine that nothing listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _fail(program: Program, status: int, pause: float) -> None:
    del pause
    raise HomeProblem(
        zh=f"{program.title.zh}停止了（{status}）",
        en=f"the {program.title.en} stopped ({status})",
    )
