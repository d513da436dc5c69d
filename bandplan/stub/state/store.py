"""The SQLite file of the workspace: documents by kind and key, one writer.

Write-ahead log with `synchronous=NORMAL`: a commit survives the death of the process (kill -9), but not always that of
the machine. Every write is one short transaction that ends before the answer is sent.
"""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FORMAT = 1
"""Increased when the documents change shape; a file of another format is refused rather than guessed at."""


class StoreError(Exception):
    """The database cannot be used; the message says what to do."""


class Store:
    """Documents by (kind, key); keys are unique within a kind and listed in order of insertion."""

    def __init__(self, path: Path) -> None:
        try:
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._prepare(path)
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{path}: {error}; run `bandplan stub reset` to start from an empty workspace") from error

    def _prepare(self, path: Path) -> None:
        run = self._database.execute
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=NORMAL")
        found = int(run("PRAGMA user_version").fetchone()[0])
        if found not in (0, FORMAT):
            raise StoreError(
                f"{path}: written in format {found}, this version reads format {FORMAT}; "
                "run `bandplan stub reset` to start from an empty workspace"
            )
        run(
            "CREATE TABLE IF NOT EXISTS documents (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL,"
            " document TEXT NOT NULL, UNIQUE (kind, key))"
        )
        run(f"PRAGMA user_version={FORMAT}")

    def all(self, kind: str) -> Iterable[tuple[str, Any]]:
        """Return every (key, document) of a kind, oldest first."""
        rows = self._database.execute("SELECT key, document FROM documents WHERE kind = ? ORDER BY number", (kind,))
        try:
            return [(key, json.loads(document)) for key, document in rows]
        except (ValueError, TypeError, RecursionError, sqlite3.DatabaseError) as error:
            raise StoreError(
                f"the workspace's {kind} cannot be read; run `bandplan stub reset` to start from an empty workspace"
            ) from error

    def put(self, kind: str, key: str, document: Any) -> None:
        """Insert or replace a document; a replaced document keeps its place in the order."""
        self._database.execute(
            "INSERT INTO documents (kind, key, document) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, key) DO UPDATE SET document = excluded.document",
            (kind, key, json.dumps(document, separators=(",", ":"))),
        )

    def delete(self, kind: str, key: str) -> None:
        """Delete a document, if it exists."""
        self._database.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))

    def close(self) -> None:
        """Merge the log into the file and close it."""
        self._database.close()
