"""The README's two commands for a user with a GPU, and the fleet of examples/local-gpu.yaml, with a fake `vllm` on PATH."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, FleetProject
from tests.stub.engines.fake_server import ANSWER
from tests.stub.engines.fake_vllm import installed, told

TEXT = "".join(ANSWER)
STACK_FILE = "stacks/Pulumi.local.yaml"


@pytest.fixture
def path(fleet: FleetProject, tmp_path: Path) -> str:
    """A PATH with `vllm`, a GPU, and the project's own `bandplan`."""
    programs = tmp_path / "programs"
    installed(programs)
    smi = programs / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'NVIDIA L4, 23034, 22500'\n")
    smi.chmod(0o755)
    example = (ROOT / "examples" / "local-gpu" / "Pulumi.local.yaml").read_text()
    (fleet.root / STACK_FILE).write_text(example)
    return f"{programs}{os.pathsep}{os.environ['PATH']}"


def commands_of_the_readme() -> list[str]:
    section = (ROOT / "README.md").read_text().partition("## Answers from a real model")[2]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return [line.partition("#")[0].strip() for line in block[1].splitlines()]


def test_two_commands_of_the_readme_and_up_give_real_answers(fleet: FleetProject, path: str, tmp_path: Path) -> None:
    install, start = commands_of_the_readme()
    assert install == "pip install vllm"  # what it installs is the fake on PATH
    environ = {**fleet.environment(PATH=path), "BANDPLAN_ENGINE": "embedded"}
    done = subprocess.run(start.split(), cwd=fleet.root, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "the local workspace runs at " in done.stdout

    out = fleet.bandplan("up", "--yes", "--engine", "embedded")
    table = out[out.index("\nENDPOINT") :]
    assert re.search(r"^support-chat .*READY  vllm \(unsloth/Llama-3.2-3B-Instruct\) +http", table, re.MULTILINE)
    assert re.search(r"^ticket-search .*READY  vllm \(BAAI/bge-large-en-v1.5\) +http", table, re.MULTILINE)
    assert "openai" not in out, "what was passed over for a real engine is for the status"
    assert f"  support-chat: {TEXT}  [" in out and f"  support-batch: {TEXT}  [" in out

    starts = {start["arguments"][1]: start["arguments"] for start in told(tmp_path / "programs")}
    assert len(told(tmp_path / "programs")) == len(starts) == 3, "two endpoints of one model share its engine"
    shares = [float(own[own.index("--gpu-memory-utilization") + 1]) for own in starts.values()]
    assert sorted(shares) == [0.1, 0.3, 0.45]
    assert "--runner" in starts["BAAI/bge-large-en-v1.5"]

    status = fleet.bandplan("stub", "status")
    assert "engine auto, where bandplan:engines names no other" in status
    assert "vllm (unsloth/Llama-3.2-1B-Instruct): ready" in status
    assert "openai: no url is set in bandplan:engines" in status


def test_same_fleet_without_a_gpu_is_simulated_and_says_why(fleet: FleetProject, path: str, tmp_path: Path) -> None:
    (tmp_path / "programs" / "nvidia-smi").unlink()
    fleet.bandplan("stub", "start", "--engine", "auto", PATH=path)
    out = fleet.bandplan("up", "--yes", "--engine", "embedded")
    assert "Simulated answer" in out
    assert re.search(r"^support-chat .*READY  simulated  http", out, re.MULTILINE)
    assert "router-chat, support-batch, support-chat, ticket-search: openai: no url is set in bandplan:engines" in out
    assert "vllm: vLLM is installed, but this machine has no GPU that nvidia-smi lists" in out
    assert told(tmp_path / "programs") == []


def test_engine_that_cannot_start_fails_up_without_waiting_for_its_endpoints(
    fleet: FleetProject, path: str, tmp_path: Path
) -> None:
    fleet.bandplan("stub", "start", "--engine", "auto", PATH=path, FAKE_VLLM="refuses")
    done = fleet.run("up", "--yes", "--engine", "embedded")
    assert done.returncode == 1
    assert "router-chat: FAILED: its engine has failed, as said above" in done.stdout
    assert (
        "router-chat: vllm failed: vllm serve ended with status 1: OutOfMemoryError: CUDA out of memory" in done.stdout
    )
