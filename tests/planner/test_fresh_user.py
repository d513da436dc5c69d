"""From a demand to a band in models.yaml, and what the local workspace's capacity makes of it, in virtual time."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.main import main
from bandplan.planner.load import Load, Shape
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.workspace.cache import Cache
from bandplan.stub.capacity.shape import Shape as StubShape
from tests.planner.stub_runs import CHUNK, open_loop
from tests.stub.capacity.virtual_time import Clients, pool_of

MODEL = "system.ai.llama_v3_3_70b_instruct"
ENTRY = f"""\
version: 1
models:
  - name: desk-chat
    task: llm/v1/chat
    model: {MODEL}
    version: "1"
    throughput: auto  # to be sized
    demand: {{requests_per_second: 20, input_tokens: 1500, output_tokens: 200, latency_seconds: 8}}  # from product
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: fresh\nruntime: python\n")
    (tmp_path / "models.yaml").write_text(ENTRY)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.local.yaml").write_text("config: {}\n")
    record = Cache(tmp_path / ".bandplan" / "optimization-info")
    record.record("https://example.com", {ModelVersion(MODEL, "1"): OptimizationInfo(True, "llama", int(CHUNK))})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, Any]:
    assert main(["size", "desk-chat", "--json", *flags]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def p95(latencies: Sequence[float]) -> float:
    return sorted(latencies)[int(0.95 * len(latencies))]


def test_the_band_that_is_written_meets_the_target_and_twice_the_load_breaks_it_as_foretold(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", "--offline"]) == 0
    assert "auto is 42 bands, for 8 s of latency at p95 and the headroom" in capsys.readouterr().out
    found = answer(capsys, "--write")
    chunks = found["ceiling"]["chunks"]
    assert chunks == 42  # 20 x 1700 x 1.2 / 980 = 41.6
    written = (project / "models.yaml").read_text()
    assert written == ENTRY.replace("auto  # to", "{bands: {min: 42, max: 42}}  # to")
    assert main(["validate", "--offline"]) == 0

    planned = found["ceiling"]["latency_seconds"]["p95"]
    measured = p95(open_loop(Load(Shape(1500, 200), 20), 600, 0, chunks))
    assert measured < 8
    assert measured == pytest.approx(planned, rel=0.05)

    # A full chunk ends 4 requests in 1.35 x 4.92 s, so 42 end 25.3 a second. 40 come.
    foretold = found["twice_the_load"]
    assert foretold["utilisation"] == pytest.approx(40 / 25.3, rel=0.01)
    assert foretold["misses"] == ["latency"]
    late, per_second = overloaded(40, chunks)
    assert per_second == pytest.approx(25.3, rel=0.03)
    assert p95(late) > 8


def overloaded(rate: float, chunks: int) -> tuple[list[float], float]:
    """Return the latencies of those that end within 30 s of load, and how many end in each of its last 20 s.

    They end in waves of 6.64 s: three of them.
    """
    rng = random.Random(7)
    clients = Clients(pool_of(CHUNK, chunks, chunks))
    while clients.now < 30:
        clients.run(clients.now + rng.expovariate(rate))
        clients.send(StubShape(1500, 200))
    ends = [one.ticket.ended or 0 for one in clients.ended]
    return [one.latency for one in clients.ended], sum(end > 10 for end in ends) / 20


def test_a_target_that_one_request_misses_alone_takes_a_larger_chunk(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["size", "desk-chat", "--latency", "3"]) == 2
    assert "no capacity fixes this: one request alone takes 4.9 s, more than 3.0 s" in capsys.readouterr().err
    (project / "models.yaml").write_text(ENTRY.replace("latency_seconds: 8", "latency_seconds: 3"))
    assert main(["validate", "--offline"]) == 2
    assert "S35-latency models/desk-chat/demand: no capacity fixes this" in capsys.readouterr().out
    found = answer(capsys, "--chunk", "2000")
    assert found["ceiling"]["latency_seconds"]["p95"] < 3
    assert found["ceiling"]["misses"] == []


def test_the_answer_says_what_twice_the_load_does(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "desk-chat"]) == 0
    told = capsys.readouterr().out
    assert (
        "With twice the load: 158% in use; at most 25.3 requests/s complete, so the queue fills and 37% are refused."
        in told
    )
    assert main(["size", "desk-chat", "--headroom", "150", "--latency", "6.3"]) == 0
    told = capsys.readouterr().out
    assert "With twice the load: " in told and "within the target" in told
