"""`bandplan:engines` of the local stack: how fast its endpoints answer, beyond what models.yaml says."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import LOCAL, Project

KEY = "engines"
FILE = f"stacks/Pulumi.{LOCAL}.yaml"
CAPACITY = "capacity"


def tell_capacity(project: Project, models: Callable[[], Mapping[str, Any]]) -> None:
    """Send the settings of the stack's file to the endpoints of the local workspace.

    `models` returns the contents of the models file. Errors: UsageProblem with every problem of the stack's file,
    before anything is sent; CommandError.
    """
    from bandplan.cli.stack_configuration import configured_value

    found = configured_value(project, LOCAL, KEY)
    if found is None:
        return
    require_right(found, models())
    from bandplan.stub import process

    running = process.status(project.stub_folder)
    if running is None:
        return
    try:
        for endpoint, wanted in found.items():
            process.set_capacity(running, endpoint, wanted.get(CAPACITY) or {})
    except process.StubError as error:
        raise CommandError(str(error)) from error


def require_right(found: Any, models: Mapping[str, Any]) -> None:
    """Raise UsageProblem unless `found` names endpoints of the models file and uses existing settings."""
    from bandplan.serving.spec.problem import printable

    lines = [printable(f"{FILE}: bandplan:{KEY}{problem}") for problem in _problems(found, _names(models))]
    if lines:
        listed = "\n".join(lines)
        raise UsageProblem(f"{listed}\nfix the file, then run `bandplan up` again; docs/stub.md lists the settings")


def _problems(found: Any, names: list[str] | None) -> Iterator[str]:
    from bandplan.serving.spec.suggestion import did_you_mean

    if not isinstance(found, dict):
        yield ": must be a mapping of endpoint names"
        return
    for endpoint, wanted in found.items():
        place = f"/{endpoint}"
        if names is not None and endpoint not in names:
            step = did_you_mean(endpoint, names, "name one of its entries")
            yield f"{place}: the models file has no endpoint of this name; {step}"
        if not isinstance(wanted, dict):
            yield f"{place}: must be a mapping with the key {CAPACITY}"
            continue
        yield from (f"{place}/{key}: must be one of: {CAPACITY}" for key in wanted if key != CAPACITY)
        yield from _settings_problems(wanted.get(CAPACITY), f"{place}/{CAPACITY}")


def _settings_problems(settings: Any, place: str) -> Iterator[str]:
    from bandplan.stub.capacity.settings import Settings, SettingsError

    if settings is not None and not isinstance(settings, dict):
        yield f"{place}: must be a mapping of settings"
        return
    try:
        Settings().changed(settings or {})
    except SettingsError as error:
        yield from (f"{place}/{line.removesuffix('.')}" for line in str(error).splitlines())


def _names(models: Mapping[str, Any]) -> list[str] | None:
    entries = models.get("models")
    if not isinstance(entries, list):
        return None
    return [str(entry["name"]) for entry in entries if isinstance(entry, dict) and "name" in entry]
