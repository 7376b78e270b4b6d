"""Jobs, and when sources were read to the end."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Sequence
from datetime import datetime

from soutu_services.runtime.errors import FailedPrecondition, NotFound
from soutu_services.runtime.language import Text
from soutu_services.search.catalog.clock import from_milliseconds, now_milliseconds, to_milliseconds
from soutu_services.search.catalog.database import Database
from soutu_services.search.model import CheckFinding, Job, JobKind, JobState
from soutu_services.search.page_tokens import list_digest, page_token, read_page_token

__all__ = ["Jobs", "job_not_found"]

_OPEN = "state IN ('RUNNING', 'PAUSED')"


class Jobs:
    """The jobs of the catalog. They outlive a restart. Thread safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        kind: JobKind,
        sources: Sequence[str] = (),
        *,
        space_id: str = "",
        options: Sequence[str] = (),
        state: JobState = JobState.RUNNING,
    ) -> Job:
        """Write down a new job, RUNNING or PAUSED from the first: whoever looks for work sees nothing else."""
        job_id = uuid.uuid4().hex
        with self._database.write() as writer:
            writer.execute(
                "INSERT INTO jobs (job_id, kind, state, sources, started_at, space_id, options) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    job_id,
                    kind.value,
                    state.value,
                    json.dumps(list(sources)),
                    now_milliseconds(),
                    space_id,
                    json.dumps(list(options)),
                ),
            )
            return _get(writer, job_id)

    def get(self, job_id: str) -> Job:
        """Get a job.

        Raises:
            NotFound: there is no such job.
        """
        with self._database.read() as reader:
            return _get(reader, job_id)

    def list_page(self, *, limit: int = 20, page_token_text: str = "") -> tuple[list[Job], str]:
        """List jobs, newest first, and the token of the next page; it is empty after the last.

        Raises:
            InvalidInput: the token cannot be right.
        """
        digest = list_digest("jobs")
        position = read_page_token(page_token_text, digest, int)
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT * FROM jobs WHERE ? IS NULL OR id < ? ORDER BY id DESC LIMIT ?",
                (*(2 * (position[0] if position else None,)), limit + 1),
            ).fetchall()
        token = page_token(digest, [rows[limit - 1]["id"]]) if len(rows) > limit else ""
        return [_job(row) for row in rows[:limit]], token

    def unfinished(self, kind: JobKind | None = None) -> list[Job]:
        """List the jobs that run or are paused, oldest first; after a restart these are the ones to go on with."""
        with self._database.read() as reader:
            rows = reader.execute(f"SELECT * FROM jobs WHERE {_OPEN} ORDER BY id").fetchall()
        return [job for job in map(_job, rows) if kind is None or job.kind is kind]

    def update_progress(
        self,
        job_id: str,
        *,
        objects_seen: int | None = None,
        photos_total: int | None = None,
        photos_done: int | None = None,
        photos_unreadable: int | None = None,
        message: Text | None = None,
    ) -> Job:
        """Write down how far an unfinished job has come; what is None stays. A job that is over stays as it ended.

        Raises:
            NotFound: there is no such job.
        """
        with self._database.write() as writer:
            writer.execute(
                "UPDATE jobs SET objects_seen = coalesce(?, objects_seen), photos_total = coalesce(?, photos_total), "
                "photos_done = coalesce(?, photos_done), photos_unreadable = coalesce(?, photos_unreadable), "
                f"message_zh = coalesce(?, message_zh), message_en = coalesce(?, message_en) WHERE job_id = ? AND {_OPEN}",
                (
                    objects_seen,
                    photos_total,
                    photos_done,
                    photos_unreadable,
                    message.zh if message else None,
                    message.en if message else None,
                    job_id,
                ),
            )
            return _get(writer, job_id)

    def set_state(self, job_id: str, state: JobState, *, message: Text | None = None) -> Job:
        """Pause, resume or end a job. Setting the state it has changes nothing.

        Raises:
            NotFound: there is no such job.
            FailedPrecondition: the job is over.
        """
        with self._database.write() as writer:
            job = _get(writer, job_id)
            if job.state is state:
                return job
            if job.state.is_over:
                raise FailedPrecondition("JOB_IS_OVER", zh="这项任务已经结束", en="the job is over")
            self.update_progress(job_id, message=message)
            writer.execute(
                "UPDATE jobs SET state = ?, ended_at = ? WHERE job_id = ?",
                (state.value, now_milliseconds() if state.is_over else None, job_id),
            )
            return _get(writer, job_id)

    def add_options(self, job_id: str, options: Sequence[str]) -> Job:
        """Give a job the options that it does not have yet.

        Raises:
            NotFound: there is no such job.
        """
        with self._database.write() as writer:
            all_options = dict.fromkeys([*_get(writer, job_id).options, *options])
            writer.execute("UPDATE jobs SET options = ? WHERE job_id = ?", (json.dumps(list(all_options)), job_id))
            return _get(writer, job_id)

    def record_findings(self, job_id: str, findings: Sequence[CheckFinding]) -> None:
        """Write down what a check found so far, in place of what was written before."""
        rows = [
            [found.kind, found.text.zh, found.text.en, found.count, found.repaired, list(found.examples)] for found in findings
        ]
        with self._database.write() as writer:
            writer.execute("UPDATE jobs SET findings = ? WHERE job_id = ?", (json.dumps(rows, ensure_ascii=False), job_id))

    def forget_old(self, keep: int) -> None:
        """Forget jobs that are over, but for the newest ``keep`` jobs."""
        with self._database.write() as writer:
            writer.execute(
                f"DELETE FROM jobs WHERE NOT {_OPEN} AND id NOT IN (SELECT id FROM jobs ORDER BY id DESC LIMIT ?)", (keep,)
            )

    def record_synced(self, source: str, at: datetime) -> None:
        """Write down when a source was last read to the end."""
        with self._database.write() as writer:
            writer.execute(
                "INSERT INTO source_syncs (source, synced_at) VALUES (?, ?) "
                "ON CONFLICT (source) DO UPDATE SET synced_at = excluded.synced_at",
                (source, to_milliseconds(at)),
            )

    def synced_times(self) -> dict[str, datetime]:
        """Tell when each source was last read to the end."""
        with self._database.read() as reader:
            return {row["source"]: from_milliseconds(row["synced_at"]) for row in reader.execute("SELECT * FROM source_syncs")}


