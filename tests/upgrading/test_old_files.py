"""Files that earlier versions wrote are read as docs/upgrading.md says. `record.py` makes those of this version."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.cli.main import installed_version
from bandplan.cli.saved_plan.file import read_plan
from bandplan.starter.manifest import read
from bandplan.stub import process
from tests.upgrading.record import AFTER, BEFORE, DATA, HOST, STATE, bandplan, host_of, identities, write_repository

MOST = 2
"""Middle numbers that are read."""


def recorded() -> list[Path]:
    folders = sorted(DATA.iterdir(), key=lambda folder: [int(one) for one in folder.name.split(".")])
    return folders[-MOST:]


@pytest.fixture(params=recorded(), ids=lambda folder: str(folder.name))
def data(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


@pytest.fixture
def repository(tmp_path: Path, data: Path) -> Iterator[Path]:
    """A team's repository with the models file of that version."""
    root = tmp_path / "fleet"
    write_repository(root)
    shutil.copy(data / "models.yaml", root)
    yield root
    process.stop(root / ".bandplan" / "stub")


def test_files_of_this_version_are_recorded() -> None:
    assert (DATA / ".".join(installed_version().split(".")[:2])).is_dir()


def test_old_state_plans_no_change_and_carries_on(repository: Path, data: Path) -> None:
    bandplan(repository, "up", "--no-query")
    before, now = (data / "state.json").read_text(), (repository / STATE).read_text()
    assert HOST in before
    text = before.replace(HOST, host_of(repository))
    for name, identity in identities(before).items():
        text = text.replace(identity, identities(now)[name])
    (repository / STATE).write_text(text)
    summary = json.loads(bandplan(repository, "preview", "--json"))["changeSummary"]
    assert set(summary) == {"same"} and summary["same"] > 10
    models = (repository / "models.yaml").read_text()
    assert BEFORE in models
    (repository / "models.yaml").write_text(models.replace(BEFORE, AFTER, 1))
    assert "1,960" in bandplan(repository, "up", "--no-query")


def test_old_models_file_and_optimization_info_are_read_offline(repository: Path, data: Path) -> None:
    shutil.copy(data / "optimization-info.json", repository / "stacks")
    assert "3 endpoints, 0 errors" in bandplan(repository, "validate", "--offline", "--stack", "dev")


def test_old_plan_is_read(data: Path) -> None:
    plan = read_plan(data / "plan.json")
    assert (plan.project, plan.stack) == ("fleet", "local") and plan.steps


def test_old_record_of_generated_files_is_read(data: Path) -> None:
    manifest = read((data / "bandplan-init.json").read_text())
    assert manifest.version.startswith(f"{data.name}.") and "requirements.txt" in manifest.files
