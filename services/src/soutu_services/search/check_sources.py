"""Compares the buckets of photos, and that of deleted ones, with the catalog."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from soutu_services.runtime.errors import SoutuError
from soutu_services.search.buckets import Buckets, Source
from soutu_services.search.catalog import Catalog, RecycledObject, SeenObject
from soutu_services.search.check_findings import FindingKind, Findings
from soutu_services.search.job_runner import JobControl
from soutu_services.search.object_digest import digest_of
from soutu_services.search.objects import ObjectMissing, ObjectStore
from soutu_services.search.recycling import Recycling
from soutu_services.search.sync import SourceListing, seen_object

__all__ = ["PutBack", "check_contents", "check_recycle", "check_source", "unreadable"]

_BATCH = 500
_AGAIN_SECONDS = 0.5
"""What looks wrong is looked at again: it may have been under way."""


class PutBack(Protocol):
    """Puts objects back whose bytes are still kept somewhere."""

    def __call__(self, source: str, key: str, sha256: str) -> bool:
        """Put one back; say whether its bytes are kept."""
        ...


def check_source(
    catalog: Catalog, source: Source, listing: SourceListing, findings: Findings, control: JobControl, *, repair: bool
) -> None:
    """Compare a source's listing with the catalog's objects. Mended, it is read as a sync reads it.

    Raises:
        SoutuError: the source cannot be read.
    """
    missing, verdicts = _compare(catalog, source, control)
    if missing or verdicts:
        control.sleep(_AGAIN_SECONDS)
        still_missing, still = _compare(catalog, source, control)
        missing &= still_missing
        verdicts = {key: verdict for key, verdict in still.items() if key in verdicts}
    if not (missing or verdicts):
        return
    gone = False
    if repair:
        listed = listing.take_over(source.name, checkpoint=lambda *_: control.checkpoint())
        gone = not listed.kept
    findings.add(FindingKind.OBJECT_MISSING, sorted(missing), repaired=len(missing) if gone else 0)
    for kind, wanted in ((FindingKind.OBJECT_CHANGED, {"changed"}), (FindingKind.OBJECT_NEW, {"new", "returned"})):
        keys = sorted(key for key, verdict in verdicts.items() if verdict in wanted)
        findings.add(kind, keys, repaired=len(keys) if repair else 0)


def _compare(catalog: Catalog, source: Source, control: JobControl) -> tuple[set[str], dict[str, str]]:
    """List a source. Returns keys that it lacks, and what is to be done about others."""
    missing = set(catalog.objects.present_keys(source.name))
    verdicts: dict[str, str] = {}
    batch: list[SeenObject] = []

    def judge() -> None:
        control.checkpoint()
        verdicts.update(catalog.objects.judge(source.name, batch))
        batch.clear()

    for found in source.store.walk(source.prefix):
        if found.key.endswith("/"):
            continue
        seen = seen_object(source, found)
        missing.discard(seen.key)
        batch.append(seen)
        if len(batch) >= _BATCH:
            judge()
    judge()
    return missing, verdicts


def check_recycle(
    catalog: Catalog, buckets: Buckets, recycling: Recycling, findings: Findings, control: JobControl, *, repair: bool
) -> None:
    """Compare the recycle bucket with what the catalog says was moved there.

    Mended, what the catalog lacks is taken over if its photo is deleted; a copy of what is in its place again, or was removed
    for good by a person, is removed. What the catalog has never seen stays.

    Raises:
        SoutuError: the bucket cannot be read.
    """
    with recycling.alone():  # nothing is on its way
        rows = {row.recycle_key: row for row in catalog.objects.recycled()}
        keys = set()
        for found in buckets.recycle.walk():
            control.checkpoint()
            keys.add(found.key)
        lost = [row for key, row in rows.items() if key not in keys]
        if repair:
            catalog.verification.forget_recycled([row.recycled_id for row in lost])
        findings.add(FindingKind.RECYCLED_MISSING, [_place(row) for row in lost], repaired=len(lost) if repair else 0)
        unknown = sorted(keys - rows.keys())
        settled = [key for key in unknown if repair and _settle(catalog, buckets, key)]
    findings.add(FindingKind.RECYCLED_UNKNOWN, unknown, repaired=len(settled))


def _settle(catalog: Catalog, buckets: Buckets, recycle_key: str) -> bool:
    sha256 = digest_of(buckets.recycle, recycle_key)
    state = catalog.objects.find_contents([sha256]).get(sha256)
    source, _, rest = recycle_key.partition("/")
    _, _, key = rest.partition("/")
    if state is not None and state.deleted and source in buckets.sources and key:
        catalog.verification.adopt_recycled(sha256, source, key, recycle_key)
        return True
    if (state is None and catalog.verification.is_purged(sha256)) or (
        state is not None and _is_in_its_place(catalog, buckets, state.photo_id, sha256)
    ):
        buckets.recycle.remove(recycle_key)
        return True
    return False


def _is_in_its_place(catalog: Catalog, buckets: Buckets, photo_id: str, sha256: str) -> bool:
    for stored in catalog.objects.of_photo(photo_id):
        source = buckets.sources.get(stored.source)
        if source is not None and stored.sha256 == sha256:
            try:
                if digest_of(source.store, source.object_key(stored.key)) == sha256:
                    return True
            except ObjectMissing:
                continue
    return False


def check_contents(
    catalog: Catalog, buckets: Buckets, put_back: PutBack, findings: Findings, control: JobControl, *, repair: bool
) -> None:
    """Read every content and compare its digest. What differs is put back if its bytes are still kept, else only reported.

    Raises:
        SoutuError: a source cannot be read.
    """
    for source in buckets.sources.values():
        for held in catalog.verification.held_objects(source.name):
            for one in held:
                control.checkpoint()
                try:
                    differs = digest_of(source.store, source.object_key(one.key)) != one.sha256
                except ObjectMissing:
                    continue  # found by its listing
                if differs:
                    mended = repair and put_back(source.name, one.key, one.sha256)
                    findings.add(FindingKind.CONTENT_DIFFERS, [one.key], repaired=int(mended))
    _check_recycled_contents(catalog.objects.recycled(), buckets.recycle, findings, control.checkpoint)


def _check_recycled_contents(
    rows: Sequence[RecycledObject], recycle: ObjectStore, findings: Findings, checkpoint: Callable[[], None]
) -> None:
    for row in rows:
        checkpoint()
        try:
            if digest_of(recycle, row.recycle_key) != row.sha256:
                findings.add(FindingKind.RECYCLED_DIFFERS, [_place(row)])
        except ObjectMissing:
            continue


def _place(row: RecycledObject) -> str:
    return f"{row.photo_id} {row.key}"


def unreadable(findings: Findings, name: str, check: Callable[[], None]) -> None:
    """Run a part of a check; a source or bucket that cannot be read is a finding."""
    try:
        check()
    except SoutuError:
        findings.add(FindingKind.SOURCE_UNREADABLE, [name])
