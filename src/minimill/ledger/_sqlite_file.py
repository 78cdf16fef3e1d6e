"""The ledger file: where it may lie, who may read it, which tables it has, and opening it.

It may import `_errors` and its neighbour `_sqlite_lock`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator

from minimill._errors import LedgerError

APPLICATION_ID = 0x6D696E69  # "mini"
_MAGIC = b"SQLite format 3\0"
BUSY_S = 10.0
"""How long another program (not minimill: those wait for the lock) may block a write."""

_NETWORK = frozenset(
    "nfs nfs3 nfs4 cifs smb smb2 smb3 smbfs afs afpfs ceph fuse.ceph glusterfs fuse.glusterfs lustre gpfs beegfs "
    "fuse.sshfs fuse.s3fs fuse.gcsfuse fuse.rclone ocfs2 gfs2 davfs fuse.davfs2 ncpfs coda orangefs".split()
)

_MIGRATIONS = (
    """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) {strict}, WITHOUT ROWID;
INSERT INTO meta VALUES ('budgets_version', 1);
CREATE TABLE budgets (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, currency TEXT NOT NULL, window TEXT NOT NULL,
  zone TEXT NOT NULL, scope TEXT NOT NULL, by TEXT, limit_nanos INTEGER NOT NULL, hard INTEGER NOT NULL,
  share_ppm INTEGER NOT NULL, seen TEXT NOT NULL) {strict};
CREATE TABLE accounts (
  id INTEGER PRIMARY KEY, budget TEXT NOT NULL, key TEXT NOT NULL, window TEXT NOT NULL,
  settled INTEGER NOT NULL, held INTEGER NOT NULL, kept INTEGER NOT NULL, unpriced INTEGER NOT NULL,
  owed TEXT NOT NULL, UNIQUE (budget, window, key)) {strict};
CREATE TABLE providers (name TEXT PRIMARY KEY, answered_us INTEGER NOT NULL) {strict}, WITHOUT ROWID;
CREATE TABLE holds (
  id TEXT PRIMARY KEY, state TEXT NOT NULL, reserved_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,
  meta TEXT, lines TEXT NOT NULL, record TEXT, charged TEXT) {strict}, WITHOUT ROWID;
CREATE TABLE attempts (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, reserved_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL, started_us INTEGER NOT NULL, meta TEXT, lines TEXT NOT NULL, record TEXT,
  charged TEXT) {strict};
CREATE INDEX attempts_started ON attempts (started_us);
CREATE TABLE waiting (
  process TEXT NOT NULL, budget TEXT NOT NULL, key TEXT NOT NULL, since_us INTEGER NOT NULL,
  needed INTEGER NOT NULL, seen_us INTEGER NOT NULL, PRIMARY KEY (process, budget, key)) {strict}, WITHOUT ROWID;
CREATE TABLE entries (
  seq INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, attempt TEXT NOT NULL, account INTEGER NOT NULL,
  kind TEXT NOT NULL, held INTEGER NOT NULL, settled INTEGER NOT NULL, unpriced INTEGER NOT NULL,
  reason TEXT) {strict};
""",
    """
ALTER TABLE providers ADD COLUMN silent_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE providers ADD COLUMN doubted_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE providers ADD COLUMN probes INTEGER NOT NULL DEFAULT 0;
UPDATE providers SET silent_us = -answered_us, doubted_us = -answered_us, answered_us = 0 WHERE answered_us < 0;
UPDATE holds SET state = 'doubted' WHERE state = 'kept';
ALTER TABLE holds ADD COLUMN process TEXT NOT NULL DEFAULT '';
CREATE TABLE processes (id TEXT PRIMARY KEY, seen_us INTEGER NOT NULL) {strict}, WITHOUT ROWID;
DROP TABLE waiting;
CREATE TABLE waiting (
  process TEXT NOT NULL, budget TEXT NOT NULL, key TEXT NOT NULL, provider TEXT NOT NULL, since_us INTEGER NOT NULL,
  needed INTEGER NOT NULL, seen_us INTEGER NOT NULL,
  PRIMARY KEY (process, budget, key, provider)) {strict}, WITHOUT ROWID;
""",
    """
