"""A separate environment for a peer: only what its program needs, without byte code, as `uv` installs it.

Copied from the environment that this runs in, so that the peer has the same releases and nothing is downloaded.
"""

import compileall
import shutil
import sysconfig
import venv
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROGRAM_NEEDS = ("pip", "pulumi", "pulumi-databricks")
"""What `pulumi new` puts into requirements.txt of a Python program for Databricks, and the pip that the CLI needs."""


def peer_environment(folder: Path) -> Path:
    """Create the environment in `folder`; return `folder`."""
    venv.EnvBuilder(symlinks=True).create(folder)
    for package in needed(PROGRAM_NEEDS):
        copy_package(package, packages_of(folder))
    return folder


def with_byte_code(folder: Path) -> Path:
    """Run a program in the environment once, which leaves byte code as pip does too; return `folder`."""
    compileall.compile_dir(packages_of(folder), quiet=2, workers=0)
    return folder


def packages_of(folder: Path) -> Path:
    """Return the `site-packages` of an environment."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))


def needed(names: tuple[str, ...]) -> list[Distribution]:
    """Return these distributions and everything that they require on this machine, each once."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        for text in found[name].requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return list(found.values())


def copy_package(package: Distribution, target: Path) -> None:
    """Copy every file of a distribution in `site-packages`, except its byte code."""
    for file in package.files or ():
        if ".." in file.parts or file.suffix == ".pyc":
            continue
        place = target / file
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.locate()), place)
