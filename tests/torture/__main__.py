"""Kill the search service again and again while it works, and see whether anything that it acknowledged is lost.

    python -m torture --kills 200 --seed 1

After each start an independent process compares what was acknowledged with the catalog, the buckets, the thumbnails and the
answers of the service; now and then, and at the end, everything comes to rest first, and then all of it must agree.

The last line is JSON; the one before says in what the service was killed and what was looked at, as JSON too. The exit status is
not 0 if something was lost, is there twice or does not agree, if a check at rest found anything to repair, or if the service was
not killed in each kind of its work.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from loopback_ports import free_address
from object_store import ObjectServer, serve_folder
from patience import eventually
from soutu_client import Client, Job, JobKind, JobState, SoutuError
from soutu_services.search.store import S3Connection
from torture.catalog_facts import work_under_way
from torture.driver import Driver, Witness
from torture.moments import ANY, KINDS, plan
from torture.programs import Program

_WORKERS = 3
_PATIENCE = 120.0
_MUCH = 60
"""Acknowledgements before a kill of a broken build: with so many, some that it cannot keep are among the last."""
_SAMPLE = 20
"""Photos whose bytes are looked at after each start; at the end all are."""
_LOOKS = 60
"""How often the service is stopped to see whether it is at what it is to be killed in."""
_ANSWERS_SECONDS = 0.005
"""Time in which the answers that a stopped service has sent arrive."""
_SHOW_EVERY = 10
BROKEN = ("commit", "put", "index", "thumbnail", "deleted")


class Torture:
    """One run, in a folder."""

    def __init__(self, folder: Path, store: ObjectServer, *, seed: int, broken: str) -> None:
        self._folder = folder
        self._store = store
        self._chance = random.Random(seed)
        self._is_broken = bool(broken)
        self._address = free_address()
        embedding_address = free_address()
        self._buckets = {name: f"torture-{name}" for name in ("photos", "thumbnails", "recycle")}
        self._embedding = Program(["-m", "torture.colour_process", embedding_address], {}, folder / "embedding.log")
        self._search = Program(
            ["-m", "torture.broken_search", broken] if broken else ["-m", "soutu_services.search"],
            {
                "SOUTU_SEARCH_LISTEN": self._address,
                "SOUTU_SEARCH_METRICS_LISTEN": "",
                "SOUTU_SEARCH_DATA_FOLDER": str(folder / "data"),
                "SOUTU_SEARCH_STORE__URL": store.url,
                "SOUTU_SEARCH_STORE__ACCESS_KEY": store.settings.access_key,
                "SOUTU_SEARCH_STORE__SECRET_KEY": store.settings.secret_key.get_secret_value(),
                **{f"SOUTU_SEARCH_{name.upper()}_BUCKET": bucket for name, bucket in self._buckets.items()},
                "SOUTU_SEARCH_EMBEDDING_ADDRESS": embedding_address,
                "SOUTU_SEARCH_INGEST__RETRY_FIRST_SECONDS": "0.05",
                "SOUTU_SEARCH_INGEST__RETRY_MOST_SECONDS": "0.3",
                "SOUTU_SEARCH_SYNC__INTERVAL_SECONDS": "0",
                "SOUTU_SEARCH_SYNC__GONE_SHARE": "1",
                "SOUTU_SEARCH_INDEX__SNAPSHOT_SECONDS": "0.2",
            },
            folder / "search.log",
        )
        self._connection = S3Connection(store.settings)
        bucket = self._connection.bucket(self._buckets["photos"])
        bucket.ensure_bucket()
        self._witness = Witness(folder / "acknowledged.log")
        self._driver = Driver(folder, bucket, self._witness, workers=_WORKERS, seed=seed)
        self._start_seconds = 1.0
        self.kills = self.repairs = self.left = self.audits = 0
        self.killed_in: Counter[str] = Counter()
        self.looks: Counter[str] = Counter()
        self.lost: set[str] = set()
        self.twice: set[str] = set()
        self.problems: list[str] = []

    def run(self, kills: int) -> dict[str, Any]:
        self._embedding.start()
        self._embedding.wait_ready()
        began = time.monotonic()
        self._search.start()
        self._search.wait_ready()
        self._start_seconds = time.monotonic() - began
        for kind in [ANY] * kills if self._is_broken else plan(kills, self._chance):
            self._torment(kind)
            self._kill()
            if self.kills % _SHOW_EVERY == 0:
                progress = f"{self.kills}/{kills} kills, {self._witness.acknowledged} acknowledged, {len(self.lost)} lost"
                sys.stderr.write(f"{progress}, {len(self.problems)} problems\n")
            self._trouble_the_others()
            self._search.start()
        with self._serving() as client:
            self._audit(is_at_rest=False)
            if not self._is_broken:
                self._agree(client)
                self._audit(is_at_rest=True)
            self._agree(client)  # and stays so
            last = self._audit(is_at_rest=True, sample=0)
        self._driver.close()
        if self._driver.failures:
            raise RuntimeError(f"the driver failed: {self._driver.failures}")
        self._search.stop()
        return last

    def happened(self) -> dict[str, int]:
        """Count what the service said that it did, so that a run shows what was in it."""
        log = (self._folder / "search.log").read_text(encoding="utf-8")
        made = re.findall(r"index of \d+ vectors made in \S+ s, (\d+) of them from its snapshot", log)
        return {
            "starts": len(re.findall(r"ready on", log)),
            "snapshots": len(re.findall(r"snapshot of \d+ vectors written", log)),
            "indexes from a snapshot": sum(kept != "0" for kept in made),
            "indexes made anew": sum(kept == "0" for kept in made),
        }

    def close(self) -> None:
        self._driver.close()
        self._search.kill()
        self._embedding.kill()
        self._witness.close()
        self._connection.close()

    def _torment(self, kind: str) -> None:
        """Let it work until it is at something, or until a moment that chance chooses; return when it may be killed."""
        if kind == "start":
            time.sleep(self._chance.uniform(0.1, 0.8) * self._start_seconds)
            return
        with self._serving() as client:
            if not self._is_broken:
                self._audit(is_at_rest=False)
                if self._chance.random() < 0.4:
                    self._agree(client)
                    self._audit(is_at_rest=True)
            self._driver.wish = kind
            self._driver.resume(client)
            self._let_work()
            if kind != ANY:
                self._catch(kind, client)
            self._search.freeze()
            time.sleep(_ANSWERS_SECONDS)
            self.killed_in.update(self._under_way() & set(KINDS))
            self._driver.cut_off()

    def _let_work(self) -> None:
        """Let it acknowledge some things, and a moment more: in which it works on others."""
        enough = self._witness.acknowledged + (_MUCH if self._is_broken else self._chance.randint(1, 20))
        eventually(lambda: self._witness.acknowledged >= enough or self._driver.failures)
        time.sleep(self._chance.uniform(0.0, 0.1))

    def _catch(self, kind: str, client: Client) -> None:
        """Stop it again and again until it is at something; it stands still then."""
        if kind == "check":
            client.start_check(repair=True, read_contents=True)
        spread = 0.03
        for _ in range(_LOOKS):
            if kind == "snapshot":
                self._wait_for_snapshot()
            else:
                time.sleep(self._chance.uniform(0.0, spread))
            self._search.freeze()
            time.sleep(_ANSWERS_SECONDS)
            if kind in self._under_way():
                return
            self._search.thaw()

    def _wait_for_snapshot(self) -> None:
        """Return as soon as one is being written."""
        part = self._folder / "data" / "index.snapshot.part"
        give_up_at = time.monotonic() + 1.0
        while not part.exists() and time.monotonic() < give_up_at:
            pass

    def _under_way(self) -> set[str]:
        """Say what the service, which stands still or is dead, was at."""
        data = self._folder / "data"
        work = self._driver.under_way | work_under_way(data / "catalog.sqlite3")
        return work | ({"snapshot"} if (data / "index.snapshot.part").exists() else set())

    def _kill(self) -> None:
        self.killed_in["start"] += not self._search.is_ready
        self._search.kill()
        self.kills += 1

    def _trouble_the_others(self) -> None:
        """Now and then the machines beside it go down as well."""
        which = self._chance.random()
        if which < 0.05:
            self._store.process.kill()
            self._store.process.wait(_PATIENCE)
            self._store.start_again()
        elif which < 0.12:
            self._embedding.kill()
            self._embedding.start()
            self._embedding.wait_ready()

    def _serving(self) -> Client:
        self._search.wait_ready()
        return Client(self._address, timeout_seconds=_PATIENCE, language="en")

    def _audit(self, *, is_at_rest: bool, sample: int = _SAMPLE) -> dict[str, Any]:
        """Have what was acknowledged compared with everything, while nobody does anything."""
        self._driver.pause()
        result = self._witness.audit(
            {
                "address": self._address,
                "endpoint": self._store.url.removeprefix("http://"),
                "access_key": self._store.settings.access_key,
                "secret_key": self._store.settings.secret_key.get_secret_value(),
                **{f"{name}_bucket": bucket for name, bucket in self._buckets.items()},
                "catalog": str(self._folder / "data" / "catalog.sqlite3"),
                "is_at_rest": is_at_rest,
                "sample": sample,
            }
        )
        self.audits += 1
        self.lost |= set(result["lost"])
        self.twice |= set(result["twice"])
        self.looks.update(result["looks"])
        self.problems += [f"after kill {self.kills}: {problem}" for problem in result["problems"]]
        return result

    def _agree(self, client: Client) -> None:
        """Let it come to rest: what the kills left it mends by itself. A check must find nothing to repair then."""
        self._driver.pause()
        for job in client.jobs(page_size=100).jobs:
            if job.kind is JobKind.CHECK and not job.state.is_over:  # a kill interrupted it; it began before the rest
                self._end(client, job)
        self._end(client, client.start_sync())
        eventually(lambda: client.status().photos_pending == 0)
        checked = self._end(client, client.start_check(repair=True))
        for finding in checked.findings:
            self.repairs += finding.repaired
            self.left += finding.count - finding.repaired
            said = f"{finding.kind} {finding.repaired}/{finding.count} {finding.examples[:2]}"
            self.problems.append(f"after kill {self.kills}: a check at rest found {said}")
        eventually(lambda: client.status().photos_pending == 0)

    @staticmethod
    def _end(client: Client, job: Job) -> Job:
        """Wait until a job has ended as it should."""
        ended = list(client.watch_job(job.job_id, timeout_seconds=_PATIENCE))[-1]
        if ended.state is not JobState.SUCCEEDED:
            raise RuntimeError(f"the {ended.kind.value.lower()} ended {ended.state.value}: {ended.message}")
        return ended

    @property
    def missed(self) -> list[str]:
        """The kinds of work that the service was not killed in, of those that the run was long enough for."""
        return [kind for kind in KINDS if not self.killed_in[kind]] if self.kills >= len(KINDS) else []


def main() -> int:
    """Run; return the exit status."""
    parser = argparse.ArgumentParser(prog="torture")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broken", choices=["", *BROKEN], default="")
    chosen = parser.parse_args()
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soutu-torture-", ignore_cleanup_errors=True)))
        (folder / "store").mkdir()
        store = stack.enter_context(serve_folder(folder / "store"))
        torture = Torture(folder, store, seed=chosen.seed, broken=chosen.broken)
        stack.callback(torture.close)
        try:
            last = torture.run(chosen.kills)
            happened = torture.happened()
        except (SoutuError, RuntimeError, AssertionError) as error:
            sys.stderr.write(f"{error}\n{(folder / 'search.log').read_text(encoding='utf-8')[-4000:]}\n")
            return 2
    for problem in torture.problems[:40]:
        sys.stderr.write(f"{problem}\n")
    if torture.missed:
        sys.stderr.write(f"it was never killed in {', '.join(torture.missed)}\n")
    sys.stderr.write(f"{happened} {last['jobs']}\n")
    sys.stderr.write(f"{last['states']} left {torture.left}, {time.monotonic() - began:.0f} s, seed {chosen.seed}\n")
    report = {
        "killed_in": {kind: torture.killed_in[kind] for kind in KINDS},
        "audits": torture.audits,
        "looks": torture.looks,
        "problems": len(torture.problems),
    }
    sys.stdout.write(json.dumps(report) + "\n")
    summary = {
        "kills": torture.kills,
        "acknowledged": last["acknowledged"],
        "lost": len(torture.lost),
        "duplicated": len(torture.twice),
        "repairs": torture.repairs,
    }
    sys.stdout.write(json.dumps(summary) + "\n")
    return 1 if torture.problems or torture.missed else 0


if __name__ == "__main__":
    sys.exit(main())