def job_not_found() -> NotFound:
    """Return the error of a job that does not exist, or that the caller may not see."""
    return NotFound("JOB_NOT_FOUND", zh="找不到这项任务", en="there is no such job")


def _get(connection: sqlite3.Connection, job_id: str) -> Job:
    row = connection.execute("SELECT * FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
    if row is None:
        raise job_not_found()
    return _job(row)


def _job(row: sqlite3.Row) -> Job:
    return Job(
        job_id=row["job_id"],
        kind=JobKind(row["kind"]),
        state=JobState(row["state"]),
        sources=tuple(json.loads(row["sources"])),
        started_at=from_milliseconds(row["started_at"]),
        ended_at=from_milliseconds(row["ended_at"]) if row["ended_at"] is not None else None,
        message=Text(zh=row["message_zh"], en=row["message_en"]),
        objects_seen=row["objects_seen"],
        photos_total=row["photos_total"],
        photos_done=row["photos_done"],
        photos_unreadable=row["photos_unreadable"],
        space_id=row["space_id"],
        options=tuple(json.loads(row["options"])),
        findings=tuple(
            CheckFinding(kind=kind, text=Text(zh=zh, en=en), count=count, repaired=repaired, examples=tuple(examples))
            for kind, zh, en, count, repaired, examples in json.loads(row["findings"])
        ),
    )
