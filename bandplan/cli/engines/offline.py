"""Preview a change of models.yaml using only two versions of that file.

A pull request from a fork has no secrets, so it can read neither a workspace nor a state. The state is therefore taken
to be exactly what the other version of the file declares, and nothing is contacted: no live endpoint, no registry.
Optimization info comes from the record. Runs on the embedded engine for every stack.
"""

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from pulumi.provider.experimental import provider as sdk

from bandplan.cli.engines.embedded import environment, no_collection, result_of, translated_errors
from bandplan.cli.engines.engine import Options, Result
from bandplan.cli.errors import CommandError
from bandplan.cli.policies import analyzer_of, keep_baseline
from bandplan.cli.project import Project
from bandplan.embedded.checkpoint import Snapshot, StackFile, render, write
from bandplan.embedded.diff import input_diff
from bandplan.embedded.display import shown
from bandplan.embedded.events import Event, Finished, StepBegan, StepEnded
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.run import Engine, Hooks, Outcome
from bandplan.embedded.steps import Op, Step
from bandplan.embedded.values import to_json
from bandplan.plugin.urn import resource_type
from bandplan.plugin.values import UNKNOWN, plain, property_values
from bandplan.serving.spec.models_file import STANDING, VARIABLE
from bandplan.stub.provider.databricks import DatabricksProvider

NOTE = (
    "offline: compared with the other models file as if it were deployed; no workspace was contacted, so "
    "manual edits are not detected, and recorded optimization info is used"
)


class OfflineDatabricks(DatabricksProvider):
    """The stand-in's field rules, without a workspace."""

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True, accept_resources=True)


class OfflineBandplan(sdk.Provider):
    """A provider that takes what is declared for what exists; the engine compares the inputs."""

    OUTPUTS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "ModelVersion": ("version", "status", "optimizable", "modelType", "throughputChunkSize", "runId"),
        "ModelAlias": (),
        "EndpointReady": (),
    }

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        later = self.OUTPUTS.get(resource_type(request.urn).rsplit(":", 1)[-1], ())
        return sdk.CreateResponse("", {**request.properties, **property_values(dict.fromkeys(later, UNKNOWN))})

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        names = self.OUTPUTS.get(resource_type(request.urn).rsplit(":", 1)[-1], ())
        old = {name: value for name, value in plain(request.old_state).items() if name not in names}
        found = input_diff(old, plain(request.new_inputs))
        return sdk.DiffResponse(changes=found.changes, diffs=found.diffs)

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        return sdk.UpdateResponse({**request.olds, **request.news})


@dataclass
class Declared:
    """A listener that collects what a preview from an empty state would create, in order."""

    resources: list[ResourceState] = field(default_factory=list)

    def take(self, event: Event) -> None:
        match event:
            case StepEnded(step=step) if step.op is Op.CREATE and step.new is not None:
                state = step.new
                identity = state.id or (str(state.inputs.get("name") or state.name) if state.custom else "")
                self.resources.append(state.changed(id=identity, outputs=dict(state.inputs)))


@dataclass
class Changing:
    """A listener that passes on a preview's events except changes with equal inputs; see `without_what_stays`."""

    listen: Callable[[Event], None]
    staying: dict[str, int] = field(default_factory=Counter)

    def take(self, event: Event) -> None:
        match event:
            case StepBegan(step) | StepEnded(step) if _stays(step):
                if isinstance(event, StepEnded):
                    self.staying[step.op.value] += 1
            case Finished(changes=changes):
                self.listen(replace(event, changes=_without(changes, self.staying)))
            case _:
                self.listen(event)


def _stays(step: Step) -> bool:
    if step.op is Op.SAME or step.old is None or step.new is None:
        return False
    return bool(to_json(step.old.inputs) == to_json(step.new.inputs))


def _without(changes: Mapping[str, int], staying: Mapping[str, int]) -> dict[str, int]:
    """Count by operation, moving unchanged steps to `same`."""
    counted = {op: count for op, count in staying.items() if op in changes}
    left = {op: count - counted.get(op, 0) for op, count in changes.items()}
    left["same"] = left.get("same", 0) + sum(counted.values())
    return {op: count for op, count in left.items() if count}


