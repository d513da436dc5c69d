"""`.bandplan/use.db`: minutes of the metrics export, by stack and endpoint, in a bounded, private SQLite file.

A minute that was not read has no row: gaps stay gaps.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bandplan.usage.problem import BadUsage
from bandplan.usage.scrape import Scrape

KEEP_DAYS: Final = 60
"""Older minutes are removed; observed-use accepts a window that is at most 30 days old. Ours."""

MOST_BYTES: Final = 64 * 1024 * 1024
"""From this size on the oldest tenth is removed: about 1,000 days of one endpoint, or 50 days of 20. Ours."""

DAY_MINUTES: Final = 24 * 60
_FORMAT: Final = 1
_WAIT_SECONDS: Final = 10.0

_TABLES: Final = (
    "CREATE TABLE endpoints (id INTEGER PRIMARY KEY, stack TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (stack, name))",
    "CREATE TABLE minutes ("
    "endpoint INTEGER NOT NULL, minute INTEGER NOT NULL, requests INTEGER NOT NULL, answered_4xx INTEGER NOT NULL, "
    "answered_5xx INTEGER NOT NULL, concurrency REAL, gpu_percent REAL, PRIMARY KEY (endpoint, minute)"
    ") WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of an endpoint: minutes since 1970 of the first and the last one, and how many there are."""

    first: int
    last: int
    minutes: int

    @property
    def gap_percent(self) -> float:
        """The share of minutes between the first and the last that were not read."""
        return 100 * (1 - self.minutes / (self.last - self.first + 1))


@dataclass(frozen=True)
class UseStore:
    """The file at `path`, in a folder that exists. Errors of every method: BadUsage."""

    path: Path
    most_bytes: int = MOST_BYTES

    def add(self, stack: str, minute: int, scrapes: Mapping[str, Scrape]) -> None:
        """Store one minute (since 1970) of endpoints; a second reading of a minute replaces the first."""
        with self._open() as database:
            for name, one in scrapes.items():
                database.execute("INSERT OR IGNORE INTO endpoints (stack, name) VALUES (?, ?)", (stack, name))
                counts = (one.requests, one.answered_4xx, one.answered_5xx, one.concurrency, one.gpu_percent)
                database.execute(
                    "INSERT OR REPLACE INTO minutes "
                    "SELECT id, ?, ?, ?, ?, ?, ? FROM endpoints WHERE stack = ? AND name = ?",
                    (minute, *counts, stack, name),
                )
            self._prune(database, minute)

    def minutes(self, stack: str, endpoint: str, since: int) -> dict[int, Scrape]:
        """Return the stored minutes from `since` on, by minute; empty without a file."""
        if not self.path.exists():
            return {}
        with self._open() as database:
            rows = database.execute(
                "SELECT minute, requests, answered_4xx, answered_5xx, concurrency, gpu_percent FROM minutes "
                "WHERE endpoint = (SELECT id FROM endpoints WHERE stack = ? AND name = ?) AND minute >= ?",
                (stack, endpoint, since),
            )
            return {row[0]: Scrape(*row[1:]) for row in rows}

    def stored(self, stack: str) -> dict[str, Stored]:
        """Return what is stored of each endpoint of a stack."""
        if not self.path.exists():
            return {}
        with self._open() as database:
            rows = database.execute(
                "SELECT name, min(minute), max(minute), count(*) FROM minutes JOIN endpoints ON endpoint = id "
                "WHERE stack = ? GROUP BY name",
                (stack,),
            )
            return {row[0]: Stored(*row[1:]) for row in rows}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file in one transaction; create it first, closed to other users."""
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            with closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level="IMMEDIATE")) as database:
                self._require_format(database)
                with database:
                    yield database
        except sqlite3.OperationalError as error:
            raise BadUsage(f"{self.path}: cannot be used: {error}; free the disk, or end what else uses it") from error
        except sqlite3.DatabaseError as error:
            raise BadUsage(
                f"{self.path}: damaged: {error}; move it away, and `bandplan observe` starts a new one"
            ) from error

    def _require_format(self, database: sqlite3.Connection) -> None:
        if database.execute("PRAGMA user_version").fetchone() == (_FORMAT,):
            return
        # Once more with the lock: two commands of a crontab may start the file in the same moment.
        database.execute("BEGIN IMMEDIATE")
        (found,) = database.execute("PRAGMA user_version").fetchone()
        if found == _FORMAT:
            database.rollback()
            return
        (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if found or tables:
            step = "move it away, or use that version"
            raise BadUsage(f"{self.path}: written by another version of bandplan ({found}); {step}")
        for statement in (*_TABLES, f"PRAGMA user_version = {_FORMAT}"):
            database.execute(statement)
        database.commit()

    def _prune(self, database: sqlite3.Connection, now: int) -> None:
        """Remove what is too old, then the oldest tenth for as long as the file is too large."""
        self._remove_before(database, now - KEEP_DAYS * DAY_MINUTES)
        while self._bytes_in_use(database) > self.most_bytes:
            first, last = database.execute("SELECT min(minute), max(minute) FROM minutes").fetchone()
            if first is None or first >= last:
                return
            self._remove_before(database, first + max(1, (last - first) // 10))

    def _remove_before(self, database: sqlite3.Connection, minute: int) -> None:
        # By the endpoint first, so that the primary key is used.
        database.execute("DELETE FROM minutes WHERE endpoint IN (SELECT id FROM endpoints) AND minute < ?", (minute,))

    def _bytes_in_use(self, database: sqlite3.Connection) -> int:
        pages, free, size = (
            int(database.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size
