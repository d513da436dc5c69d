"""The generated files of a team's repository by this version of bandplan, also for another one.

`python -m bandplan.cli.starter_files` reads {"answers": ..., "hashes": [...]} from standard input and prints
{"version": ..., "formats": ..., "files": {path: {"text": ..., "executable": ...}}}. `bandplan upgrade` starts it in the
package of the other version; so this form stays as it is.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bandplan.cli.errors import CommandError
from bandplan.cli.main import installed_version
from bandplan.starter.answers import Answers, read_answers
from bandplan.starter.files import File, Release, generated_files
from bandplan.starter.formats import FORMATS

SECONDS = 60


@dataclass(frozen=True)
class Generation:
    """What one version generates from a repository's answers."""

    version: str
    formats: Mapping[str, int]
    files: Mapping[str, File]


def this_release(hashes: Sequence[str]) -> Release:
    from bandplan.cli.commands.schema import schema_text
    from bandplan.policies.pack import VERSION

    return Release(installed_version(), tuple(hashes), VERSION, schema_text())


def generated_here(answers: Answers, hashes: Sequence[str]) -> Generation:
    """Return what this version generates."""
    return Generation(installed_version(), FORMATS, generated_files(answers, this_release(hashes)))


def generated_by(package: Path, answers: Answers, hashes: Sequence[str]) -> Generation:
    """Return what the version in the folder `package` generates. Errors: CommandError."""
    request = json.dumps({"answers": answers.as_json(), "hashes": list(hashes)})
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bandplan.cli.starter_files"],
        input=request,
        env={**os.environ, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=package,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1][:300]
        raise CommandError(
            f"that version could not generate its files: {said}; install it in a new environment "
            "(`pip install bandplan==VERSION`) and run `bandplan upgrade` there"
        )
    document = json.loads(done.stdout)
    files = {path: File(one["text"], is_executable=one["executable"]) for path, one in document["files"].items()}
    return Generation(document["version"], document["formats"], files)


def as_json(generation: Generation) -> dict[str, Any]:
    return {
        "version": generation.version,
        "formats": dict(generation.formats),
        "files": {
            path: {"text": file.text, "executable": file.is_executable} for path, file in generation.files.items()
        },
    }


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(as_json(generated_here(read_answers(asked["answers"]), asked["hashes"])), sys.stdout)
