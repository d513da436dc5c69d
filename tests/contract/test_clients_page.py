"""docs/clients.md: every block of code on the page is run as it stands there.

Python in this process, against the stub of the suite; `sh` in a shell, unless its first word, or a program named in a first
line `# needs: NAME ...`, is not on PATH. Other kinds of blocks only show what a file looks like.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.target import ENDPOINTS, Target

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
TIMEOUT_SECONDS = 280

ASK = """python -c 'import os, urllib.request as r; r.urlopen(os.environ["DATABRICKS_HOST"] + "/.well-known/databricks-config")'"""
"""Fails unless a workspace answers at the host that a block leaves behind."""

pytestmark = pytest.mark.stub_only


@dataclass(frozen=True)
class Block:
    """A block of code; `place` is the heading above it, and a number when that has several."""

    place: str
    language: str
    code: str


def blocks() -> list[Block]:
    found: list[Block] = []
    heading = ""
    pattern = re.compile(
        r"^## (?P<heading>[^\n]+)$|^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
    )
    for match in pattern.finditer(PAGE.read_text(encoding="utf-8")):
        if match["heading"]:
            heading = match["heading"]
            continue
        count = sum(block.place.startswith(heading) for block in found)
        place = f"{heading} {count + 1}" if count else heading
        found.append(Block(place, match["language"], match["code"]))
    return found


BLOCKS = blocks()


def of(language: str) -> list[object]:
    return [pytest.param(block, id=block.place) for block in BLOCKS if block.language == language]


def test_blocks_are_found() -> None:
    assert {"python", "sh"} <= {block.language for block in BLOCKS} <= {"python", "sh", "hcl", "yaml", "json"}
    assert len(of("python")) >= 5


@pytest.mark.parametrize("block", of("python"))
def test_python_block_runs(block: Block, databricks_environment: Target, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block.code, f"{PAGE.name}: {block.place}", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.strip()
    left = [endpoint["name"] for endpoint in databricks_environment.ok("GET", ENDPOINTS)["endpoints"]]
    assert not [name for name in left if name.startswith("docs-")]


@pytest.mark.parametrize("block", of("sh"))
def test_shell_block_runs(block: Block, databricks_environment: Target, tmp_path: Path) -> None:
    """In a project of its own; a block that starts a workspace has it stopped afterwards."""
    first = block.code.split("\n", 1)[0].removeprefix("# needs:").split()
    needed = first if block.code.startswith("# needs:") else first[:1]
    missing = [name for name in needed if shutil.which(name, path=PATH) is None]
    if missing:
        pytest.skip(f"not on PATH: {', '.join(missing)}")
    (tmp_path / "Pulumi.yaml").write_text("name: clients\nruntime: python\n", encoding="utf-8")
    try:
        done = run(f"{block.code}\n{ASK}", tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        if (tmp_path / ".bandplan").exists():
            run("bandplan stub stop", tmp_path)


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PATH": PATH}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
