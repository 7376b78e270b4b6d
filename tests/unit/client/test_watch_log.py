"""What ``soutu watch`` tells, told by several threads."""

import threading
import time
from typing import Any

from soutu_client.cli.watch_log import WatchLog


class SlowSession:
    """Takes its time to write that something waits."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.is_writing = threading.Event()

    def text(self, key: str, **_: object) -> str:
        return key

    def print_json_line(self, value: dict[str, Any]) -> None:
        self.is_writing.set()
        time.sleep(0.2 if value["event"] == "waiting" else 0)
        self.events.append(value["event"])


def test_threads_that_send_tell_one_after_the_other_and_nothing_behind_the_end() -> None:
    session: Any = SlowSession()
    log = WatchLog(session, as_json=True)
    sender = threading.Thread(target=log.waiting, args=("away",))
    sender.start()
    assert session.is_writing.wait(10)
    log.waiting("")
    log.stopped()
    log.waiting("away again")
    sender.join()
    assert session.events == ["waiting", "resumed", "stopped"]
