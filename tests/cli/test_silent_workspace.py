"""A workspace that takes requests and never answers: commands that ask it say so soon, by a question of their own."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.cli.main import main
from tests.checkpoints import write_llama

MODELS = """\
version: 1
models:
  - {name: chat, task: llm/v1/chat, model: ml.chat.tuned, version: "3", throughput: {bands: {min: 1, max: 2}}}
  - {name: old, task: llm/v1/completions, model: ml.legacy.mpt_7b_instruct, version: "3", allow_legacy: true,
     workload: {type: GPU_LARGE, size: Small, parameters_billion: 7}}
"""


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # the kernel accepts; nobody reads
        yield silent.getsockname()[1]


@pytest.mark.parametrize(
    "command",
    [
        ("rollback", "chat", "--to", "2"),
        ("migrate",),
        ("validate",),
        ("log-model", "llama", "--task", "llm/v1/chat", "--register", "--name", "a.b.c"),
    ],
)
def test_silence_is_told_by_the_first_short_question(
    port: int,
    command: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: project\n")
    (tmp_path / "models.yaml").write_text(MODELS)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text("config: {}\n")
    write_llama(tmp_path / "llama")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABRICKS_HOST", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("DATABRICKS_TOKEN", "secret-token")

    assert main([*command, "--stack", "dev"]) == 1

    said = capsys.readouterr().err
    assert f"http://127.0.0.1:{port} accepted the request and sent no answer" in said
    assert "scim/v2/Me" in said
    assert "secret-token" not in said
