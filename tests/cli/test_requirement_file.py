import re
from pathlib import Path

import pytest

from bandplan.cli.requirement_file import KeptPin, Pin, read_pin, versions, with_own_requirements

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


def merged(here: str, before: str, after: str) -> str:
    text, kept = with_own_requirements(here, before, after)
    assert kept == []
    return text


def test_requirements_of_the_team_stay_below_those_of_the_new_version() -> None:
    assert merged(OLD, OLD, NEW) == NEW
    moved = merged(OLD + OWN, OLD, NEW)
    assert moved == f"{NEW}# our own\n{OWN}"
    assert merged(moved, NEW, NEW) == moved
    assert versions(moved) == {"bandplan": "0.2.0", "pyyaml": "6.1", "boto3": "1.40.0"}


def test_options_urls_and_comments_of_the_team_stay() -> None:
    own = (
        "# what our own code needs\n-r ours.txt\n--extra-index-url https://packages.example/simple\n./libs/rules.whl\n"
        "git+https://git.example/rules@v1#egg=rules\n"
    )
    moved = merged(own + OLD, OLD, NEW)
    assert moved == f"{NEW}# our own\n{own}"
    assert merged(moved, NEW, NEW) == moved
    assert merged(moved, "", NEW) == moved, "also if what was generated is not known"


def test_requirement_that_the_new_version_no_longer_has_goes() -> None:
    assert "pyyaml" not in merged(OLD, OLD, "bandplan==0.2.0\n")


LOCK = """\
bandplan==0.1.0 \\
    --hash=sha256:aa
grpcio==1.85.1 \\
    --hash=sha256:bb
numpy==1.26.4 ; python_full_version < '3.12' \\
    --hash=sha256:cc
numpy==2.3.0 ; python_full_version >= '3.12' \\
    --hash=sha256:dd
urllib3==2.6.0 \\
    --hash=sha256:ee
"""


def test_pin_that_the_team_changed_stays_as_they_have_it() -> None:
    """grpcio is held back here; the new version moves grpcio and urllib3."""
    here = LOCK.replace("grpcio==1.85.1 \\\n    --hash=sha256:bb", "grpcio==1.80.0 \\\n    --hash=sha256:99")
    after = LOCK.replace("0.1.0", "0.2.0").replace("1.85.1", "1.86.0").replace("urllib3==2.6.0", "urllib3==2.7.0")
    text, kept = with_own_requirements(here, LOCK, after)
    assert kept == [KeptPin("grpcio", "1.80.0", "1.86.0")]
    assert text == after.replace("grpcio==1.86.0 \\\n    --hash=sha256:bb", "grpcio==1.80.0 \\\n    --hash=sha256:99")
    assert with_own_requirements(text, after, after) == (text, [KeptPin("grpcio", "1.80.0", "1.86.0")]), "each time"
    without_hashes = re.sub(r" \\\n    --hash=\S+", "", LOCK)
    assert with_own_requirements(here, without_hashes, after)[1] == kept, "whatever hashes were generated"


@pytest.mark.parametrize(
    ("own", "after", "expected"),
    [
        ("1.85.2", "1.86.0", "1.86.0"),  # moved forward, and overtaken
        ("1.9.0", "1.86.0", "1.9.0"),  # held back: 9 is less than 85
        ("1.90.0", "1.86.0", "1.90.0"),  # still ahead
        ("1.86.0rc1", "1.86.0", "1.86.0rc1"),  # not compared
    ],
)
def test_pin_that_the_team_moved_forward_gives_way_to_a_later_one(own: str, after: str, expected: str) -> None:
    here, new = LOCK.replace("1.85.1", own), LOCK.replace("1.85.1", after)
    text, kept = with_own_requirements(here, LOCK, new)
    assert versions(text)["grpcio"] == expected
    assert kept == ([] if expected == after else [KeptPin("grpcio", own, after)])


def test_pin_that_both_moved_alike_is_the_new_one() -> None:
    here = LOCK.replace("grpcio==1.85.1", "grpcio==1.86.0")
    after = LOCK.replace("grpcio==1.85.1", "grpcio==1.86.0").replace("sha256:bb", "sha256:b2")
    assert with_own_requirements(here, LOCK, after) == (after, [])


def test_pin_of_bandplan_moves_in_any_case_and_unknown_pins_too() -> None:
    here = LOCK.replace("bandplan==0.1.0", "bandplan==0.1.5").replace("urllib3==2.6.0", "urllib3==2.5.0")
    after = LOCK.replace("0.1.0", "0.2.0")
    text, kept = with_own_requirements(here, LOCK, after)
    assert versions(text)["bandplan"] == "0.2.0" and kept == [KeptPin("urllib3", "2.5.0", "2.6.0")]
    assert with_own_requirements(here, "", after) == (after, []), "nobody knows who changed urllib3"


def test_hashes_and_markers_that_the_team_added_stay() -> None:
    more = LOCK.replace("--hash=sha256:ee", "--hash=sha256:ee \\\n    --hash=sha256:mirror")
    assert with_own_requirements(more, LOCK, LOCK) == (more, [])
    marked = LOCK.replace("urllib3==2.6.0", "urllib3==2.6.0 ; sys_platform != 'win32'")
    assert with_own_requirements(marked, LOCK, LOCK) == (marked, [])
