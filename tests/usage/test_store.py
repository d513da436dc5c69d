"""The database of minutes: gaps stay gaps, it is private and bounded, and damage is reported."""

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

import pytest

from bandplan.usage.problem import BadUsage
from bandplan.usage.scrape import Scrape
from bandplan.usage.store import DAY_MINUTES, KEEP_DAYS, UseStore


@pytest.fixture
def store(tmp_path: Path) -> UseStore:
    return UseStore(tmp_path / "use.db")


def test_minutes_come_back_and_those_that_were_not_read_are_missing(store: UseStore) -> None:
    store.add("prod", 100, {"a": Scrape(5, 1, 2, 8.0, 41.5), "b": Scrape(0)})
    store.add("prod", 103, {"a": Scrape(6)})
    assert store.minutes("prod", "a", 0) == {100: Scrape(5, 1, 2, 8.0, 41.5), 103: Scrape(6)}
    assert store.minutes("prod", "a", 101) == {103: Scrape(6)}
    # 100 to 103 are four minutes, of which two were read.
    assert store.stored("prod")["a"].gap_percent == 50
    assert store.stored("prod")["b"].gap_percent == 0


def test_stacks_are_apart_and_a_second_reading_of_a_minute_replaces_the_first(store: UseStore) -> None:
    store.add("prod", 100, {"a": Scrape(5)})
    store.add("dev", 100, {"a": Scrape(1)})
    store.add("prod", 100, {"a": Scrape(7)})
    assert store.minutes("prod", "a", 0) == {100: Scrape(7)}
    assert store.minutes("dev", "a", 0) == {100: Scrape(1)}


def test_nothing_is_known_without_a_file_and_reading_makes_none(store: UseStore) -> None:
    assert store.minutes("prod", "a", 0) == {}
    assert store.stored("prod") == {}
    assert not store.path.exists()


def test_file_is_its_owner_s_alone(store: UseStore) -> None:
    store.add("prod", 100, {"a": Scrape(5)})
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_minutes_that_are_too_old_are_removed(store: UseStore) -> None:
    store.add("prod", 100, {"a": Scrape(5)})
    store.add("prod", 100 + KEEP_DAYS * DAY_MINUTES, {"a": Scrape(6)})
    assert len(store.minutes("prod", "a", 0)) == 2
    store.add("prod", 101 + KEEP_DAYS * DAY_MINUTES, {"a": Scrape(7)})
    assert 100 not in store.minutes("prod", "a", 0)


def test_file_that_grows_too_large_loses_its_oldest_minutes(tmp_path: Path) -> None:
    store = UseStore(tmp_path / "use.db", most_bytes=40_000)
    names = {f"endpoint-{index}": Scrape(5, 1, 2, 8.0, 41.5) for index in range(100)}
    for minute in range(30):
        store.add("prod", minute, names)
    kept = store.minutes("prod", "endpoint-7", 0)
    assert max(kept) == 29
    assert min(kept) > 0
    assert sorted(kept) == list(range(min(kept), 30))  # what is left has no hole
    assert store.path.stat().st_size < 120_000


@pytest.mark.parametrize(
    "content", [b"not a database at all, but a text " * 40, b"SQLite format 3\x00" + b"\x00" * 200]
)
def test_damaged_file_is_told_with_the_next_step_and_left(store: UseStore, content: bytes) -> None:
    store.path.write_bytes(content)
    with pytest.raises(BadUsage, match=r"use\.db: .*; "):
        store.add("prod", 100, {"a": Scrape(5)})
    assert store.path.read_bytes() == content


def test_database_of_another_version_is_refused(store: UseStore) -> None:
    with sqlite3.connect(store.path) as database:
        database.execute("PRAGMA user_version = 9")
    with pytest.raises(BadUsage, match=r"by another version of bandplan \(9\); move it away"):
        store.minutes("prod", "a", 0)


def test_folder_that_cannot_hold_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises((BadUsage, OSError)):
        UseStore(tmp_path / "missing" / "use.db").add("prod", 1, {"a": Scrape(1)})


def test_command_that_meets_a_file_which_another_one_is_starting_waits_for_it(tmp_path: Path) -> None:
    UseStore(tmp_path / "started.db").add("prod", 100, {"chat": Scrape(1)})
    with closing(sqlite3.connect(tmp_path / "started.db")) as started:
        tables = [sql for (sql,) in started.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
        (version,) = started.execute("PRAGMA user_version").fetchone()
    store = UseStore(tmp_path / "use.db")
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN IMMEDIATE")
        for sql in (*tables, f"PRAGMA user_version = {version}"):
            other.execute(sql)
        adding = pool.submit(store.add, "prod", 100, {"chat": Scrape(1)})
        wait([adding], timeout=0.3)  # it has looked at the empty file, and waits for the lock
        other.execute("COMMIT")
        adding.result()
    assert store.minutes("prod", "chat", 0) == {100: Scrape(1)}
