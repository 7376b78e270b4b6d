"""The catalog's tables, as steps from one version to the next. A step that was released is never changed: add one.

Triggers keep two things true whatever writes: ``names.present`` says whether an object of that name holds a content of the
photo now, and ``photos.present`` whether any does.
"""

from __future__ import annotations

__all__ = ["APPLICATION_ID", "MIGRATIONS", "WORD_INDEX"]

APPLICATION_ID = 0x736F7574
"""Marks the file as soutu's ("sout")."""

WORD_INDEX = """
CREATE VIRTUAL TABLE word_index USING fts5 (tokens, tokenize = 'ascii');
CREATE TRIGGER words_deleted AFTER DELETE ON words BEGIN
    DELETE FROM word_index WHERE rowid = OLD.id;
END;
"""
"""The index of words, a part of the first step: a check makes it anew by the same text."""

_FIRST = """
CREATE TABLE photos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    photo_id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'READY', 'UNREADABLE')),
    unreadable_reason TEXT,
    present INTEGER NOT NULL DEFAULT 0,
    added_at INTEGER NOT NULL,
    deleted_at INTEGER,
    read_at INTEGER,
    pending_since INTEGER NOT NULL,
    sort_at TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    media_type TEXT NOT NULL DEFAULT '',
    width INTEGER NOT NULL DEFAULT 0,
    height INTEGER NOT NULL DEFAULT 0,
    kind TEXT,
    taken_local TEXT,
    taken_offset_minutes INTEGER,
    taken_origin TEXT,
    camera TEXT NOT NULL DEFAULT '',
    camera_folded TEXT NOT NULL DEFAULT '',
    latitude REAL,
    longitude REAL,
    phash INTEGER
) STRICT;
CREATE INDEX photos_shown ON photos (sort_at, photo_id, state) WHERE present = 1 AND deleted_at IS NULL;
CREATE INDEX photos_waiting ON photos (pending_since)
    WHERE present = 1 AND deleted_at IS NULL AND state = 'PENDING';
CREATE INDEX photos_pending ON photos (id)
    WHERE present = 1 AND deleted_at IS NULL AND state = 'PENDING';
CREATE INDEX photos_unreadable ON photos (unreadable_reason)
    WHERE present = 1 AND deleted_at IS NULL AND state = 'UNREADABLE';
CREATE INDEX photos_deleted ON photos (sort_at, photo_id) WHERE deleted_at IS NOT NULL;
CREATE INDEX photos_located ON photos (latitude, longitude) WHERE latitude IS NOT NULL;
CREATE INDEX photos_taken ON photos (taken_local) WHERE taken_local IS NOT NULL;

CREATE TABLE contents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 TEXT NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL,
    media_type TEXT NOT NULL DEFAULT '',
    photo INTEGER REFERENCES photos (id) ON DELETE SET NULL,
    purged_at INTEGER
) STRICT;
CREATE INDEX contents_of_photo ON contents (photo);

CREATE TABLE objects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    folder TEXT NOT NULL,
    extension TEXT NOT NULL,
    etag TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    content INTEGER REFERENCES contents (id),
    content_outdated INTEGER NOT NULL DEFAULT 0,
    present INTEGER NOT NULL DEFAULT 1,
    state TEXT NOT NULL CHECK (state IN ('UNREAD', 'READ', 'IGNORED')),
    seen_at INTEGER NOT NULL,
    UNIQUE (source, key)
) STRICT;
CREATE INDEX objects_in_folder ON objects (source, folder) WHERE present = 1;
CREATE INDEX objects_unread ON objects (id) WHERE present = 1 AND state = 'UNREAD';
CREATE INDEX objects_of_content ON objects (content) WHERE content IS NOT NULL;
CREATE INDEX objects_counted ON objects (state, source, extension, size_bytes) WHERE present = 1;

CREATE TABLE recycled (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    content INTEGER NOT NULL REFERENCES contents (id),
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    recycle_key TEXT NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL,
    modified_at INTEGER NOT NULL
) STRICT;
CREATE INDEX recycled_of_content ON recycled (content);

CREATE TABLE names (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    photo INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    present INTEGER NOT NULL DEFAULT 0,
    alias INTEGER NOT NULL DEFAULT 0,
    path TEXT,
    UNIQUE (photo, source, name)
) STRICT;
CREATE INDEX names_current ON names (path, source, photo) WHERE present = 1 OR alias = 1;
CREATE INDEX names_to_index ON names (id) WHERE path IS NULL;

CREATE TRIGGER objects_inserted AFTER INSERT ON objects WHEN NEW.content IS NOT NULL BEGIN
    INSERT INTO names (photo, source, name, present)
        SELECT photo, NEW.source, NEW.key, NEW.present FROM contents WHERE id = NEW.content AND photo IS NOT NULL
        ON CONFLICT (photo, source, name) DO UPDATE SET present = excluded.present;
    UPDATE photos SET present = EXISTS (SELECT 1 FROM names WHERE photo = photos.id AND present = 1)
        WHERE id = (SELECT photo FROM contents WHERE id = NEW.content);
END;
CREATE TRIGGER objects_updated AFTER UPDATE OF content, present ON objects
    WHEN OLD.content IS NOT NULL OR NEW.content IS NOT NULL BEGIN
    UPDATE names SET present = 0
        WHERE photo = (SELECT photo FROM contents WHERE id = OLD.content) AND source = OLD.source AND name = OLD.key;
    INSERT INTO names (photo, source, name, present)
        SELECT photo, NEW.source, NEW.key, NEW.present FROM contents WHERE id = NEW.content AND photo IS NOT NULL
        ON CONFLICT (photo, source, name) DO UPDATE SET present = excluded.present;
    UPDATE photos SET present = EXISTS (SELECT 1 FROM names WHERE photo = photos.id AND present = 1)
        WHERE id IN (SELECT photo FROM contents WHERE id IN (OLD.content, NEW.content));
END;

CREATE TABLE spaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id TEXT NOT NULL UNIQUE,
    model TEXT NOT NULL,
    variant TEXT NOT NULL,
    dimension INTEGER NOT NULL CHECK (dimension > 0),
    serving INTEGER NOT NULL DEFAULT 0,
    registered_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX spaces_serving ON spaces (serving) WHERE serving = 1;

CREATE TABLE embeddings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    photo INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    space INTEGER NOT NULL REFERENCES spaces (id),
    frame_ms INTEGER NOT NULL DEFAULT 0,
    vector BLOB NOT NULL,
    UNIQUE (photo, space, frame_ms)
) STRICT;
CREATE INDEX embeddings_of_space ON embeddings (space, photo);

CREATE TABLE annotations (
    photo INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE,
    favourite INTEGER NOT NULL DEFAULT 0,
    caption TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX annotations_favourite ON annotations (photo) WHERE favourite = 1;

CREATE TABLE tags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    photo INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    UNIQUE (photo, tag)
) STRICT;
CREATE INDEX tags_by_tag ON tags (tag, photo);

CREATE TABLE albums (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    photo INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    album TEXT NOT NULL,
    UNIQUE (photo, album)
) STRICT;
CREATE INDEX albums_by_album ON albums (album, photo);

CREATE TABLE words (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    photo INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    field TEXT NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (photo, field, text)
) STRICT;
"""
_FIRST += WORD_INDEX
_FIRST += """
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    sources TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    message_zh TEXT NOT NULL DEFAULT '',
    message_en TEXT NOT NULL DEFAULT '',
    objects_seen INTEGER NOT NULL DEFAULT 0,
    photos_total INTEGER NOT NULL DEFAULT 0,
    photos_done INTEGER NOT NULL DEFAULT 0,
    photos_unreadable INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX jobs_open ON jobs (id) WHERE state IN ('RUNNING', 'PAUSED');

CREATE TABLE source_syncs (
    source TEXT PRIMARY KEY,
    synced_at INTEGER NOT NULL
) STRICT;
"""

