"""``make bench ONLY=client``: what it costs to load the SDK, and what ``soutu search`` costs beyond the query.

Every program is run again and again, in turn with the others, so that what else the machine does slows all alike. Times are those
of the processor, beside those of the clock; the baseline is ``import grpc``, without which no client can be. Modules are compiled
before, as they are where soutu is installed. Results go to ``.bench/client.json`` and ``.bench/client.png``. ``SECONDS`` says for
how long, by default 30.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.bars import Bar, Group, draw_bars
from bench.markdown import table
from colour_encoder import ColourServer
from object_store import serve_folder
from patience import eventually
from search_process import SearchProcess
from soutu_client import Client

__all__ = ["main"]

_FOLDER = Path(".bench")
_BASELINE = "import grpc"
_PROGRAMS = {
    "nothing": "pass",
    _BASELINE: "import grpc",
    "import soutu_client": "import soutu_client",
    "from soutu_client import Client": "from soutu_client import Client",
}
_SEARCH_PROGRAM = "from soutu_client.cli.main import run; run(['search', '红'])"
_SEARCH, _QUERY = "soutu search", "the query alone"
_MOST = {"import soutu_client": 150.0, "from soutu_client import Client": 150.0, _SEARCH: 350.0}
_MOST_MIB = 40.0
_SAMPLES = Path("deploy/samples")
_TELL_MEMORY = "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"


@dataclass
class _Runs:
    """What the runs of a program took: in milliseconds on the clock and of the processor."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run it once."""
        began = time.perf_counter()
        process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        self.clock.append(1000 * (time.perf_counter() - began))
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, command
        self.processor.append(1000 * (used.ru_utime + used.ru_stime))

    def told(self) -> dict[str, float]:
        """Return the medians."""
        return {"ms": round(statistics.median(self.clock), 1), "cpu_ms": round(statistics.median(self.processor), 1)}


def _mib(program: str, environment: Mapping[str, str]) -> float:
    """Run a program, and return how much memory it had at most in MiB; what a child inherits from its parent is not in it."""
    told = subprocess.run(
        [sys.executable, "-c", f"{program}; {_TELL_MEMORY}"], env=dict(environment), check=True, capture_output=True, text=True
    )
    return round(int(told.stdout.splitlines()[-1]) / 1024, 1)


def main() -> int:
    """Measure, and write what came out."""
    seconds = float(os.environ.get("SECONDS", "") or 30)
    _FOLDER.mkdir(exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soutu-bench-")))
        search = _library(stack, folder)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPYCACHEPREFIX": str(folder / "compiled"), "SOUTU_ADDRESS": search, "XDG_STATE_HOME": str(folder)}
        commands = {name: [sys.executable, "-c", program] for name, program in _PROGRAMS.items()}
        commands[_SEARCH] = [str(Path(sys.executable).with_name("soutu")), "search", "红"]
        for command in commands.values():
            _Runs().run(command, environment)  # compiles
        runs = {name: _Runs() for name in commands}
        queries: list[float] = []
        with Client(search) as client:
            until = time.monotonic() + seconds
            while time.monotonic() < until or not queries:
                for name, command in commands.items():
                    runs[name].run(command, environment)
                began = time.perf_counter()
                client.search("红", page_size=20)
                queries.append(1000 * (time.perf_counter() - began))
        memory = {name: _mib(program, environment) for name, program in (_PROGRAMS | {_SEARCH: _SEARCH_PROGRAM}).items()}
    told: dict[str, Any] = {name: {**one.told(), "mib": memory[name]} for name, one in runs.items()}
    told[_QUERY] = {"ms": round(statistics.median(queries), 1)}
    told["rounds"] = len(queries)
    (_FOLDER / "client.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(_table(told))
    _plot(told, _FOLDER / "client.png")
    return 0


def _library(stack: ExitStack, folder: Path) -> str:
    """Serve the sample photos until the stack is unwound; return the search service's address."""
    embedding = ColourServer()
    stack.callback(embedding.stop)
    (folder / "s3").mkdir()
    store = stack.enter_context(serve_folder(folder / "s3"))
    process = SearchProcess(
        {
            "SOUTU_SEARCH_LISTEN": "127.0.0.1:0",
            "SOUTU_SEARCH_METRICS_LISTEN": "",
            "SOUTU_SEARCH_DATA_FOLDER": str(folder / "data"),
            "SOUTU_SEARCH_STORE__URL": store.url,
            "SOUTU_SEARCH_STORE__ACCESS_KEY": store.settings.access_key,
            "SOUTU_SEARCH_STORE__SECRET_KEY": store.settings.secret_key.get_secret_value(),
            "SOUTU_SEARCH_EMBEDDING_ADDRESS": embedding.address,
        }
    )
    stack.callback(process.end)
    with Client(process.wait_ready()) as client:
        eventually(lambda: client.status().spaces)
        client.wait_until_ready([file.photo_id for file in client.add(_SAMPLES).added])
    return process.address


def _table(told: Mapping[str, Any]) -> str:
    grpc = told[_BASELINE]["cpu_ms"]
    rows = []
    for name in (*_PROGRAMS, _SEARCH):
        one = told[name]
        beyond = one["ms"] - (told[_QUERY]["ms"] if name == _SEARCH else told["nothing"]["ms"])
        target = f"{_MOST[name]:g} ms" + ("" if name == _SEARCH else f", {_MOST_MIB:g} MiB") if name in _MOST else ""
        rows.append((name, one["ms"], round(beyond, 1), one["cpu_ms"], round(one["cpu_ms"] / grpc, 2), one["mib"], target))
    rows.append((_QUERY, told[_QUERY]["ms"], "", "", "", "", ""))
    head = ("", "ms", "beyond (Python, or the query)", "cpu ms", f"cpu / {_BASELINE}", "MiB", "at most")
    return f"## The client, medians of {told['rounds']} rounds\n\n{table(head, rows)}"


def _plot(told: Mapping[str, Any], path: Path) -> None:
    names = (*_PROGRAMS, _SEARCH)
    times = [Bar(name, told[name]["ms"], f"{told[name]['ms']:g} ms", name == _BASELINE) for name in names]
    memory = [Bar(name, told[name]["mib"], f"{told[name]['mib']:g} MiB", name == _BASELINE) for name in names]
    most = _MOST[_SEARCH] + told[_QUERY]["ms"]
    draw_bars(
        [
            Group(f"Time on the clock; the line: {_MOST[_SEARCH]:g} ms beyond the query", times, most),
            Group(f"Most resident memory; the line: {_MOST_MIB:g} MiB for the SDK", memory, _MOST_MIB),
        ],
        path,
    )


if __name__ == "__main__":
    sys.exit(main())