@dataclass(frozen=True)
class Base:
    """The models file that is treated as deployed: its origin (for messages), its name and its text."""

    origin: str
    name: str
    text: bytes

    @classmethod
    def of_file(cls, file: Path) -> "Base":
        """Read the base from a file. Errors: CommandError if it cannot be read."""
        try:
            return cls(f"--against {file}", file.name, file.read_bytes())
        except FileNotFoundError as error:
            step = f"write one with `git show COMMIT:models.yaml > {file}`, or name the commit with --against-commit"
            raise CommandError(f"--against {file}: no such file; {step}") from error
        except OSError as error:
            raise CommandError(f"--against {file}: cannot be read: {error.strerror}") from error


def preview_against(project: Project, stack: str, base: Base | Path, options: Options) -> Result:
    """Preview `stack` as if `base`, a models file, were deployed. Errors: CommandError."""
    base = Base.of_file(base) if isinstance(base, Path) else base
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATABRICKS_")}
    environ = {**kept, "BANDPLAN_OFFLINE": "1"}
    from bandplan.plugin.lean_sdk import import_late

    import_late()
    with tempfile.TemporaryDirectory(prefix="bandplan-offline-") as folder, no_collection(), translated_errors():
        models = Path(folder) / "base" / base.name
        models.parent.mkdir()
        models.write_bytes(base.text)
        before = deployed(project, stack, Path(folder), {**environ, VARIABLE: str(models), STANDING: ""})
        if before is not None:
            raise failed(before, base.origin)
        with environment(environ), shown(is_quiet=options.json, is_full=options.diff) as listen:
            hooks = Hooks(analyzer=analyzer_of(project, stack))
            hear = Changing(listen).take
            engine = Engine(project.root, stack, Path(folder), providers(), hear, options.parallel, hooks)
            outcome = engine.preview()
    document = without_what_stays(outcome.digest)
    document["offline"] = True
    if options.json:
        json.dump(document, sys.stdout, indent=4)
        print()
    else:
        print(NOTE)
    result = result_of(outcome, options)
    return Result(result.ok, {}, document)


def deployed(project: Project, stack: str, folder: Path, environ: Mapping[str, str]) -> Outcome | None:
    """Write the state that the models file of `environ` would have; return the failed preview if there is one."""
    declared = Declared()
    with environment(environ):
        engine = Engine(project.root, stack, folder, providers(), declared.take)
        outcome = engine.preview()
    if not outcome.ok:
        return outcome
    keep_baseline(project, stack, lambda: known(outcome.outputs))
    resources = [
        state.changed(outputs=dict(outcome.outputs)) if state.is_stack else state for state in declared.resources
    ]
    file = StackFile(folder, project.name, stack)
    write(file, render(Snapshot([*default_providers(resources), *resources]), file, "1970-01-01T00:00:00.000000Z"))
    return None


def default_providers(resources: Iterable[ResourceState]) -> list[ResourceState]:
    """Return the providers named by the resources: a preview registers them without a step of their own."""
    found: dict[str, ResourceState] = {}
    for urn, _, identity in (state.provider.rpartition("::") for state in resources if state.provider):
        found.setdefault(urn, ResourceState(urn, urn.split("::")[2], custom=True, id=identity))
    return list(found.values())


def known(value: Any) -> Any:
    """Replace values that only a deployment can determine by None."""
    if isinstance(value, Mapping):
        return {key: known(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [known(item) for item in value]
    return None if value is UNKNOWN else value


def failed(outcome: Outcome, origin: str) -> CommandError:
    """Return the error for a base file with errors, which leaves nothing to compare with."""
    lines = [
        entry["message"].strip() for entry in outcome.digest.get("diagnostics", []) if entry["severity"] == "error"
    ]
    return CommandError(f"{origin}: cannot be compared with:\n" + "\n".join(lines))


def providers() -> dict[str, sdk.Provider]:
    return {"bandplan": OfflineBandplan(), "databricks": OfflineDatabricks({})}


def without_what_stays(document: Mapping[str, Any]) -> dict[str, Any]:
    """Drop changes with equal inputs: values unknown both before and after would otherwise count as changes."""
    steps, dropped = [], Counter[str]()
    for step in document.get("steps", []):
        before, after = ((step.get(key) or {}).get("inputs") for key in ("oldState", "newState"))
        if step["op"] in ("update", "replace") and before == after:
            dropped[step["op"]] += 1
        else:
            steps.append(step)
    return {**document, "steps": steps, "changeSummary": _without(document.get("changeSummary", {}), dropped)}