_SECOND = """
ALTER TABLE spaces ADD COLUMN served_at INTEGER;
UPDATE spaces SET served_at = registered_at WHERE serving = 1;

ALTER TABLE jobs ADD COLUMN space_id TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN options TEXT NOT NULL DEFAULT '[]';
ALTER TABLE jobs ADD COLUMN findings TEXT NOT NULL DEFAULT '[]';

CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    scope TEXT NOT NULL CHECK (scope IN ('READ', 'WRITE', 'ADMIN')),
    folders TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    used_at INTEGER,
    revoked_at INTEGER
) STRICT;
"""

_THIRD = """
CREATE TABLE index_snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    mark TEXT NOT NULL UNIQUE
) STRICT;
"""

# missing: 0 nothing is known to be wrong; 1 not in the listing, but too much was missing at once, so a person is asked; 2 a
# person said that it is gone.
_FOURTH = """
ALTER TABLE objects ADD COLUMN missing INTEGER NOT NULL DEFAULT 0;
CREATE INDEX objects_missing ON objects (source, missing) WHERE missing > 0 AND present = 1;
"""

_FIFTH = """
CREATE TABLE refusals (
    photo INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    space INTEGER NOT NULL REFERENCES spaces (id),
    PRIMARY KEY (photo, space)
) STRICT, WITHOUT ROWID;
INSERT INTO refusals SELECT p.id, s.id FROM photos p JOIN spaces s ON s.serving = 1 WHERE p.unreadable_reason = 'MODEL_FAILED';
"""

