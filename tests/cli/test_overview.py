from dataclasses import replace
from pathlib import Path

import pytest

from bandplan.cli import overview
from bandplan.cli.main import main
from bandplan.cli.overview import Deployed, Overview, next_step
from bandplan.embedded.terminal import Door

SETTLED = Overview("models.yaml", 0, 3, "chat", changed_at=100.0, deployed=Deployed(9, 200.0), is_running=True)

STEPS = {
    "settled": (SETTLED, 'bandplan query chat "What is provisioned throughput?"'),
    "errors come first": (replace(SETTLED, errors=2, deployed=Deployed()), "bandplan validate: "),
    "no entry": (replace(SETTLED, endpoints=0), "write an entry in models.yaml"),
    "never deployed": (replace(SETTLED, deployed=Deployed()), "bandplan up: deploy"),
    "destroyed": (replace(SETTLED, deployed=Deployed(0, 200.0)), "bandplan up: deploy"),
    "stopped": (replace(SETTLED, is_running=False), "bandplan up: start"),
    "saved since": (replace(SETTLED, changed_at=300.0), "bandplan preview: models.yaml was saved"),
    "damaged": (replace(SETTLED, deployed=Deployed(is_damaged=True)), "bandplan stack export"),
}


@pytest.mark.parametrize("name", STEPS)
def test_next_step(name: str) -> None:
    seen, step = STEPS[name]
    assert next_step(seen).startswith(step)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BANDPLAN_MODELS", raising=False)
    return tmp_path


def test_overview_is_not_silent_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BANDPLAN_PROGRESS", raising=False)
    monkeypatch.setattr(overview, "show", lambda environ: 0 if Door.before_write is not None else 1)
    assert main([]) == 0


def test_without_a_project_the_next_step_is_init(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert str(folder) in shown and "next: bandplan init" in shown


def test_project_with_a_broken_file_shows_it_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "Pulumi.yaml").write_text("name: team\n")
    (folder / "models.yaml").write_text("models: {a: 1}\n")
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert f"team ({folder})" in shown
    assert "next: bandplan validate: see what is wrong in models.yaml" in shown
    assert sorted(path.name for path in folder.iterdir()) == ["Pulumi.yaml", "models.yaml"]


def test_project_without_a_models_file_shows_an_error_and_no_traceback(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "Pulumi.yaml").write_text("name: team\n")
    assert main(["-C", str(folder)]) == 0
    assert "models.yaml: 1 error" in capsys.readouterr().out
