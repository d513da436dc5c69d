from pathlib import Path

import pytest

from bandplan.cli.errors import CommandError, NoProject
from bandplan.cli.project import Project, find_project


def test_project_is_found_from_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: bandplan\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_project(below) == Project(tmp_path)


def test_folder_without_a_project_above_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoProject, match=r"Pulumi\.yaml"):
        find_project(tmp_path)


@pytest.mark.parametrize(
    "text", ["name: fleet", 'name: "fleet"', "name: 'fleet' # ours", "runtime: python\nname:   fleet\nmain: stacks/"]
)
def test_project_name_is_read_as_yaml_has_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(text)
    assert Project(tmp_path).name == "fleet"


def test_project_without_a_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("runtime:\n  name: python\n")
    with pytest.raises(CommandError, match="no project name"):
        Project(tmp_path).name  # noqa: B018
