import re
from pathlib import Path

import pytest

LOCKS = Path(__file__).parents[2] / "requirements"
NAMES = ("core", "run", "dev", "torch", "uv")


def locked(name: str) -> dict[str, list[str]]:
    """Requirement line -> its hashes."""
    found: dict[str, list[str]] = {}
    requirement = ""
    for line in (LOCKS / f"{name}.lock.txt").read_text().splitlines():
        if line and line[0] not in " #":
            requirement = line.removesuffix(" \\")
            found[requirement] = []
        elif "--hash=sha256:" in line:
            found[requirement].append(line.strip())
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_locked_package_is_pinned_and_hashed(name: str) -> None:
    packages = locked(name)
    assert packages
    assert [line for line, hashes in packages.items() if "==" not in line or not hashes] == []


@pytest.mark.parametrize("name", NAMES)
def test_lock_names_no_registry_and_no_folder(name: str) -> None:
    text = (LOCKS / f"{name}.lock.txt").read_text()
    assert re.findall(r"//|--(?:extra-)?index|--find-links|--trusted-host|file:", text) == []


@pytest.mark.parametrize(("less", "more"), [("core", "run"), ("run", "dev"), ("run", "torch")])
def test_a_larger_lock_installs_the_very_packages_of_the_smaller(less: str, more: str) -> None:
    missing = locked(less).keys() - locked(more).keys()
    assert missing == set()


def test_a_fleet_without_registrations_does_not_pay_for_the_packages_that_register() -> None:
    heavy = {"mlflow", "numpy", "pandas", "pyarrow", "scipy", "transformers"}
    assert {line.partition("==")[0] for line in locked("core")} & heavy == set()
