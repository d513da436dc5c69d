"""Damaged files of a state directory: a command starts, or says what to do; no process but the stub is ever signalled."""

import os
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub import process, statedir
from bandplan.stub.process import StubError
from tests.damage import ODD_VALUES, SPOILERS, as_text, damaged_bytes, damaged_documents

RUN = {"pid": 4321, "port": 8765, "host": "http://127.0.0.1:8765", "started_at": "2026-11-22T12:00:00+00:00"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run.json").write_bytes(as_text(RUN))
    return tmp_path


def is_whole(run: statedir.RunFile | None) -> bool:
    return run is None or (
        type(run.pid) is int and run.pid > 0 and 0 < run.port < 65_536 and run.host == f"http://127.0.0.1:{run.port}"
    )


def test_run_file_that_is_whole_is_read(folder: Path) -> None:
    assert statedir.read_run_file(folder) == statedir.RunFile(**RUN)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", RUN)
@pytest.mark.parametrize("value", ODD_VALUES, ids=repr)
def test_run_file_with_an_odd_value_is_as_none(folder: Path, key: str, value: Any) -> None:
    (folder / "run.json").write_bytes(as_text({**RUN, key: value}))
    assert is_whole(statedir.read_run_file(folder))


@pytest.mark.parametrize("spoiler", SPOILERS)
def test_spoiled_run_file_is_as_none(folder: Path, spoiler: str) -> None:
    (folder / "run.json").write_bytes(SPOILERS[spoiler](as_text(RUN)))
    assert statedir.read_run_file(folder) is None
    assert process.status(folder) is None


def test_randomly_damaged_run_file_is_whole_or_as_none(folder: Path) -> None:
    for damage in [*map(as_text, damaged_documents(RUN, 21, 200)), *damaged_bytes(as_text(RUN), 22, 200)]:
        (folder / "run.json").write_bytes(damage)
        assert is_whole(statedir.read_run_file(folder))


@pytest.mark.parametrize("text", [b"", b"\n", b"\xff\xfe", b"a b", b"a\r\nX-Evil: 1", b"\x00" * 40, b"\x1b[31m"])
def test_file_without_a_token_counts_as_none_and_is_made_anew(folder: Path, text: bytes) -> None:
    (folder / "token").write_bytes(text)
    assert statedir.read_token(folder) == ""
    assert len(statedir.keep_token(folder)) >= 32


@pytest.mark.parametrize("text", [b"", b"x", b"-1", b"0", b"9" * 31, b"\xff\xff"])
def test_lock_that_does_not_say_who_holds_it_is_told_and_nobody_is_signalled(
    folder: Path, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = statedir.take_lock(folder)
    assert held is not None
    signalled: list[int] = []
    monkeypatch.setattr("os.kill", lambda pid, number: signalled.append(pid))
    try:
        (folder / "lock").write_bytes(text)
        assert process.status(folder) is None
        for act in (process.stop, process.start, process.reset):
            with pytest.raises(StubError, match="disagree on which process that is; stop that process by hand"):
                act(folder)
    finally:
        os.close(held)
    assert signalled == []


def test_lock_that_names_another_process_than_the_run_file_signals_neither(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = statedir.take_lock(folder)
    assert held is not None
    signalled: list[int] = []
    monkeypatch.setattr("os.kill", lambda pid, number: signalled.append(pid))
    try:
        with pytest.raises(StubError, match="disagree on which process"):
            process.stop(folder)
    finally:
        os.close(held)
    assert signalled == []


@pytest.mark.parametrize("name", ["token", "lock", "workspace.db"])
def test_folder_in_the_place_of_a_file_is_told_by_name(state_dir: Path, name: str) -> None:
    (state_dir / name).mkdir(parents=True)
    with pytest.raises(StubError) as refused:
        process.start(state_dir)
    assert str(state_dir / name) in str(refused.value)
    assert "Traceback" not in str(refused.value)


@pytest.mark.parametrize("spoiler", ["empty", "binary", "UTF-16", "a long number"])
def test_spoiled_port_is_forgotten(state_dir: Path, spoiler: str) -> None:
    state_dir.mkdir()
    (state_dir / "port").write_bytes(SPOILERS[spoiler](b"8765"))
    assert process._remembered_port(state_dir) == 0


def test_workspace_whose_documents_are_damaged_is_told(state_dir: Path) -> None:
    import sqlite3

    process.start(state_dir)
    process.stop(state_dir)
    with sqlite3.connect(state_dir / "workspace.db") as database:
        database.execute("INSERT INTO documents (kind, key, document) VALUES (?, ?, ?)", ("endpoint", "x", "{"))
        kinds = {row[0] for row in database.execute("SELECT DISTINCT kind FROM documents")}
        database.execute("UPDATE documents SET document = '{'")
    assert kinds
    with pytest.raises(StubError, match=r"cannot be read; run `bandplan stub reset`") as refused:
        process.start(state_dir)
    assert "Traceback" not in str(refused.value)
