"""The work of a check: whether the catalog, the index, the buckets and the thumbnails agree, and mending what does not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from soutu_services.runtime.language import Text
from soutu_services.search.buckets import Buckets
from soutu_services.search.catalog import Catalog
from soutu_services.search.check_findings import FindingKind, Findings
from soutu_services.search.check_sources import PutBack, check_contents, check_recycle, check_source, unreadable
from soutu_services.search.check_thumbnails import check_thumbnails
from soutu_services.search.data_folder import DataFolder
from soutu_services.search.job_runner import JobControl, JobResult
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.model import Job
from soutu_services.search.originals import Originals
from soutu_services.search.recycling import Recycling
from soutu_services.search.sync import SourceListing

__all__ = ["READ_CONTENTS", "REPAIR", "CheckJob", "CheckParts"]

REPAIR = "repair"
"""Option of a check: mend what can be mended."""
READ_CONTENTS = "contents"
"""Option of a check: read every content and compare its digest."""
_AGAIN_SECONDS = 0.5
_LEFT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class CheckParts:
    """What a check looks at."""

    catalog: Catalog
    index: LibraryIndex
    buckets: Buckets
    listing: SourceListing
    recycling: Recycling
    originals: Originals
    folder: DataFolder
    put_back: PutBack


class CheckJob:
    """Runs checks.

    It begins at the beginning whenever it is gone on with: what was found before may have been mended since. Nothing that it
    mends removes the only copy of an original, and where the catalog's file is damaged it mends nothing.

    Args:
        parts: What is looked at.
        on_mended: Called after something was mended that waits for the ingest now.
    """

    def __init__(self, parts: CheckParts, *, on_mended: Callable[[], None]) -> None:
        self._parts = parts
        self._on_mended = on_mended

    def run(self, job: Job, control: JobControl) -> JobResult:
        """Do a job's work.

        Raises:
            JobInterrupted: the job was paused or cancelled, or the service stops.
        """
        repair = REPAIR in job.options
        findings = Findings()
        steps = [self._check_catalog, self._check_index, self._check_store]
        if READ_CONTENTS in job.options:
            steps.append(self._check_contents)
        for step in (*steps, self._check_leftovers):
            control.checkpoint()
            is_damaged = findings.has(FindingKind.CATALOG_DAMAGED)  # what such a catalog says must remove nothing
            step(findings, control, repair and not is_damaged)
            self._parts.catalog.jobs.record_findings(job.job_id, findings.listed())
        if repair and findings.count:
            self._on_mended()
        return JobResult(succeeded=True, message=_conclusion(findings))

    def _check_catalog(self, findings: Findings, control: JobControl, repair: bool) -> None:
        verification = self._parts.catalog.verification
        damage = verification.damage()
        findings.add(FindingKind.CATALOG_DAMAGED, damage)
        if damage:
            return  # rules say nothing of rows that cannot be trusted
        broken, mended = verification.broken_references(repair=repair)
        findings.add(FindingKind.REFERENCE_BROKEN, broken, repaired=mended)
        rules: Sequence[tuple[FindingKind, Callable[..., list[str]]]] = (
            (FindingKind.VECTOR_BROKEN, verification.broken_vectors),
            (FindingKind.PRESENCE_WRONG, verification.wrong_presence),
            (FindingKind.PAIR_WRONG, verification.wrong_pairs),
            (FindingKind.STATE_WRONG, verification.wrong_states),
            (FindingKind.WORDS_WRONG, verification.wrong_words),
        )
        for kind, rule in rules:
            control.checkpoint()
            found = rule(repair=repair)
            findings.add(kind, found, repaired=len(found) if repair else 0)

    def _check_index(self, findings: Findings, control: JobControl, repair: bool) -> None:
        index = self._parts.index
        wrong = index.differences()
        if len(wrong):
            control.sleep(_AGAIN_SECONDS)  # the index follows the catalog a moment later
            again = set(index.differences().tolist())
            wrong_ids = [each for each in wrong.tolist() if each in again]
            if repair:
                index.mend(wrong_ids)
            findings.add(FindingKind.INDEX_WRONG, map(str, wrong_ids), repaired=len(wrong_ids) if repair else 0)

    def _check_store(self, findings: Findings, control: JobControl, repair: bool) -> None:
        parts = self._parts
        for source in parts.buckets.sources.values():
            check = partial(check_source, parts.catalog, source, parts.listing, findings, control, repair=repair)
            unreadable(findings, source.name, check)
        if repair:
            unreadable(findings, "recycle", parts.recycling.finish_moves)
        unreadable(
            findings,
            "recycle",
            partial(check_recycle, parts.catalog, parts.buckets, parts.recycling, findings, control, repair=repair),
        )
        unreadable(
            findings,
            "thumbnails",
            partial(check_thumbnails, parts.catalog, parts.buckets.thumbnails, parts.originals, findings, control, repair=repair),
        )

    def _check_contents(self, findings: Findings, control: JobControl, repair: bool) -> None:
        parts = self._parts
        check = partial(check_contents, parts.catalog, parts.buckets, parts.put_back, findings, control, repair=repair)
        unreadable(findings, "contents", check)

    def _check_leftovers(self, findings: Findings, control: JobControl, repair: bool) -> None:
        left = [path for path in self._parts.folder.leftovers() if _is_left(path)]
        if repair:
            for path in left:
                path.unlink(missing_ok=True)
        findings.add(FindingKind.LEFTOVER, [path.name for path in left], repaired=len(left) if repair else 0)


def _is_left(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _LEFT_SECONDS
    except OSError:
        return False  # it came to its end meanwhile


def _conclusion(findings: Findings) -> Text:
    if not findings.count:
        return Text(zh="一切相符", en="everything agrees")
    if not findings.left:
        return Text(zh=f"发现 {findings.count} 处问题，都已修好", en=f"{findings.count} found, all mended")
    return Text(
        zh=f"发现 {findings.count} 处问题，其中 {findings.left} 处没有修好",
        en=f"{findings.count} found, {findings.left} of them not mended",
    )
