"""The published plugin: found where Pulumi looks, else downloaded under a limit, or what is missing is said."""

import os
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from bandplan.cli import diagnosis
from bandplan.cli.engines import published_plugin
from bandplan.cli.engines.published_plugin import HOSTS, PACKAGE, is_installed, require_plugin
from bandplan.cli.errors import CommandError

RELEASE = version(PACKAGE)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    return tmp_path


def environ(home: Path, **more: str) -> dict[str, str]:
    return {"PATH": f"{home / 'bin'}{os.pathsep}/usr/bin:/bin", "PULUMI_HOME": str(home), **more}


def pulumi(home: Path, script: str) -> str:
    path = home / "bin" / "pulumi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def nobody(host: str) -> bool:
    return False


def test_plugin_in_pulumis_folder_is_found_unless_its_download_broke_off(home: Path) -> None:
    folder = home / "plugins" / f"resource-databricks-v{RELEASE}"
    assert not is_installed(RELEASE, environ(home))
    folder.mkdir(parents=True)
    assert is_installed(RELEASE, environ(home))
    folder.with_name(f"{folder.name}.partial").touch()
    assert not is_installed(RELEASE, environ(home))


def test_plugin_on_path_is_found(home: Path) -> None:
    assert diagnosis.plugin(environ(home)).level == "warning"
    (home / "bin" / "pulumi-resource-databricks").touch(0o755)
    assert is_installed(RELEASE, environ(home))
    # Its version is not known: `doctor` does not say that the wanted one is there.
    found = diagnosis.plugin(environ(home))
    assert (found.level, str(home / "bin") in found.finding) == ("ok", True)
    assert found.finding.endswith(f"which is on PATH and has to be databricks {RELEASE}")
    require_plugin("/nothing/there", environ(home), home, nobody)


def test_without_a_network_it_says_what_is_missing_and_starts_nothing(home: Path) -> None:
    asked: list[str] = []

    def reaches(host: str) -> bool:
        asked.append(host)
        return False

    with pytest.raises(CommandError) as refused:
        require_plugin("/nothing/there", environ(home), home, reaches)
    said = str(refused.value)
    assert f"Pulumi's plugin databricks {RELEASE} is not installed in {home}/plugins" in said
    assert f"run `pulumi plugin install resource databricks {RELEASE}` where there is a network" in said
    assert sorted(asked) == sorted(HOSTS)


def test_a_network_that_swallows_everything_is_given_up_in_time(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a look-up of a name that nobody answers, which nothing can end."""
    assert published_plugin.LIMIT_SECONDS < 10
    monkeypatch.setattr(published_plugin, "LIMIT_SECONDS", 0.1)
    never = threading.Event()
    with pytest.raises(CommandError, match="can be reached from here"):
        require_plugin("/nothing/there", environ(home), home, lambda host: never.wait(60))
    never.set()


@pytest.mark.parametrize("reaches", [nobody, lambda host: True])
def test_it_is_downloaded_by_pulumi(
    home: Path, reaches: Callable[[str], bool], capfd: pytest.CaptureFixture[str]
) -> None:
    """Behind a proxy nothing else can be reached, which means nothing."""
    proxy = {"HTTPS_PROXY": "http://127.0.0.1:9"} if reaches is nobody else {}
    command = pulumi(home, f'echo "$@" > {home}/said; mkdir -p {home}/plugins/resource-databricks-v{RELEASE}')
    require_plugin(command, environ(home, **proxy), home, reaches)
    assert (home / "said").read_text() == f"plugin install resource databricks {RELEASE}\n"
    assert "downloading it" in capfd.readouterr().err


def test_failed_download_says_what_to_do(home: Path) -> None:
    with pytest.raises(CommandError, match="could not be downloaded: see above; run `pulumi plugin install"):
        require_plugin(pulumi(home, "exit 1"), environ(home), home, lambda host: True)


def test_download_that_takes_too_long_is_ended(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published_plugin, "DOWNLOAD_SECONDS", 0.2)
    with pytest.raises(CommandError, match=r"pulumi: not finished after 0\.2 s"):
        require_plugin(pulumi(home, "exec sleep 60"), environ(home), home, lambda host: True)
