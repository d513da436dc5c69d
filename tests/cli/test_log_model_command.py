from pathlib import Path

import pytest

from bandplan.cli.main import main
from tests.checkpoints import write_bert, write_llama


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: project\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--register"], "--register needs the model's name"),
        (["--name", "a.b.c"], "--name works only with --register"),
        (["--tag", "a=b", "--reference-weights"], "--tag, --reference-weights work only with --register"),
        (["--metadata", "text", "--check", "--task", "llm/v1/chat"], "--metadata text: must have the form KEY=VALUE"),
    ],
)
def test_arguments_that_make_no_sense_end_with_status_2(
    project: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_llama(project / "llama")
    assert main(["log-model", "llama", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_logged_model_is_not_logged_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "logged").mkdir()
    (project / "logged" / "MLmodel").write_text("flavors: {}")
    assert main(["log-model", "logged"]) == 2
    assert "logged is already logged; add --register" in capsys.readouterr().err


def test_missing_folder_is_an_error_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log-model", "nowhere", "--task", "llm/v1/chat"]) == 1
    assert capsys.readouterr().err.startswith("error: nowhere: no such folder")


def test_check_describes_a_checkpoint_and_needs_no_workspace(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_llama(project / "llama")
    assert main(["log-model", "llama", "--task", "llm/v1/chat", "--check"]) == 0
    assert capsys.readouterr().out == "llama: LlamaForCausalLM, 10,736 parameters, BF16, 28.6 KB\n"


def test_check_lists_every_finding_and_ends_with_status_2(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (write_bert(project / "gte") / "tokenizer_config.json").unlink()
    assert main(["log-model", "gte", "--task", "llm/v1/embeddings", "--check"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(";")[0] for line in lines[1:]] == [
        "error: gte: no tokenizer_config.json",
        "error: gte: metadata has no model_type",
    ]
    assert main(["log-model", "gte", "--task", "llm/v1/embeddings", "--model-type", "gte-large", "--check"]) == 2
    assert len(capsys.readouterr().out.splitlines()) == 2
