"""Compares the thumbnails with the photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from soutu_services.runtime.errors import NotFound
from soutu_services.search.buckets import Thumbnails
from soutu_services.search.catalog import Catalog
from soutu_services.search.check_findings import FindingKind, Findings
from soutu_services.search.imaging import Unreadable
from soutu_services.search.job_runner import JobControl
from soutu_services.search.objects import ObjectTooLarge
from soutu_services.search.originals import Originals

__all__ = ["check_thumbnails"]

_THREADS = 4
_BATCH = 256


def check_thumbnails(
    catalog: Catalog, thumbnails: Thumbnails, originals: Originals, findings: Findings, control: JobControl, *, repair: bool
) -> None:
    """Find thumbnails that are missing, broken, or of no photo; mended, the former are made again and the latter removed.

    Raises:
        SoutuError: the thumbnails cannot be read.
    """
    there = thumbnails.photo_ids()
    wanted, known = catalog.verification.rendered_photos()  # after the listing: a photo is made after its thumbnail
    videos = catalog.verification.videos()
    missing: list[str] = []
    broken: list[str] = []
    to_read = sorted(wanted)  # those that were not listed as well: their thumbnail may have come since
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="check") as readers:
        for start in range(0, len(to_read), _BATCH):
            batch = to_read[start : start + _BATCH]
            for photo_id, image in zip(batch, readers.map(thumbnails.get, batch), strict=True):
                if not image or (photo_id in videos and thumbnails.frames(photo_id) is None):
                    (broken if photo_id in there else missing).append(photo_id)
            control.checkpoint()
            control.report(photos_total=len(to_read), photos_done=start + len(batch))
    for kind, photo_ids in ((FindingKind.THUMBNAIL_MISSING, missing), (FindingKind.THUMBNAIL_BROKEN, broken)):
        findings.add(kind, photo_ids, repaired=_render(photo_ids, originals, control.checkpoint) if repair else 0)
    _, known_now = catalog.verification.rendered_photos()  # a photo is recorded a moment after its thumbnail is there
    orphans = sorted(there - known - known_now)
    if repair:
        for photo_id in orphans:
            thumbnails.remove(photo_id)
    findings.add(FindingKind.THUMBNAIL_ORPHANED, orphans, repaired=len(orphans) if repair else 0)


def _render(photo_ids: Sequence[str], originals: Originals, checkpoint: Callable[[], None]) -> int:
    mended = 0
    for photo_id in photo_ids:
        checkpoint()
        try:
            originals.make_again(photo_id)
        except (Unreadable, NotFound, ObjectTooLarge):
            continue  # the original is gone or no picture any more, which is found elsewhere
        mended += 1
    return mended
