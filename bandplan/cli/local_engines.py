"""`bandplan:engines` of the local stack: what answers for its endpoints, and how fast, beyond what models.yaml says."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.progress import doing
from bandplan.cli.project import LOCAL, Project
from bandplan.serving.spec.tasks import CHAT
from bandplan.stub.inference.selection.spec import FAILED_SINCE, KINDS, OPENAI, SIMULATED, TRANSFORMERS, VLLM

KEY = "engines"
FILE = f"stacks/Pulumi.{LOCAL}.yaml"
CAPACITY = "capacity"
EVERYTHING = "*"

LOOK_SECONDS = 0.5
"""How often a command that waits for engines looks at them."""

UNSETTLED = frozenset({"choosing", "starting"})
FAILED = "failed"

Answering = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""What answers, by endpoint and served entity: kind, weights, state, detail, passed_over, remarks."""


@dataclass(frozen=True)
class EngineArguments:
    """The options of `stub start` about engines, checked."""

    engine: str | None = None
    python: Path | None = None
    hosts: tuple[str, ...] = ()

    def as_options(self) -> list[str]:
        """Return them as the stub's own command takes them."""
        made = [] if self.engine is None else ["--engine", self.engine]
        made += [] if self.python is None else ["--engine-python", str(self.python)]
        return made + [part for host in self.hosts for part in ("--allow-engine-host", host)]


def require_engine(arguments: EngineArguments, found: Any) -> None:
    """Raise UsageProblem unless the engine that was asked for can be started; `found` is `bandplan:engines`."""
    from bandplan.stub.inference.selection.checks import missing_engine
    from bandplan.stub.inference.selection.machine import python_problem

    lines = []
    if arguments.engine not in (None, *KINDS):
        lines.append(f"--engine {arguments.engine}: must be one of: {', '.join(KINDS)}")
    if arguments.python is not None and (problem := python_problem(arguments.python)):
        lines.append(f"--engine-python {arguments.python}: {problem}")
    elif arguments.engine in (VLLM, TRANSFORMERS) and (missing := missing_engine(arguments.engine, arguments.python)):
        lines.append(f"--engine {arguments.engine}: {missing}")
    rows = [row for row in found.values() if isinstance(row, dict)] if isinstance(found, dict) else []
    if arguments.engine == OPENAI and not any(row.get("url") for row in rows):
        lines.append(
            f"--engine {OPENAI}: bandplan:{KEY} in {FILE} names no server; add one, "
            'such as "*": {url: "http://127.0.0.1:8000/v1"}'
        )
    for host in arguments.hosts:
        if not host or not host.isprintable() or any(mark in host for mark in "/@ ") or host.count(":") == 1:
            lines.append(f"--allow-engine-host {host}: must be a host alone, such as gpu-server.example.com")
    if lines:
        raise UsageProblem("\n".join(lines))


def configured_engines(project: Project) -> Any:
    """Return `bandplan:engines` of the stack's file, None if it has none. Errors: CommandError.

    As it is written, except that every name is text: YAML reads the name of an endpoint `123` as a number.
    """
    from bandplan.cli.stack_configuration import configured_value

    found = configured_value(project, LOCAL, KEY)
    return {str(name): row for name, row in found.items()} if isinstance(found, dict) else found


def tell_engines(project: Project, models: Callable[[], Mapping[str, Any]]) -> None:
    """Send the settings of the stack's file to the local workspace.

    `models` returns the contents of the models file. Errors: UsageProblem with every problem of the stack's file,
    before anything is sent; CommandError.
    """
    found = configured_engines(project)
    from bandplan.stub import process

    if found is not None:
        require_right(project, found, models())
    running = process.status(project.stub_folder)
    if running is None:
        return
    wanted: Mapping[str, Any] = found or {}
    try:
        process.set_engines(running, engine_rows(project, wanted))
        for name, row in wanted.items():
            if is_endpoint(name):
                process.set_capacity(running, name, row.get(CAPACITY) or {})
    except process.SettingsRefused as refused:
        raise _usage_problem([line.removesuffix(".") for line in str(refused).splitlines()]) from refused
    except process.StubError as error:
        raise CommandError(str(error)) from error


def require_right(
    project: Project, found: Any, models: Mapping[str, Any], arguments: EngineArguments | None = None
) -> None:
    """Raise UsageProblem unless `found` names endpoints or models of the models file and uses existing settings.

    With `arguments`, also check what depends on the start of the workspace: hosts, programs and memory.
    """
    lines = [*_problems(found, _Names.of(models)), *_engine_problems(project, _settings_of(found), models, arguments)]
    if lines:
        raise _usage_problem(lines)


