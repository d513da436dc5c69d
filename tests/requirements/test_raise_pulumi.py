"""Moving the upper bound of the Pulumi SDK."""

import importlib.util
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("raise_pulumi", ROOT / "requirements" / "raise_pulumi.py")
assert _spec is not None and _spec.loader is not None
raise_pulumi = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(raise_pulumi)


def test_bound_is_below_the_next_minor_release_and_nothing_else_changes() -> None:
    before = (ROOT / "pyproject.toml").read_text()
    after = raise_pulumi.with_bound(before, "3.299.4")

    changed = set(tomllib.loads(after)["project"]["dependencies"]) - set(
        tomllib.loads(before)["project"]["dependencies"]
    )
    assert changed == {"pulumi>=3.260,<3.300"}
    assert len(after.splitlines()) == len(before.splitlines())


@pytest.mark.parametrize("module", raise_pulumi.MODULES)
def test_every_room_names_the_release_afterwards(module: str) -> None:
    after = raise_pulumi.with_checked_release((ROOT / module).read_text(), "3.299.4")

    assert after.count('CHECKED_AGAINST: Final = "3.299.4"') == 1


def test_every_room_with_internals_is_in_the_list() -> None:
    rooms = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("bandplan/*/pulumi_internals.py")}
    linked = {
        name.removeprefix("bandplan/") if name.split("/")[1] in ("components", "policies") else name for name in rooms
    }

    assert linked == set(raise_pulumi.MODULES)


@pytest.mark.parametrize("argument", ["3.280", "latest", "3.280.0 ", "v3.280.0"])
def test_what_is_not_a_release_is_refused(argument: str) -> None:
    with pytest.raises(SystemExit, match=r"such as 3\.280\.0"):
        raise_pulumi.main([argument])


def test_file_without_a_bound_is_refused() -> None:
    with pytest.raises(SystemExit, match="0 times"):
        raise_pulumi.with_bound('dependencies = ["pulumi"]', "3.299.4")
