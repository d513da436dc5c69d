"""Make a release of this repository: version, changelog section, commit and tag. `make release VERSION=0.2.0`.

Nothing is pushed and nothing is published. Standard library only.
"""

import re
import subprocess
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION_FILE = ROOT / "bandplan" / "cli" / "version.txt"
CHANGELOG = ROOT / "CHANGELOG.md"

UNRELEASED = "## Unreleased\n"


class NotReleased(Exception):
    """The release cannot be made; the message says why and what to do."""


def numbers(version: str) -> tuple[int, ...]:
    """Return the three numbers of a version. Errors: NotReleased."""
    if re.fullmatch(r"\d+\.\d+\.\d+", version) is None:
        raise NotReleased(f"VERSION={version}: must have three numbers, such as 0.2.0")
    return tuple(int(one) for one in version.split("."))


def with_release(changelog: str, version: str, today: date) -> str:
    """Return the changelog with the unreleased changes under the version. Errors: NotReleased."""
    before, heading, after = changelog.partition(UNRELEASED)
    if not heading:
        raise NotReleased(f"CHANGELOG.md: has no heading {UNRELEASED.strip()!r}; add it above the newest version")
    changes = re.split(r"^## ", after, maxsplit=1, flags=re.MULTILINE)[0]
    if not re.search(r"^- ", changes, re.MULTILINE):
        raise NotReleased("CHANGELOG.md: nothing is unreleased; write what users notice under `## Unreleased`")
    return f"{before}{UNRELEASED}\n## {version} ({today.isoformat()})\n{after}"


def release(version: str, today: date, root: Path = ROOT) -> None:
    """Write the version and the changelog, commit both, and tag the commit. Errors: NotReleased; nothing is written."""
    version_file, changelog = root / VERSION_FILE.relative_to(ROOT), root / CHANGELOG.relative_to(ROOT)
    now = version_file.read_text(encoding="utf-8").strip()
    if numbers(version) <= numbers(now):
        raise NotReleased(f"VERSION={version}: must be higher than {now}")
    if git(root, "status", "--porcelain"):
        raise NotReleased("the working tree has changes; commit or stash them")
    if git(root, "tag", "--list", f"v{version}"):
        raise NotReleased(f"the tag v{version} exists already")
    text = with_release(changelog.read_text(encoding="utf-8"), version, today)
    changelog.write_text(text, encoding="utf-8")
    version_file.write_text(f"{version}\n", encoding="utf-8")
    git(root, "add", str(changelog), str(version_file))
    git(root, "commit", "--quiet", "-m", f"Release {version}")
    git(root, "tag", "-a", f"v{version}", "-m", f"Release {version}")


def git(root: Path, *arguments: str) -> str:
    """Run git and return its output. Errors: NotReleased with its message."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotReleased(f"git {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def main(argv: list[str]) -> int:
    version = argv[0] if argv else ""
    try:
        if not version:
            raise NotReleased("name the version: make release VERSION=0.2.0")
        release(version, date.today())
    except NotReleased as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"committed and tagged v{version}. Next: `make dist`, then `git push --follow-tags` once it is right")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
