"""The chunks in use, as `bandplan bench` reads them from a workspace that holds its bands."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.cli.bench_chunks import exported_chunks, running_chunks
from bandplan.cli.main import main
from bandplan.stub import process
from tests.stub.stub_client import LLAMA, StubClient, bands

TWO_TO_THREE = {"min_provisioned_throughput": 1960, "max_provisioned_throughput": 2940}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, StubClient]]:
    root = tmp_path_factory.mktemp("chunks")
    (root / "Pulumi.yaml").write_text("name: bandplan\n", encoding="utf-8")
    (root / "models.yaml").write_text(
        f'version: 1\nmodels:\n- {{name: held, task: llm/v1/chat, model: {LLAMA}, version: "1", '
        "throughput: {bands: {min: 2, max: 3}}}\n",
        encoding="utf-8",
    )
    running = process.start(root / ".bandplan" / "stub", settle="at-once", capacity="provisioned")
    client = StubClient(running.host, running.token)
    client.create("held", bands(name="a", **TWO_TO_THREE), bands(name="b", **TWO_TO_THREE))
    yield root, client
    process.stop(root / ".bandplan" / "stub")


def test_both_sources_say_the_same_of_an_entity_and_of_all(workspace: tuple[Path, StubClient]) -> None:
    shown = workspace[1].ok("GET", "/stub/endpoints/held")
    export = workspace[1].raw("GET", "/api/2.0/serving-endpoints/held/metrics").data.decode()
    for served, chunks in ((None, 4.0), ("a", 2.0), ("c", None)):
        assert running_chunks(shown, served) == exported_chunks(export, served) == chunks


def test_nothing_is_said_of_what_nothing_limits() -> None:
    assert running_chunks({"capacity": {"unlimited": True, "entities": {}}}, None) is None
    assert exported_chunks('gpu_usage_percentage{gpu="0"} 12\n', None) is None


def test_a_level_has_the_chunks_that_served_it(
    workspace: tuple[Path, StubClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace[0])
    for attempt in range(20):
        seconds = str(1.2 + attempt)
        main(["bench", "held", "--input", "60", "--output", "8", "--parallel", "2", "--seconds", seconds])
        (point,) = json.loads((workspace[0] / "bench.json").read_text(encoding="utf-8"))["curve"]
        if point["chunks_in_use"]:  # not on a machine that stalls until the level has ended
            break
    assert point["chunks_in_use"], "read at least once"
    assert {one["chunks"] for one in point["chunks_in_use"]} == {4.0}
