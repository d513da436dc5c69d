"""An environment of a peer's own: what its program needs and nothing more, without byte code, as `uv` installs it.

Copied out of the environment that this runs in, so that the peer has the very same releases and nothing is downloaded.
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
"""What `pulumi new` of a Databricks program in Python puts into requirements.txt, and the pip that the CLI asks."""


def peer_environment(folder: Path) -> Path:
    """Make it in `folder`; returns `folder`."""
    venv.EnvBuilder(symlinks=True).create(folder)
    for package in needed(PROGRAM_NEEDS):
        copy_package(package, packages_of(folder))
    return folder


def with_byte_code(folder: Path) -> Path:
    """The same environment after a program has run in it once, as pip leaves it too; returns `folder`."""
    compileall.compile_dir(packages_of(folder), quiet=2, workers=0)
    return folder


def packages_of(folder: Path) -> Path:
    """The `site-packages` of an environment."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))


def needed(names: tuple[str, ...]) -> list[Distribution]:
    """These distributions and all that they require on this machine, each once."""
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
    """Every file of a distribution that lies in `site-packages`, but for its byte code."""
    for file in package.files or ():
        if ".." in file.parts or file.suffix == ".pyc":
            continue
        place = target / file
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.locate()), place)