CREATE TRIGGER entries_stand BEFORE UPDATE ON entries
BEGIN SELECT raise(ABORT, 'an entry of the books is never changed'); END;
CREATE TRIGGER entries_stay BEFORE DELETE ON entries
BEGIN SELECT raise(ABORT, 'an entry of the books is never deleted'); END;
""",
    """
CREATE TABLE marks (
  budget TEXT NOT NULL, window TEXT NOT NULL, key TEXT NOT NULL, level_ppm INTEGER NOT NULL, by TEXT NOT NULL,
  at_us INTEGER NOT NULL, PRIMARY KEY (budget, window, key, level_ppm)) {strict}, WITHOUT ROWID;
""",
)
"""One script for each step of the schema; the file says how many it has seen (`user_version`)."""


def prepare_folder(path: str) -> None:
    """Make the folder of the ledger (0700) if it is missing; refuse network file systems, and what is no ledger.

    That comes before anything is made beside the file. Raises LedgerError or OSError.
    """
    _check_kind(path)
    folder = os.path.dirname(path)
    kind = file_system(folder)
    if kind in _NETWORK:
        raise LedgerError(
            f"{path} lies on a network file system ({kind}), where SQLite's locks do not hold; "
            "put the ledger on a local disk"
        )
    os.makedirs(folder, mode=0o700, exist_ok=True)


def _check_kind(path: str) -> None:
    if os.path.exists(path + ".lock") or not os.path.exists(path):
        return  # opening a ledger that is in use, and closing it, would drop the locks this process has on it
    if not os.path.isfile(path):
        raise LedgerError(f"{path} is not a file; nothing was written, nothing was sent")
    with open(path, "rb") as file:
        head = file.read(len(_MAGIC))
    if head and head != _MAGIC:
        raise LedgerError(f"{path} is not a database; nothing was written, nothing was sent")


def _make_file(path: str) -> None:
    # SQLite gives -wal and -shm the mode of the file. Opening a file that exists and closing it again would
    # drop the locks this process has on it, hence O_EXCL.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def file_system(folder: str, mounts: str = "/proc/mounts") -> str | None:
    """The type of the file system that holds a folder, or that will; None where the system does not tell."""
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.split(" ") for line in file]
    except OSError:
        return None
    folder = os.path.realpath(folder)
    best, kind = "", None
    for fields in lines:
        point = _unescaped(fields[1])
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def _unescaped(point: str) -> str:
    for code, text in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(code, text)
    return point


def connect(path: str) -> sqlite3.Connection:
    """Open the ledger for writing and bring its tables up to date. Call it under the lock.

    Raises LedgerError, OSError or sqlite3.Error; nothing stays open then.
    """
    _make_file(path)
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, cached_statements=128)
    try:
        _check_ours(db, path)
        mode = db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise LedgerError(f"{path}: this file system does not let SQLite keep a write-ahead log (it says {mode})")
        for pragma in ("synchronous=FULL", "wal_autocheckpoint=0", "temp_store=MEMORY", "cache_size=-16384"):
            db.execute(f"PRAGMA {pragma}")
        _migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def connect_reader(path: str) -> sqlite3.Connection:
    """Open the ledger for reading only: such a connection can neither write nor checkpoint."""
    from urllib.parse import quote

    uri = f"file:{quote(os.path.abspath(path))}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)


def _check_ours(db: sqlite3.Connection, path: str) -> None:
    owner = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and (owner or version or tables):
        raise LedgerError(f"{path} is a SQLite file of another program, not a minimill ledger")
    if version > len(_MIGRATIONS):
        raise LedgerError(
            f"{path} was written by a newer minimill (schema {version}, this one knows {len(_MIGRATIONS)}); "
            "update minimill"
        )


def _migrate(db: sqlite3.Connection) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == len(_MIGRATIONS):
        return
    strict = "STRICT" if sqlite3.sqlite_version_info >= (3, 37) else ""
    db.execute("BEGIN IMMEDIATE")
    try:
        for script in _MIGRATIONS[version:]:
            for statement in _statements(script):
                db.execute(_with_options(statement, strict))
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        db.execute(f"PRAGMA user_version={len(_MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines():
        statement += f"{line}\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _with_options(statement: str, strict: str) -> str:
    text = statement.replace("{strict}", strict)
    return text if strict else text.replace(") , WITHOUT ROWID", ") WITHOUT ROWID")