def engine_rows(project: Project, found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the settings of engines by name, with folders as absolute paths."""
    return {
        name: {
            key: _absolute(project, value) if key == "weights" else value
            for key, value in row.items()
            if key != CAPACITY
        }
        for name, row in found.items()
    }


def is_endpoint(name: str) -> bool:
    """Whether settings are those of one endpoint: a model has dots in its name."""
    return name != EVERYTHING and "." not in name


def answering(project: Project) -> Answering:
    """Return what answers for endpoints of the local workspace; empty if it is not running. Errors: CommandError."""
    from bandplan.stub import process

    running = process.status(project.stub_folder)
    if running is None:
        return {}
    try:
        found: Answering = process.engines(running)["endpoints"]
    except process.StubError as error:
        raise CommandError(str(error)) from error
    return found


def await_engines(project: Project, names: Iterable[str]) -> Answering:
    """Return what answers once the engines of endpoints are ready or have failed; print on stderr what they are doing.

    Errors: CommandError.
    """
    wanted, said = set(names), dict[str, str]()
    began = time.monotonic()
    while True:
        found = answering(project)
        unsettled = [
            (name, entity)
            for name, entities in found.items()
            if name in wanted
            for entity in entities.values()
            if entity["state"] in UNSETTLED
        ]
        if not unsettled:
            return {name: {key: _as_started(one) for key, one in entities.items()} for name, entities in found.items()}
        for name, entity in unsettled:
            # An engine without a detail has just been asked for.
            if entity["detail"] and said.get(name) != entity["detail"]:
                said[name] = entity["detail"]
                seconds = time.monotonic() - began
                print(f"  {name}: {entity['kind']}: {entity['detail']} ({seconds:.0f} s)", file=sys.stderr)
        with doing(f"waiting for the {'engines' if len(unsettled) > 1 else 'engine'} of {unsettled[0][0]}"):
            time.sleep(LOOK_SECONDS)


def _as_started(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an entity as its failed engine if `auto` has replaced that engine by the simulated one; else unchanged.

    A caller that polls may look before or after the replacement, and has to see the same failure.
    """
    for passed in entity["passed_over"] if entity["kind"] == SIMULATED else ():
        if passed["reason"].startswith(FAILED_SINCE):
            detail = passed["reason"].removeprefix(FAILED_SINCE)
            others = [one for one in entity["passed_over"] if one is not passed]
            return {**entity, "kind": passed["engine"], "state": FAILED, "detail": detail, "passed_over": others}
    return entity


def engine_cells(found: Answering) -> dict[str, str]:
    """Return for each endpoint what answers for it, in a few words."""
    return {name: cell(entities.values()) for name, entities in found.items()}


def cell(entities: Iterable[Mapping[str, Any]]) -> str:
    """Format `vllm (Qwen/Qwen3-4B)`, and several if the entities of an endpoint have several."""
    made = []
    for entity in entities:
        weights = f" ({entity['weights']})" if entity["weights"] else ""
        state = "" if entity["state"] == "ready" else f", {entity['state']}"
        made.append(f"{entity['kind'] or 'engine'}{weights}{state}")
    return "; ".join(dict.fromkeys(made))


def reasons(found: Answering, *, of_answers_only: bool = False) -> list[str]:
    """Return why engines were passed over, with the endpoints that it concerns, and which have failed.

    `of_answers_only` leaves out what was passed over for another real engine before it was started.
    """
    lines: dict[str, list[str]] = {}
    for name, entities in found.items():
        for entity in entities.values():
            is_all_said = entity["kind"] == SIMULATED or not of_answers_only
            passed_over = [
                one for one in entity["passed_over"] if is_all_said or one["reason"].startswith(FAILED_SINCE)
            ]
            said = [f"{one['engine']}: {one['reason']}" for one in passed_over] + entity["remarks"]
            if entity["state"] == FAILED:
                said.append(f"{entity['kind'] or 'engine'} failed: {entity['detail']}")
            for line in said:
                lines.setdefault(line, []).append(name)
    return [f"  {', '.join(sorted(set(names)))}: {line}" for line, names in lines.items()]


def failed(found: Answering) -> set[str]:
    """Return the endpoints of which an engine has failed: a query would only be refused until its client gives up."""
    return {name for name, entities in found.items() if any(entity["state"] == FAILED for entity in entities.values())}


def _usage_problem(lines: Iterable[str]) -> UsageProblem:
    from bandplan.serving.spec.problem import printable

    listed = "\n".join(printable(f"{FILE}: bandplan:{KEY}/{line}".replace("/:", ":")) for line in lines)
    return UsageProblem(
        f"{listed}\nfix the file, then run `bandplan up` again; `bandplan docs engines` lists the settings"
    )


def _absolute(project: Project, weights: Any) -> Any:
    from bandplan.stub.inference.selection.settings import is_folder

    if not isinstance(weights, str):
        return weights
    folder = (project.root / Path(weights).expanduser()).resolve()
    return str(folder) if is_folder(weights) or (folder / "config.json").is_file() else weights


@dataclass(frozen=True)
class _Names:
    """The endpoints and models of a models file; None if it cannot be read, which the deployment reports."""

    endpoints: list[str] | None
    models: list[str] | None

    @staticmethod
    def of(models: Mapping[str, Any]) -> "_Names":
        entries = models.get("models")
        if not isinstance(entries, list):
            return _Names(None, None)
        rows = [entry for entry in entries if isinstance(entry, dict)]
        names = [str(row["name"]) for row in rows if "name" in row]
        return _Names(names, [model for row in rows for model in _models_of(row)])


def _models_of(entry: Mapping[str, Any]) -> Iterator[str]:
    for row in (entry, *(row for row in entry.get("entities") or () if isinstance(row, dict))):
        register = row.get("register")
        for name in (row.get("model"), register.get("name") if isinstance(register, dict) else None):
            if isinstance(name, str):
                yield name.lower()


def _problems(found: Any, names: _Names) -> Iterator[str]:
    """Yield what is wrong with names, keys and capacity, each with its place below the key."""
    from bandplan.serving.spec.suggestion import did_you_mean
    from bandplan.stub.inference.selection.settings import KEYS

    if not isinstance(found, dict):
        yield ': must be a mapping of endpoints, models or "*"'
        return
    for key, wanted in found.items():
        name = str(key)
        kind, known = ("endpoint", names.endpoints) if is_endpoint(name) else ("model", names.models)
        if known is not None and name != EVERYTHING and name.lower() not in {one.lower() for one in known}:
            step = did_you_mean(name, known, "name one of its entries")
            yield f"{name}: the models file has no {kind} of this name; {step}"
        allowed = (CAPACITY, *KEYS) if is_endpoint(name) else KEYS
        if not isinstance(wanted, dict):
            yield f"{name}: must be a mapping with any of the keys {', '.join(allowed)}"
            continue
        if CAPACITY in wanted and CAPACITY not in allowed:
            yield f"{name}/{CAPACITY}: belongs to an endpoint; state it for each endpoint by name"
        yield from (
            f"{name}/{key}: must be one of: {', '.join(allowed)}" for key in wanted if key not in (CAPACITY, *KEYS)
        )
        yield from _settings_problems(wanted.get(CAPACITY), f"{name}/{CAPACITY}")


def _settings_of(found: Any) -> dict[str, dict[str, Any]]:
    """Return what can be checked further: the known keys of each name that has settings."""
    from bandplan.stub.inference.selection.settings import KEYS

    rows = found.items() if isinstance(found, dict) else ()
    return {
        str(name): {key: value for key, value in row.items() if key in KEYS}
        for name, row in rows
        if isinstance(row, dict)
    }


def _settings_problems(settings: Any, place: str) -> Iterator[str]:
    from bandplan.stub.capacity.settings import Settings, SettingsError

    if settings is not None and not isinstance(settings, dict):
        yield f"{place}: must be a mapping of settings"
        return
    try:
        Settings().changed(settings or {})
    except SettingsError as error:
        yield from (f"{place}/{line.removesuffix('.')}" for line in str(error).splitlines())


def _engine_problems(
    project: Project, found: Mapping[str, Any], models: Mapping[str, Any], arguments: EngineArguments | None
) -> Iterator[str]:
    from bandplan.stub.inference.selection.checks import has_chat_template, problems

    rows = engine_rows(project, found)
    told = list(problems(rows, arguments.hosts, arguments.python, arguments.engine) if arguments else problems(rows))
    yield from told
    for name, row in rows.items():
        weights = row.get("weights")
        is_told = any(line.startswith(f"{name}/") for line in told)
        if is_told or not isinstance(weights, str) or not Path(weights).is_absolute() or row.get("random"):
            continue
        if CHAT in _tasks(name, models) and not has_chat_template(Path(weights)):
            yield (
                f"{name}/weights: {weights} has no chat template, which the task {CHAT} needs; "
                "add chat_template.jinja, or name weights that have one"
            )


def _tasks(name: str, models: Mapping[str, Any]) -> set[str]:
    """Return the tasks of the entries that settings of this name are for."""
    entries = [entry for entry in models.get("models") or () if isinstance(entry, dict)]
    return {
        str(entry.get("task"))
        for entry in entries
        if name in (EVERYTHING, entry.get("name")) or name.lower() in set(_models_of(entry))
    }
