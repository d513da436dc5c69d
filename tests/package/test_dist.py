import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.package.installation import ROOT, VERSION, Installation

pytestmark = pytest.mark.timeout(600)

LEFT_OUT = {"bandplan/provider/pulumi-resource-bandplan", "bandplan/docs/performance.json"}
"""What starts this repository's own `.venv`, and measurements of it."""


def files_of_package() -> set[str]:
    """Every module of the package and every file of its rooms, through the links to some of them."""
    found = {f"bandplan/{path.name}" for path in ROOT.glob("bandplan/*.py")}
    for room in ROOT.glob("bandplan/*/"):
        for path in room.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found.add(str(Path("bandplan") / room.name / path.relative_to(room)))
    return found - LEFT_OUT


def test_wheel_holds_the_whole_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == files_of_package()


def test_sdist_resolves_the_links(dist: Path) -> None:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        assert [one.name for one in archive if not (one.isreg() or one.isdir())] == []
        names = {one.name.partition("/")[2] for one in archive if one.isreg()}
    assert files_of_package() <= names
    assert not any(name.startswith("tests/") for name in names)


def test_metadata_names_the_extra_and_the_pythons(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"bandplan-{VERSION}.dist-info/METADATA").decode()
    assert "Requires-Python: >=3.11" in text and "Provides-Extra: register" in text
    assert 'Requires-Dist: mlflow<4,>=3.11; extra == "register"' in text


def test_installed_core_runs_outside_the_checkout(installed: Installation, tmp_path: Path) -> None:
    said = installed.run("version", folder=tmp_path)
    assert f"bandplan           {VERSION}" in said
    assert "[register]" in said and "pip install 'bandplan[register]'" in said
    assert str(ROOT) not in said


def test_every_command_explains_itself_without_the_extra(installed: Installation, tmp_path: Path) -> None:
    """One process for all: each loads its module."""
    program = (
        "from bandplan.cli.main import COMMANDS, command_parser, load_command\n"
        "_, parsers = command_parser()\n"
        "for name in COMMANDS:\n"
        "    load_command(name).configure(parsers[name])\n"
        "    assert parsers[name].format_help()\n"
    )
    subprocess.run([installed.bin / "python", "-I", "-c", program], check=True, cwd=tmp_path, timeout=120)


def test_core_is_small(installed: Installation) -> None:
    """What bandplan depends on, in MiB of files: what Python compiles on first use is not counted."""
    files = (path for path in installed.bin.parent.rglob("*") if path.is_file() and path.suffix != ".pyc")
    others = (path for path in files if not ("site-packages" in path.parts and "bandplan" in path.parts))
    assert sum(path.lstat().st_size for path in others) / 2**20 < 120
