import subprocess
import sys
from pathlib import Path

from bandplan.cli.engines.plugin_executable import write_plugin_executable


def test_plugin_runs_with_its_arguments_from_paths_with_spaces_and_quotes(tmp_path: Path) -> None:
    source = tmp_path / "it's a project"
    package = source / "bandplan" / "stub" / "provider"
    package.mkdir(parents=True)
    (source / "bandplan" / "__init__.py").touch()
    (source / "bandplan" / "stub" / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import sys; print(sys.argv[1:])")
    plugin = write_plugin_executable(tmp_path / "plug ins", sys.executable, source)
    ran = subprocess.run([plugin, "127.0.0.1:9", "a b"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ran.stdout.strip() == "['127.0.0.1:9', 'a b']"


def test_plugin_that_is_current_is_not_written_again(tmp_path: Path) -> None:
    first = write_plugin_executable(tmp_path, sys.executable, tmp_path)
    before = first.stat().st_ino
    assert write_plugin_executable(tmp_path, sys.executable, tmp_path).stat().st_ino == before


def test_plugin_follows_the_python_that_runs_bandplan(tmp_path: Path) -> None:
    write_plugin_executable(tmp_path, "/old/python", tmp_path)
    assert "/new/python" in write_plugin_executable(tmp_path, "/new/python", tmp_path).read_text()
