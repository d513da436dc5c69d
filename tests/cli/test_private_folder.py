"""Everything in `.bandplan/` is for its owner alone, also what an earlier version made open."""

import subprocess
from pathlib import Path

from bandplan.cli.engines.child import run_child
from bandplan.cli.engines.plugin_executable import write_plugin_executable
from bandplan.cli.project import Project
from bandplan.serving.planning.record import record_of
from bandplan.serving.registration.sources.digest_record import DigestRecord
from bandplan.serving.registration.sources.folder import File
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.wire.machine_folder import make_private_folder


def open_to_others(folder: Path) -> list[str]:
    return [str(path) for path in (folder, *folder.rglob("*")) if path.lstat().st_mode & 0o077]


def test_what_is_recorded_is_for_its_owner_alone(tmp_path: Path) -> None:
    project = Project(tmp_path)
    info = OptimizationInfo(optimizable=True, model_type="m", throughput_chunk_size=980)
    record_of(tmp_path).record("https://w", {ModelVersion("a.b.c", "1"): info})
    (tmp_path / "weights").write_text("w")
    status = (tmp_path / "weights").stat()
    file = File("weights", tmp_path / "weights", status)
    record = DigestRecord(project.digests_folder, tmp_path)
    record.replace({"weights": (file, "ab")}, read_at_ns=status.st_mtime_ns + 10**10)
    write_plugin_executable(project.plugins_folder, "python", tmp_path)

    assert {path.name for path in project.own_folder.iterdir()} == {
        ".gitignore",
        "optimization-info",
        "digests",
        "plugins",
    }
    assert open_to_others(project.own_folder) == []


def test_whoever_creates_the_folder_keeps_it_out_of_git(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    make_private_folder(tmp_path / ".bandplan" / "stub")
    assert open_to_others(tmp_path / ".bandplan") == []
    (tmp_path / ".bandplan" / "stub" / "token").write_text("secret")
    (tmp_path / "models.yaml").touch()
    subprocess.run(["git", "add", "-A"], check=True, cwd=tmp_path)
    staged = subprocess.run(["git", "ls-files"], check=True, cwd=tmp_path, capture_output=True, text=True)
    assert staged.stdout == "models.yaml\n"


def test_folder_that_an_earlier_version_left_open_is_closed(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.state_folder.mkdir(parents=True)
    for folder in (project.own_folder, project.state_folder):
        folder.chmod(0o755)

    project.make_private(project.state_folder)

    assert open_to_others(project.own_folder) == []


def test_program_of_the_local_stack_makes_files_for_their_owner_alone(tmp_path: Path) -> None:
    run_child(["/bin/sh", "-c", "mkdir made; : > made/state"], tmp_path, {}, umask=0o077)
    assert open_to_others(tmp_path / "made") == []
