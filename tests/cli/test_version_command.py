import argparse
import re
import tomllib
from pathlib import Path

import pytest

from bandplan.cli.commands import version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def names(requirements: list[str]) -> list[str]:
    return sorted(re.match(r"[\w.-]+", one)[0] for one in requirements)  # type: ignore[index]


def test_every_direct_dependency_is_shown() -> None:
    assert sorted(version.CORE) == names(PROJECT["dependencies"])
    extras = {extra: names(them) for extra, them in PROJECT["optional-dependencies"].items()}
    assert {extra: sorted(them) for extra, them in version.EXTRAS.items()} == extras


def test_every_dependency_that_has_major_releases_has_an_upper_bound() -> None:
    """pip is the environment's own: any later one can list packages and fetch a wheel."""
    everything = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["register"]]
    assert [one for one in everything if "<" not in one] == ["pip>=24"]


def test_versions_are_those_installed(capsys: pytest.CaptureFixture[str]) -> None:
    version.run(argparse.Namespace(json=False))
    said = capsys.readouterr().out
    assert re.search(r"^pulumi +3\.\d+\.\d+$", said, re.MULTILINE)
    assert re.search(rf"^bandplan +{re.escape((ROOT / 'bandplan/cli/version.txt').read_text().strip())}$", said, re.M)


def test_extra_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "installed", lambda name: None if name in version.EXTRAS["register"] else "1")
    assert version.parts()[-1] == (
        "[register]",
        "not installed; entries with `register:` need `pip install 'bandplan[register]'`",
    )
