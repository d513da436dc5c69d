import json
import threading
from pathlib import Path

import pytest

from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.registry_answers import ModelAlias
from bandplan.serving.workspace.cache import Cache

HOST = "http://127.0.0.1:8080"
LLAMA = ModelVersion("system.ai.llama_v3_3_70b_instruct", "1")
GTE = ModelVersion("system.ai.gte_large_en_v1_5", "1")


def info(chunk: int = 980) -> OptimizationInfo:
    return OptimizationInfo(optimizable=True, model_type="llama", throughput_chunk_size=chunk)


def test_offline_answers_of_a_workspace_go_before_those_of_others(tmp_path: Path) -> None:
    committed = tmp_path / "committed.json"
    Cache(tmp_path / "x", committed=committed, now=lambda: 9.0).commit({LLAMA: info(980), GTE: info(970)}, {})
    cache = Cache(tmp_path / "cache", committed=committed, now=lambda: 1.0)
    cache.record("http://a", {LLAMA: info(490)})
    assert cache.recorded_for("http://a") == {LLAMA: info(490), GTE: info(970)}
    assert cache.recorded_for(None) == {LLAMA: info(980), GTE: info(970)}


def test_committed_file_changes_only_where_an_answer_does(tmp_path: Path) -> None:
    path = tmp_path / "committed.json"
    Cache(tmp_path, committed=path, now=lambda: 1.0).commit({LLAMA: info(980), GTE: info(970)}, {})
    Cache(tmp_path, committed=path, now=lambda: 2.0).commit({LLAMA: info(980), GTE: info(490)}, {})
    times = {one["model"]: one["asked_at"] for one in json.loads(path.read_text())["answers"]}
    assert times == {LLAMA.model: 1.0, GTE.model: 2.0}


def test_aliases_of_the_committed_file_are_read_as_far_as_they_are_well_formed(tmp_path: Path) -> None:
    cache = Cache(tmp_path, committed=tmp_path / "committed.json")
    assert cache.recorded_aliases() == {}
    alias = ModelAlias("ml.x.tuned", "champion")
    cache.commit({LLAMA: info(980)}, {alias: "7"})
    assert cache.recorded_aliases() == {alias: "7"}
    document = json.loads((tmp_path / "committed.json").read_text())
    document["aliases"] += [{"model": "ml.x.tuned"}, 7, {"model": "m", "alias": "a", "version": "latest"}]
    (tmp_path / "committed.json").write_text(json.dumps(document))
    assert cache.recorded_aliases() == {alias: "7"}
    assert Cache(tmp_path).recorded_aliases() == {}


def test_what_is_recorded_is_read_back_by_a_later_run(tmp_path: Path) -> None:
    Cache(tmp_path / "new").record(HOST, {LLAMA: info()})
    assert Cache(tmp_path / "new").recorded(HOST) == {LLAMA: info()}


def test_each_workspace_has_its_own_answers(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.record(HOST, {LLAMA: info(980)})
    cache.record("https://other.example.com", {LLAMA: info(1580)})
    assert cache.recorded(HOST) == {LLAMA: info(980)}
    assert cache.recorded("https://other.example.com") == {LLAMA: info(1580)}
    assert cache.recorded("https://third.example.com") == {}


def test_without_a_workspace_the_latest_answer_of_any_counts(tmp_path: Path) -> None:
    Cache(tmp_path, now=lambda: 2.0).record(HOST, {LLAMA: info(980)})
    Cache(tmp_path, now=lambda: 1.0).record("https://other.example.com", {LLAMA: info(1580), GTE: info(970)})
    assert Cache(tmp_path).recorded_anywhere() == {LLAMA: info(980), GTE: info(970)}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"format": 99, "answers": []}',
        b"[" * 100_000,
        b'{"format": 1, "workspace": "http://127.0.0.1:8080", "answers": [{"model": 1}, null, {}]}',
        b'{"format": 1, "workspace": "http://127.0.0.1:8080", "answers": 3}',
    ],
)
def test_a_broken_file_counts_as_empty_and_is_written_anew(tmp_path: Path, content: bytes) -> None:
    cache = Cache(tmp_path)
    cache.record(HOST, {LLAMA: info()})
    (file,) = tmp_path.glob("*.json")
    file.write_bytes(content)
    assert cache.recorded(HOST) == {}
    assert cache.recorded_anywhere() == {}
    cache.record(HOST, {LLAMA: info()})
    assert cache.recorded(HOST) == {LLAMA: info()}


def test_several_runs_recording_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each thread stands for a process: a cache of its own over the same folder."""
    versions = [ModelVersion(f"ml.x.m{number}", "1") for number in range(40)]
    threads = [threading.Thread(target=Cache(tmp_path).record, args=(HOST, {version: info()})) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(Cache(tmp_path).recorded(HOST)) == set(versions)
    assert not list(tmp_path.glob("*.tmp"))
