"""What there is to choose from among photos: months, folders, cameras, formats, tags and albums, each with how many there are."""

from __future__ import annotations

from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.filters import NAME_COUNTS, filter_condition, name_visible, part_visible, taken_seen
from soutu_services.search.catalog.kept_answers import KeptAnswers
from soutu_services.search.catalog.records import FolderCount, PhotoSummary, ValueCount
from soutu_services.search.model import Filter
from soutu_services.search.visibility import Visibility

__all__ = ["Summaries", "summarize_photos"]

_MOST_KEPT = 16
_MOST_FOLDERS = 2000
_MOST_CAMERAS = 100
_MOST_LABELS = 200

# One statement, so that the photos that pass are looked for once. Folders' counts are added up to the top. Most photos have one
# name in a source, or names in one folder: they count there. One that lies in several folders counts in each, and would count as
# often in what is above them: of each two that follow each other in the order of paths, one is taken away again where they meet.
# The names are those that count for a filter by folder: it lists as many photos as are told here.
# A folder with an empty part in its name ("a//b") is none that a filter could name; what lies in it counts in the folder above.
# The "+" keeps SQLite from the index of shown photos, whose order makes a look at each of them cost twice as much.
_STATEMENT = """
WITH RECURSIVE
passing AS MATERIALIZED (
    SELECT p.id, substr({taken}, 1, 7) AS month, p.camera, p.media_type FROM photos p
    WHERE +p.present = 1 AND p.deleted_at IS NULL AND {condition}
),
lying AS (
    SELECT n.photo, n.source, folder_of(n.path) AS folder FROM passing p CROSS JOIN names n ON n.photo = p.id
    WHERE {counts} AND {visible}
),
held AS MATERIALIZED (
    SELECT photo, source, min(folder) AS folder, max(folder) AS other FROM lying GROUP BY photo, source
),
spread AS MATERIALIZED (
    SELECT n.source, folder_of(n.path) AS folder,
        lag(folder_of(n.path)) OVER (PARTITION BY n.photo, n.source ORDER BY n.path) AS before
    FROM held h CROSS JOIN names n ON n.photo = h.photo AND n.source = h.source
    WHERE h.folder != h.other AND {counts} AND {visible}
),
counted AS (
    SELECT source, folder, count(*) AS photos FROM held WHERE folder = other GROUP BY source, folder
    UNION ALL
    SELECT source, folder, count(*) FROM spread GROUP BY source, folder
    UNION ALL
    SELECT source, folder_of_both(folder, before) AS both, -count(*) FROM spread WHERE before IS NOT NULL GROUP BY source, both
),
adding (source, folder, photos) AS (
    SELECT source, folder, photos FROM counted
    UNION ALL
    SELECT source, folder_of(folder), photos FROM adding WHERE folder != ''
)
SELECT 'total' AS of, '' AS source, '' AS value, count(*) AS photos FROM passing
UNION ALL
SELECT 'month', '', month, count(*) FROM passing WHERE month IS NOT NULL GROUP BY month
UNION ALL
SELECT 'camera', '', camera, count(*) FROM passing WHERE camera != '' GROUP BY camera
UNION ALL
SELECT 'format', '', media_type, count(*) FROM (
    SELECT id, media_type FROM passing WHERE media_type != ''
    UNION SELECT c.photo, c.media_type FROM contents c
    WHERE c.is_part = 1 AND c.photo IN (SELECT id FROM passing) AND {part_visible}
) GROUP BY media_type
UNION ALL
SELECT 'tag', '', tag, count(*) FROM tags WHERE photo IN (SELECT id FROM passing) GROUP BY tag
UNION ALL
SELECT 'album', '', album, count(*) FROM albums WHERE photo IN (SELECT id FROM passing) GROUP BY album
UNION ALL
SELECT 'favourite', '', '', count(*) FROM annotations WHERE favourite = 1 AND photo IN (SELECT id FROM passing)
UNION ALL
SELECT 'folder', source, folder, sum(photos) FROM adding WHERE folder = '' OR instr('/' || folder || '/', '//') = 0
GROUP BY source, folder
"""


class Summaries:
    """Summaries of the questions that were asked last, made again once anything in the catalog has changed. Thread safe.

    Args:
        database: The catalog's file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: KeptAnswers[tuple[Filter, Visibility], PhotoSummary] = KeptAnswers(database, _MOST_KEPT)

    def get(self, photo_filter: Filter, visibility: Visibility) -> PhotoSummary:
        """Summarize the photos that pass a filter; see ``summarize_photos``."""
        return self._kept.get((photo_filter, visibility), lambda: summarize_photos(self._database, photo_filter, visibility))


def summarize_photos(database: Database, photo_filter: Filter, visibility: Visibility) -> PhotoSummary:
    """Count the shown photos that pass a filter by what they can be chosen by.

    Confined callers are told of the names that they see alone, and of taken times as ``taken_seen`` says.

    Raises:
        InvalidInput: the filter cannot be right.
    """
    condition, parameters = filter_condition(photo_filter, visibility)
    visible, within = name_visible(visibility, "n")
    statement = _STATEMENT.format(
        taken=taken_seen(visibility),
        condition=condition,
        counts=NAME_COUNTS,
        visible=visible,
        part_visible=part_visible(visibility)[0],
    )
    values: dict[str, list[ValueCount]] = {}
    folders: list[FolderCount] = []
    with database.read() as reader:
        for row in reader.execute(statement, {**parameters, **within}):
            if row["of"] == "folder":
                folders.append(FolderCount(row["source"], row["value"], row["photos"]))
            else:
                values.setdefault(row["of"], []).append(ValueCount(row["value"], row["photos"]))
    total = values["total"][0].photos
    months = sorted(values.get("month", []), key=lambda count: count.value, reverse=True)
    folders.sort(key=lambda count: (-count.photos, count.source, count.folder))
    return PhotoSummary(
        total=total,
        favourites=values["favourite"][0].photos,
        months=tuple(months),
        undated=total - sum(count.photos for count in months),
        folders=tuple(sorted(folders[:_MOST_FOLDERS], key=lambda count: (count.source, count.folder))),
        folders_left_out=max(len(folders) - _MOST_FOLDERS, 0),
        cameras=_most(values.get("camera", []), _MOST_CAMERAS),
        formats=_most(values.get("format", [])),
        tags=_most(values.get("tag", []), _MOST_LABELS),
        albums=_most(values.get("album", []), _MOST_LABELS),
    )


def _most(counts: list[ValueCount], limit: int | None = None) -> tuple[ValueCount, ...]:
    return tuple(sorted(counts, key=lambda count: (-count.photos, count.value))[:limit])
