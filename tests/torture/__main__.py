"""Kill the search service again and again while it works, and see whether anything that it acknowledged is lost.

    python -m torture --kills 200 --seed 1

The last line is JSON; the exit status is not 0 if something was lost, is there twice, or could not be mended.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from loopback_ports import free_address
from object_store import ObjectServer, serve_folder
from patience import eventually
from soutu_client import Client, JobState, SoutuError
from soutu_services.search.store import S3Connection
from torture.driver import Driver, Witness
from torture.programs import Program

_WORKERS = 3
_PATIENCE = 120.0
_MUCH = 60
"""Acknowledgements before a kill of a broken build: with so many, some that it cannot keep are among the last."""


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
        self.kills = self.repairs = self.left = 0

    def run(self, kills: int) -> dict[str, object]:
        self._embedding.start()
        self._embedding.wait_ready()
        self._search.start()
        while self.kills < kills:
            self._torment()
            self._search.kill()
            self.kills += 1
            self._trouble_the_others()
            self._search.start()
        with self._serving() as client:
            self._agree(client)
            self._agree(client)  # and stays so
            client.close()
        self._driver.close()
        if self._driver.failures:
            raise RuntimeError(f"the driver failed: {self._driver.failures}")
        self._search.stop()
        return self._witness.audit(
            {
                "endpoint": self._store.url.removeprefix("http://"),
                "access_key": self._store.settings.access_key,
                "secret_key": self._store.settings.secret_key.get_secret_value(),
                "photos_bucket": self._buckets["photos"],
                "recycle_bucket": self._buckets["recycle"],
                "catalog": str(self._folder / "data" / "catalog.sqlite3"),
            }
        )

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

    def _torment(self) -> None:
        """Let it work until a moment that chance chooses: before it is ready, in the middle of a check, or in the work."""
        when = 1.0 if self._is_broken else self._chance.random()
        if when < 0.15:
            time.sleep(self._chance.uniform(0.2, 1.2))
            return
        with self._serving() as client:
            if when < 0.25:
                client.start_check(repair=True, read_contents=True)
                self._driver.resume(client)
                time.sleep(self._chance.uniform(0.0, 0.6))
            else:
                if when < 0.6:
                    self._agree(client)
                self._let_work(client)
            self._driver.cut_off()

    def _let_work(self, client: Client) -> None:
        """Let it acknowledge some things, and a moment more: in which it works on others."""
        enough = self._witness.acknowledged + (_MUCH if self._is_broken else self._chance.randint(1, 24))
        self._driver.resume(client)
        eventually(lambda: self._witness.acknowledged >= enough or self._driver.failures)
        time.sleep(self._chance.uniform(0.0, 0.1))

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

    def _agree(self, client: Client) -> None:
        """Let it come to rest, and see whether everything agrees then; count what had to be mended."""
        self._driver.pause()
        list(client.watch_job(client.start_sync().job_id, timeout_seconds=_PATIENCE))
        eventually(lambda: client.status().photos_pending == 0)
        checked = list(client.watch_job(client.start_check(repair=True).job_id, timeout_seconds=_PATIENCE))[-1]
        if checked.state is not JobState.SUCCEEDED:
            raise RuntimeError(f"the check ended with {checked.message}")
        for finding in checked.findings:
            self.repairs += finding.repaired
            self.left += finding.count - finding.repaired
            sys.stderr.write(
                f"after kill {self.kills}: {finding.kind} {finding.repaired}/{finding.count} {finding.examples[:2]}\n"
            )
        eventually(lambda: client.status().photos_pending == 0)


def main() -> int:
    """Run; return the exit status."""
    parser = argparse.ArgumentParser(prog="torture")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broken", choices=["", "commit", "put"], default="")
    chosen = parser.parse_args()
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soutu-torture-", ignore_cleanup_errors=True)))
        (folder / "store").mkdir()
        store = stack.enter_context(serve_folder(folder / "store"))
        torture = Torture(folder, store, seed=chosen.seed, broken=chosen.broken)
        stack.callback(torture.close)
        try:
            result = torture.run(chosen.kills)
            happened = torture.happened()
        except (SoutuError, RuntimeError, AssertionError) as error:
            sys.stderr.write(f"{error}\n{(folder / 'search.log').read_text(encoding='utf-8')[-4000:]}\n")
            return 2
    for problem in result["problems"][:20]:  # type: ignore[index]
        sys.stderr.write(f"{problem}\n")
    sys.stderr.write(f"{happened} {result['jobs']}\n")
    sys.stderr.write(f"{result['states']} left {torture.left}, {time.monotonic() - began:.0f} s, seed {chosen.seed}\n")
    summary = {
        "kills": torture.kills,
        "acknowledged": result["acknowledged"],
        "lost": result["lost"],
        "duplicated": result["duplicated"],
        "repairs": torture.repairs,
    }
    sys.stdout.write(json.dumps(summary) + "\n")
    return 1 if result["lost"] or result["duplicated"] or torture.left else 0


if __name__ == "__main__":
    sys.exit(main())
