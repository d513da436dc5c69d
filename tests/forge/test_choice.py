"""Which forge a command speaks to, and what one that is added has to have."""

import argparse
from pathlib import Path

import pytest

from bandplan.cli.commands.report import configure
from bandplan.cli.main import main
from bandplan.forge.choice import FORGES, forge_of
from tests.report.test_drift_issue import document


def test_the_command_line_offers_every_forge() -> None:
    parser = argparse.ArgumentParser()
    configure(parser)
    (choices,) = [action.choices for action in parser._actions if "--forge" in action.option_strings]
    assert list(choices or ()) == [forge.name for forge in FORGES]


def test_no_two_forges_are_known_by_the_same_variable() -> None:
    assert len({forge.sign for forge in FORGES}) == len(FORGES)


def test_without_a_job_the_default_is_taken_and_a_name_comes_first() -> None:
    assert forge_of({}, default="github").name == "github"
    both = {forge.sign: "x" for forge in FORGES}
    assert forge_of(both, default="github").name == "github"
    assert forge_of({"CI_API_V4_URL": "x"}, default="github").name == "gitlab"
    assert forge_of(both, "gitlab").name == "gitlab"


def test_an_issue_on_gitlab_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setenv("CI_API_V4_URL", "https://gitlab.example/api/v4")
    Path("drift.json").write_text(document())
    assert main(["drift-issue", "drift.json"]) == 2
    assert "the issue was not updated: issues are opened only on GitHub" in capsys.readouterr().err
