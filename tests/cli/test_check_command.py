"""`bandplan check` on a team's repository: every part is judged, and the last line says which failed."""

from pathlib import Path

import pytest

from bandplan.cli.main import installed_version, main
from tests.upgrading.record import write_repository


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "fleet"
    write_repository(root)
    monkeypatch.chdir(root)
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "BANDPLAN_MODELS"):
        monkeypatch.delenv(name, raising=False)
    return root


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def last(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_what_init_writes_passes_and_nothing_is_contacted(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert last(capsys) == "check: passed"
    assert not (repository / ".bandplan").exists()


def test_errors_of_the_models_file_fail_every_stack(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(repository / "models.yaml", "throughput: auto", "throughput: {bands: {min: 3, max: 2}}")
    assert main(["check"]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == "check: failed: stack local, stack dev, stack prod"
    assert told.out.count("S8-order") == 1 and told.out.count("problems of the models file, as above\n") == 2
    assert told.out.count("nothing was judged: the models file has errors") == 3


def test_policies_fail_the_stack_that_they_stop(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(repository / "models.yaml", "  ai_gateway: {usage_tracking_config: {enabled: true}}\n", "")
    assert main(["check"]) == 1
    assert last(capsys) == "check: failed: stack prod"
    assert main(["check", "--stack", "dev"]) == 0


def test_every_other_part_is_named_when_it_fails(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(repository / "requirements.txt", f"bandplan=={installed_version()}", "bandplan==9.9.9")
    edit(repository / ".github/workflows/drift.yml", "bandplan drift --stack", "bandplan drfit --stack")
    edit(repository / "policies/own/test_floor_too_high.py", "bands=(4, 8)", "bands=(5, 8)")
    assert main(["check"]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == "check: failed: workflows, requirements.txt, tests in policies/own/"
    assert "drift.yml:" in told.err and "no such command as drfit" in told.err
    assert f"pins bandplan 9.9.9, and {installed_version()} is installed" in told.err
    assert "test_floor_within_the_limit_passes" in told.err


def test_messages_of_failed_tests_have_no_escape_sequences(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """From Python 3.14 on unittest prints some if FORCE_COLOR is set."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    edit(repository / "policies/own/test_floor_too_high.py", "bands=(4, 8)", "bands=(5, 8)")
    assert main(["check"]) == 1
    told = capfd.readouterr().err
    assert "\nFAIL: test_floor_within_the_limit_passes" in told
    assert "\\u001b" not in told and "\x1b" not in told


def test_project_without_any_of_these_files_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: bare\nruntime: python\n")
    (tmp_path / "models.yaml").write_text("version: 1\nmodels: []\n")
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 0