# What a purge has yet to remove: keys of the recycle bucket, and photos' thumbnails.
_SIXTH = """
CREATE TABLE removals (
    bucket TEXT NOT NULL CHECK (bucket IN ('recycle', 'thumbnails')),
    key TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;
"""

# With all that a look asks of it: where a guest sees a large part of the library, each row of the table cost more than the look.
_SEVENTH = """
DROP INDEX names_current;
CREATE INDEX names_current ON names (path, source, photo, present, alias) WHERE present = 1 OR alias = 1;
"""

# in_source: 1 until the object that was copied to the recycle bucket is known to be gone from where it was.
_EIGHTH = """
ALTER TABLE recycled ADD COLUMN in_source INTEGER NOT NULL DEFAULT 0;
CREATE INDEX recycled_in_source ON recycled (id) WHERE in_source = 1;
"""

# A taken time has three voices, of which catalog.taken_times lets the strongest be taken_local: what reading the file found
# (read_*), a person's word, and what another program told. tellings: digests of facts told of a photo; each counts once.
_NINTH = """
ALTER TABLE photos ADD COLUMN read_local TEXT;
ALTER TABLE photos ADD COLUMN read_offset_minutes INTEGER;
ALTER TABLE photos ADD COLUMN read_origin TEXT;
ALTER TABLE photos ADD COLUMN person_local TEXT;
ALTER TABLE photos ADD COLUMN told_local TEXT;
UPDATE photos SET read_local = taken_local, read_offset_minutes = taken_offset_minutes, read_origin = taken_origin
    WHERE taken_local IS NOT NULL;
CREATE TABLE tellings (
    photo INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    digest BLOB NOT NULL,
    PRIMARY KEY (photo, digest)
) STRICT, WITHOUT ROWID;
"""

# Files that are one picture, and videos. objects.stem is filled when the catalog is opened. What tells whether files belong
# together stands with their contents. Raw files were refused and videos passed over until now: the former are read again, and
# what was passed over is looked at anew by the next listing.
_TENTH = """
ALTER TABLE objects ADD COLUMN stem TEXT;
DROP INDEX objects_in_folder;
CREATE INDEX objects_in_folder ON objects (source, folder, stem) WHERE present = 1;

ALTER TABLE contents ADD COLUMN is_part INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contents ADD COLUMN taken_local TEXT;
ALTER TABLE contents ADD COLUMN taken_offset_minutes INTEGER;
ALTER TABLE contents ADD COLUMN duration_ms INTEGER;
CREATE INDEX contents_parts ON contents (photo) WHERE is_part = 1;
UPDATE contents SET taken_local = p.read_local, taken_offset_minutes = p.read_offset_minutes
    FROM photos p WHERE p.id = contents.photo AND p.read_origin = 'EXIF';

ALTER TABLE photos ADD COLUMN duration_ms INTEGER;
ALTER TABLE photos ADD COLUMN codec TEXT NOT NULL DEFAULT '';
ALTER TABLE photos ADD COLUMN frames TEXT NOT NULL DEFAULT '';
ALTER TABLE photos ADD COLUMN poster_ms INTEGER NOT NULL DEFAULT 0;

UPDATE objects SET etag = '?', modified_at = 0 WHERE state = 'IGNORED';
UPDATE objects SET state = 'UNREAD' WHERE content IN
    (SELECT c.id FROM contents c JOIN photos p ON p.id = c.photo WHERE p.unreadable_reason = 'UNSUPPORTED');
UPDATE photos SET read_at = NULL, unreadable_reason = NULL, state = 'PENDING',
    pending_since = CAST(strftime('%s', 'now') AS INTEGER) * 1000 WHERE unreadable_reason = 'UNSUPPORTED';
"""

MIGRATIONS: tuple[str, ...] = (
    _FIRST,
    _SECOND,
    _THIRD,
    _FOURTH,
    _FIFTH,
    _SIXTH,
    _SEVENTH,
    _EIGHTH,
    _NINTH,
    _TENTH,
)
"""Step n takes a catalog from version n to n + 1."""
