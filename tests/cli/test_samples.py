"""The sample fleets of the repository, in a fresh clone: nothing was ever asked there."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from bandplan.cli.main import main

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "tests" / "sample" / "models.yaml"
SAMPLES = [
    path
    for path in [SAMPLE, *sorted((ROOT / "examples").glob("*.yaml"))]
    if "models:" in path.read_text() and "version: 1" in path.read_text()
]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What validation reads of the repository, without `.bandplan/`."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    shutil.copytree(SAMPLE.parent, tmp_path / "tests" / "sample")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks")
    monkeypatch.chdir(tmp_path)
    for variable in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "BANDPLAN_MODELS"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def stacks_of(sample: Path) -> list[str]:
    """The local one, and those that the sample has overrides for."""
    return ["local", *yaml.safe_load(sample.read_text()).get("overrides", {})]


def test_the_samples_are_found() -> None:
    assert len(SAMPLES) >= 8


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_sample_validates_offline_in_a_fresh_clone(
    sample: Path, clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for stack in stacks_of(sample):
        status = main(["validate", "--offline", "--stack", stack, "--models", str(sample.relative_to(ROOT))])
        told = capsys.readouterr()
        assert status == 0, told.out
        assert "0 errors" in told.out
        assert "not recorded" not in told.err


def test_no_other_test_reads_the_fleet_at_the_root() -> None:
    """A fork has its own there."""
    named = re.compile(r"""(?:ROOT|REPOSITORY)\s*/\s*["']models\.yaml""")
    readers = {path.name for path in (ROOT / "tests").rglob("test_*.py") if named.search(path.read_text())}
    assert readers == {"test_samples.py"}


def test_copy_of_the_sample_is_current_unless_somebody_has_another_fleet_at_the_root() -> None:
    """Another fleet has other endpoints, and the tests do not mind it."""
    root, copy = ROOT / "models.yaml", SAMPLE
    names = [[entry["name"] for entry in yaml.safe_load(path.read_text())["models"]] for path in (root, copy)]
    if names[0] == names[1]:
        assert root.read_text() == copy.read_text(), "cp models.yaml tests/sample/models.yaml"
