from pathlib import Path

import pytest

from bandplan.cli.requirement_file import Pin, read_pin, versions, with_own_requirements

OLD = "# heading\nbandplan==0.1.0 \\\n    --hash=sha256:aa\npyyaml==6.0 \\\n    --hash=sha256:bb\n"
NEW = "# heading\nbandplan==0.2.0 \\\n    --hash=sha256:cc\npyyaml==6.1 \\\n    --hash=sha256:dd\n"
OWN = "boto3==1.40.0 \\\n    --hash=sha256:ee\n"


@pytest.mark.parametrize(
    ("text", "pin"),
    [
        (OLD, Pin("0.1.0", (), True)),
        ("bandplan[register] == 0.3.1 ; python_version > '3'\n", Pin("0.3.1", ("register",), False)),
        ("bandplan>=0.1\n", None),
        ("bandplanner==1.0\n", None),
        ("", None),
    ],
)
def test_pin_is_read(tmp_path: Path, text: str, pin: Pin | None) -> None:
    (tmp_path / "requirements.txt").write_text(text)
    assert read_pin(tmp_path) == pin


def test_project_without_requirements_has_no_pin(tmp_path: Path) -> None:
    assert read_pin(tmp_path) is None


def test_requirements_of_the_team_stay_below_those_of_the_new_version() -> None:
    assert with_own_requirements(OLD, OLD, NEW) == NEW
    moved = with_own_requirements(OLD + OWN, OLD, NEW)
    assert moved == f"{NEW}# our own\n{OWN}"
    assert with_own_requirements(moved, NEW, NEW) == moved
    assert versions(moved) == {"bandplan": "0.2.0", "pyyaml": "6.1", "boto3": "1.40.0"}


def test_options_urls_and_comments_of_the_team_stay() -> None:
    own = (
        "# what our own code needs\n-r ours.txt\n--extra-index-url https://packages.example/simple\n./libs/rules.whl\n"
        "git+https://git.example/rules@v1#egg=rules\n"
    )
    moved = with_own_requirements(own + OLD, OLD, NEW)
    assert moved == f"{NEW}# our own\n{own}"
    assert with_own_requirements(moved, NEW, NEW) == moved
    assert with_own_requirements(moved, "", NEW) == moved, "also if what was generated is not known"


def test_requirement_that_the_new_version_no_longer_has_goes() -> None:
    assert "pyyaml" not in with_own_requirements(OLD, OLD, "bandplan==0.2.0\n")
