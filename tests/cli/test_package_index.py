"""The wheel of bandplan that pip finds: fetched by the user's own settings, and the one that is installed."""

import zipfile
from pathlib import Path

import pytest

from bandplan.cli import package_index
from bandplan.cli.errors import CommandError
from bandplan.cli.package_index import Wheel, fetch, file_hash, hashes_in, installed_hashes, require_installed

RECORD = "bandplan/__init__.py,sha256=aa,1\nbandplan/cli/main.py,sha256=bb,2\nbandplan-0.1.0.dist-info/RECORD,,\n"


class Installed:
    """The metadata of an installation."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts

    def read_text(self, name: str) -> str | None:
        return self.texts.get(name.partition(".")[0])


def wheel(folder: Path, record: str) -> Wheel:
    path = folder / "bandplan-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bandplan-0.1.0.dist-info/RECORD", record)
    return Wheel(path, "0.1.0", file_hash(path))


def install(monkeypatch: pytest.MonkeyPatch, **texts: str) -> None:
    monkeypatch.setattr(package_index, "distribution", lambda name: Installed(**texts))


def test_metadata_and_compiled_files_are_not_compared() -> None:
    assert hashes_in(RECORD + "bandplan/__pycache__/a.pyc,,\n../../../bin/bandplan,sha256=cc,3\n") == {
        "bandplan/__init__.py": "sha256=aa",
        "bandplan/cli/main.py": "sha256=bb",
    }


def test_wheel_that_is_installed_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, RECORD=f"{RECORD}../../../bin/bandplan,sha256=cc,3\n")
    require_installed(wheel(tmp_path, RECORD))


@pytest.mark.parametrize("record", [RECORD.replace("=bb", "=zz"), f"{RECORD}bandplan/more.py,sha256=dd,1\n", ""])
def test_another_package_of_the_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: str) -> None:
    """Its hash would become the team's pin."""
    install(monkeypatch, RECORD=RECORD)
    with pytest.raises(CommandError, match="what pip finds is not what is installed here"):
        require_installed(wheel(tmp_path, record))


def test_file_that_was_installed_is_hashed_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = wheel(tmp_path, RECORD)
    install(monkeypatch, direct_url=f'{{"url": "{made.path.as_uri()}", "archive_info": {{}}}}')
    assert installed_hashes("0.1.0", tmp_path) == (made.hash,)
    install(monkeypatch, direct_url='{"url": "file:///gone.whl", "archive_info": {"hashes": {"sha256": "ab"}}}')
    assert installed_hashes("0.1.0", tmp_path) == ("sha256:ab",)
    install(monkeypatch, direct_url='{"url": "file:///gone", "dir_info": {"editable": true}}')
    assert installed_hashes("0.1.0", tmp_path) == ()


def test_checkout_of_the_source_has_no_hash_and_asks_nobody(tmp_path: Path) -> None:
    """Somebody else may have a package of that name on an index."""
    assert installed_hashes("0.1.0", tmp_path) == ()


def test_version_that_pip_does_not_find_says_what_to_look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with pytest.raises(
        CommandError, match=r"bandplan==9\.9\.9: not found by pip: [^\x1b]*; see pip's own configuration"
    ):
        fetch("9.9.9", tmp_path)
