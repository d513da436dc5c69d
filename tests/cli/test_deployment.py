"""What is looked at before a stack that is not the local one is touched."""

from pathlib import Path

import pytest

from bandplan.cli.main import main


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: bandplan\nruntime: python\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABRICKS_TOKEN", "a-token-of-the-test")
    return tmp_path


def test_embedded_engine_refuses_another_machine_before_it_asks_it_anything(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A reserved name that never resolves: whoever asked it first would say that it cannot be reached.
    monkeypatch.setenv("DATABRICKS_HOST", "https://workspace.invalid")

    assert main(["preview", "--stack", "dev", "--engine", "embedded"]) == 1

    said = capsys.readouterr().err
    assert "a workspace that is not on this machine (workspace.invalid)" in said
    assert "a-token-of-the-test" not in said


def test_missing_workspace_is_told_with_what_to_set(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)

    assert main(["preview", "--stack", "dev", "--engine", "embedded"]) == 1

    assert "DATABRICKS_HOST" in capsys.readouterr().err


def test_embedded_engine_refuses_the_published_plugin_before_it_starts_a_workspace(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BANDPLAN_DATABRICKS_PLUGIN", "published")

    assert main(["preview", "--engine", "embedded"]) == 2

    assert "BANDPLAN_DATABRICKS_PLUGIN" in capsys.readouterr().err
    assert not (project / ".bandplan").exists()
