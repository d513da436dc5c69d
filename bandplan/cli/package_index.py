"""The package index that pip is configured for: the hashes of a version of bandplan, and its wheel.

Nothing but pip is asked, with the user's own settings (index, mirror, proxy, credentials).
"""

import csv
import hashlib
import json
import subprocess
import sys
import urllib.parse
import zipfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from bandplan.cli.errors import CommandError
from bandplan.cli.progress import doing

PACKAGE = "bandplan"
SECONDS = 120
"""The limit of one download, of about 1 MB; arbitrary."""


@dataclass(frozen=True)
class Wheel:
    """A wheel of bandplan that was fetched."""

    path: Path
    version: str
    hash: str


def installed_hashes(version: str, folder: Path) -> tuple[str, ...]:
    """Return the hashes of the file that this installation came from; none if it is a checkout of the source.

    What was installed from a file is hashed there; anything else is fetched again, into `folder`, as the index that it
    came from keeps the hash. Errors: CommandError if that fails.
    """
    try:
        record = distribution(PACKAGE).read_text("direct_url.json")
    except PackageNotFoundError:
        return ()
    if record is None:
        wheel = fetch(version, folder)
        require_installed(wheel)
        return (wheel.hash,)
    document = json.loads(record)
    recorded = (document.get("archive_info") or {}).get("hashes") or {}
    if "sha256" in recorded:
        return (f"sha256:{recorded['sha256']}",)
    url = urllib.parse.urlsplit(str(document.get("url", "")))
    path = Path(urllib.parse.unquote(url.path))
    return (file_hash(path),) if url.scheme == "file" and path.is_file() else ()


def require_installed(wheel: Wheel) -> None:
    """Raise CommandError unless the wheel is the installed one: an index may have another package of that name."""
    with zipfile.ZipFile(wheel.path) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith(".dist-info/RECORD")]
        files = hashes_in(archive.read(name).decode())
    installed = hashes_in(distribution(PACKAGE).read_text("RECORD") or "")
    if not files or any(installed.get(path) != digest for path, digest in files.items()):
        raise CommandError(
            f"{PACKAGE}=={wheel.version}: what pip finds is not what is installed here; set pip's index to the one "
            "that it was installed from"
        )


def hashes_in(record: str) -> dict[str, str]:
    """Return the hash of each file of the package in the text of a RECORD (PEP 376), without the metadata."""
    rows = csv.reader(record.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 3 and row[1] and row[0].startswith(f"{PACKAGE}/")}


def fetch(version: str | None, folder: Path) -> Wheel:
    """Fetch the wheel of that version, or of the newest one, into `folder`. Errors: CommandError."""
    wanted = PACKAGE if version is None else f"{PACKAGE}=={version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
    settings = ["--no-input", "--no-color", "--only-binary", PACKAGE, "--timeout", "10", "--retries", "2"]
    step = "see pip's own configuration (index, proxy, find-links), and run it again"
    try:
        with doing(f"pip is fetching {wanted}"):
            done = subprocess.run(
                [*command, *settings, "--dest", str(folder), wanted],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
    except subprocess.TimeoutExpired:
        raise CommandError(f"{wanted}: pip did not fetch it within {SECONDS} s; {step}") from None
    found = sorted(folder.glob(f"{PACKAGE}-*.whl"))
    if done.returncode != 0 or not found:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["pip gave no reason"]
        raise CommandError(f"{wanted}: not found by pip: {said[-1].removeprefix('ERROR: ')[:300]}; {step}")
    path = found[-1]
    return Wheel(path, path.name.split("-")[1], file_hash(path))


def file_hash(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
