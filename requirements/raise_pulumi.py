"""Move the upper bound of the Pulumi SDK to a release that passed the parity tests: `make lock PULUMI=3.280.0`.

`make` first runs those tests with that release and with the `pulumi` on PATH, and stops here if one fails.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = tuple(
    f"{room}/pulumi_internals.py"
    for room in ("bandplan/embedded", "bandplan/plugin", "bandplan/provider", "components", "policies")
)


def with_bound(project: str, release: str) -> str:
    """Return pyproject.toml with `release` as the newest SDK that may be installed, whatever its patch number."""
    major, minor, _ = release.split(".")
    return _replaced(r'"pulumi>=([\d.]+),<[\d.]+"', rf'"pulumi>=\1,<{major}.{int(minor) + 1}"', project)


def with_checked_release(module: str, release: str) -> str:
    """Return a module that uses internals of the SDK with `release` as the one it was checked against."""
    return _replaced(r'^(CHECKED_AGAINST: Final = )"[\d.]+"$', rf'\1"{release}"', module)


def _replaced(pattern: str, replacement: str, text: str) -> str:
    changed, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
    if count != 1:
        raise SystemExit(f"error: {pattern!r} must occur exactly once, but occurs {count} times")
    return changed


def main(argv: list[str]) -> None:
    if len(argv) != 1 or re.fullmatch(r"\d+\.\d+\.\d+", argv[0]) is None:
        raise SystemExit("error: name one release of the Pulumi SDK, such as 3.280.0")
    (release,) = argv
    texts = {
        ROOT / module: with_checked_release((ROOT / module).read_text(encoding="utf-8"), release) for module in MODULES
    }
    project = ROOT / "pyproject.toml"
    texts[project] = with_bound(project.read_text(encoding="utf-8"), release)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
