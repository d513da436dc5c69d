"""What is used of the Pulumi SDK beyond its public API: in one module per room, and there in the SDK that is installed."""

import ast
import asyncio
import importlib
import re
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("bandplan/embedded", "bandplan/plugin", "bandplan/provider", "components", "policies")
MODULES = [f"{room}/pulumi_internals.py" for room in ROOMS]
PUBLIC = re.compile(r"pulumi(\.provider\.experimental(\.\w+)?)?")
"""Modules whose names the SDK documents. Private names in them are not public all the same."""


def used_names(source: str) -> Iterator[str]:
    """Every name of the SDK that a module imports, and every attribute it reads of what it imported, as a dotted path."""
    tree = ast.parse(source)
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str() as module) if module.split(".")[0] == "pulumi":
                imported.update({name.asname or name.name: f"{module}.{name.name}" for name in node.names})
            case ast.Import():
                imported.update({name.name: name.name for name in node.names if name.name == "pulumi"})
    yield from imported.values()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported:
            yield f"{imported[node.value.id]}.{node.attr}"


def exists(path: str) -> bool:
    parts = path.split(".")
    found: Any = importlib.import_module(parts[0])
    for index, part in enumerate(parts[1:], start=2):
        if not hasattr(found, part):
            try:
                importlib.import_module(".".join(parts[:index]))
            except ImportError:
                return False
        found = getattr(found, part)
    return True


def missing(source: str) -> list[str]:
    return sorted({name for name in used_names(source) if not exists(name)})


async def an_output() -> Any:
    return await pulumi.Output.from_input("x")._data


INSTANCES: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "pulumi.runtime.settings.Settings": (
        lambda: Settings(project="p", stack="s", root_directory="/"),
        ("rpc_manager", "outputs", "lock"),
    ),
    "pulumi.runtime.settings.Settings.rpc_manager": (
        lambda: Settings(project="p", stack="s", root_directory="/").rpc_manager,
        ("rpcs", "unhandled_exception", "exception_traceback"),
    ),
    "pulumi.ResourceOptions": (pulumi.ResourceOptions, ("_depends_on_list",)),
    "pulumi.Output._data": (lambda: asyncio.run(an_output()), ("value", "resources", "is_known", "is_secret")),
}


@pytest.mark.parametrize("module", MODULES)
def test_installed_sdk_has_every_name_that_a_room_uses(module: str) -> None:
    names = missing((ROOT / module).read_text(encoding="utf-8"))

    assert not names, f"pulumi {version('pulumi')} lacks what {module} uses: {', '.join(names)}"


@pytest.mark.parametrize("kind", INSTANCES)
def test_installed_sdk_has_every_attribute_that_a_room_uses(kind: str) -> None:
    make, names = INSTANCES[kind]
    made = make()
    lacking = [name for name in names if not hasattr(made, name)]

    assert not lacking, f"pulumi {version('pulumi')}: {kind} lacks {', '.join(lacking)}"


def test_property_value_is_an_object_with_its_value_among_its_attributes() -> None:
    assert vars(PropertyValue("x"))["value"] == "x"
    assert not PropertyValue.is_secret
    assert not PropertyValue.dependencies


def test_name_that_the_sdk_lacks_is_reported_by_its_path() -> None:
    source = (
        "import pulumi\nfrom pulumi.runtime import rpc, gone\nfrom pulumi.lost import thing\n"
        "x = rpc._vanished, rpc.UNKNOWN, pulumi.Output, pulumi.Ouput\n"
    )

    assert missing(source) == [
        "pulumi.Ouput",
        "pulumi.lost.thing",
        "pulumi.runtime.gone",
        "pulumi.runtime.rpc._vanished",
    ]


def other_modules() -> Iterator[Path]:
    for room in ("bandplan", "components", "policies", "stacks"):
        for path in sorted((ROOT / room).rglob("*.py")):
            is_link = any(part.is_symlink() for part in path.parents)
            if not is_link and path.name != "pulumi_internals.py":
                yield path


def not_public(tree: ast.Module) -> Iterator[str]:
    """Private or internal names of the SDK in a module: of what it imports, and attributes of whatever objects."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str() as module, names=names) if module.split(".")[0] == "pulumi":
                if not PUBLIC.fullmatch(module):
                    yield module
                yield from (f"{module}.{name.name}" for name in names if name.name.startswith("_"))
                yield from (f"pulumi.{name.name}" for name in names if module == "pulumi" and name.name.islower())
            case ast.Import(names=names):
                yield from (name.name for name in names if name.name.startswith("pulumi."))
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner not in ("self", "cls", "os"):
                if re.match(r"_[a-z]", name):
                    yield f"{owner}.{name}"


def test_no_other_module_uses_more_than_the_public_api() -> None:
    found = {}
    for path in other_modules():
        source = path.read_text(encoding="utf-8")
        if re.search(r"^\s*(import|from) pulumi\b", source, re.MULTILINE) and (
            names := set(not_public(ast.parse(source)))
        ):
            found[str(path.relative_to(ROOT))] = sorted(names)

    assert found == {}


def locked() -> str:
    (number,) = re.findall(r"^pulumi==(\S+)", (ROOT / "requirements/run.lock.txt").read_text(), re.MULTILINE)
    return number


@pytest.mark.parametrize("module", MODULES)
def test_each_room_names_the_locked_sdk_as_the_one_it_was_checked_against(module: str) -> None:
    (number,) = re.findall(r'^CHECKED_AGAINST: Final = "(\S+)"$', (ROOT / module).read_text(), re.MULTILINE)

    assert number == locked()


def test_no_release_after_the_one_that_was_checked_can_be_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (requirement,) = [one for one in project["dependencies"] if re.match(r"pulumi[<>=]", one)]
    major, minor, _ = map(int, locked().split("."))

    assert requirement.endswith(f",<{major}.{minor + 1}")
