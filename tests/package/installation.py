"""The package as a team gets it: a wheel, and an empty environment outside the checkout with the wheel in it.

Made once per test run and shared by its workers: building takes seconds, and so does installing.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERSION = (ROOT / "bandplan/cli/version.txt").read_text().strip()
UV = shutil.which("uv") or str(Path(sys.executable).parent / "uv")

SOURCES = (
    "bandplan",
    "components",
    "docs",
    "policies",
    "requirements",
    "schemas",
    "pyproject.toml",
    "MANIFEST.in",
    "README.md",
)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Return `folder`, made by the first worker that asks."""
    with locked(folder.with_suffix(".lock")):
        if not folder.exists():
            unfinished = folder.with_name(f"{folder.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(folder)
    return folder


Edit = Callable[[Path], None]
"""Changes a copy of the source before it is built."""


def build(out: Path, version: str, *, is_whole: bool, edit: Edit = lambda copy: None) -> None:
    """Build the wheel with that version number into `out`; if `is_whole`, by way of the sdist, as `make dist` does."""
    copy = out / "source"
    copy.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, copy / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(source, copy / name)
    (copy / "bandplan/cli/version.txt").write_text(f"{version}\n")
    edit(copy)
    command = [UV, "build", "--quiet", "--offline", "--no-build-isolation", "--python", sys.executable]
    ways = [] if is_whole else ["--wheel"]
    subprocess.run([*command, *ways, "--out-dir", str(out / "dist"), str(copy)], check=True, timeout=250)
    shutil.rmtree(copy)


def install(folder: Path, wheel: Path) -> None:
    """Install the wheel and the locked core, and nothing else, into a new environment in `folder`."""
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    command = [UV, "pip", "install", "--quiet", "--python", str(folder / "bin/python")]
    lock = ["--require-hashes", "-r", str(ROOT / "requirements/core.lock.txt")]
    subprocess.run([*command, *lock], check=True, timeout=250)
    subprocess.run([*command, "--no-deps", "--offline", str(wheel)], check=True)


class Installation:
    """`bandplan` in an environment of its own."""

    def __init__(self, environment: Path) -> None:
        self.bin = environment / "bin"

    def run(self, *arguments: str, folder: Path, status: int | None = 0, **variables: str) -> str:
        """Run the command in `folder` and return what it printed, both streams; compare its exit status."""
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        done = subprocess.run(
            [str(self.bin / "bandplan"), *arguments],
            cwd=folder,
            env={**kept, "PATH": f"{self.bin}:/usr/bin:/bin", "NO_COLOR": "1", **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=250,
        )
        assert status is None or done.returncode == status, done.stdout
        # A traceback of ours; those of tests that fail are shown.
        assert "bandplan/cli/main.py" not in done.stdout, done.stdout
        return done.stdout
