"""The provider itself: Pulumi's calls on one side, the pure modules and the workspace on the other.

Methods are `async def` by interface and synchronous inside; the caller gives each call a thread.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from plugin.errors import ProviderError
from plugin.urn import resource_type
from plugin.values import UNKNOWN, plain, property_values
from provider.comparison import differences, task_difference
from provider.declared import Declared
from provider.difference import Difference, PathStep, property_path
from provider.endpoint_ready import Surroundings, make_ready, unchangeable_description, unsendable_task
from provider.inputs import INPUTS, Wanted, findings, is_known
from provider.property_changes import property_changes
from provider.readiness import Failed, Ready, assess
from provider.schema import ENDPOINT_READY, package_schema
from serving.workspace.client import WorkspaceClient, from_environment
from serving.workspace.endpoints import Endpoints
from serving.workspace.errors import NotFound, WorkspaceError
from serving.workspace.live_endpoint import LiveEndpoint

Say = Callable[[str, str], None]
"""Takes the URN a line belongs to, and the line."""

_KINDS = {
    "add": sdk.PropertyDiffKind.ADD,
    "delete": sdk.PropertyDiffKind.DELETE,
    "update": sdk.PropertyDiffKind.UPDATE,
}
_COMPARED = tuple(name for name in INPUTS if name != "timeoutSeconds")
"""A new timeout alone changes nothing at the platform, so it is no change."""

_MOST_SHOWN = 10


class BandplanProvider(sdk.Provider):
    """Package `bandplan`. The workspace is that of the environment unless `client_factory` says otherwise.

    `progress` gets lines that may be replaced by the next one, `warn` (default: the same) lines to keep.
    """

    def __init__(
        self,
        client_factory: Callable[[], WorkspaceClient] | None = None,
        progress: Say | None = None,
        warn: Say | None = None,
    ) -> None:
        self._client_factory = client_factory or (lambda: from_environment(os.environ))
        self._progress: Say = progress or (lambda urn, text: None)
        self._say_warning: Say = warn or self._progress
        self._warned: set[tuple[str, str]] = set()
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._endpoints: Endpoints | None = None

    async def get_schema(self, request: sdk.GetSchemaRequest) -> sdk.GetSchemaResponse:
        return sdk.GetSchemaResponse(schema=json.dumps(package_schema()))

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        _check_type(resource_type(request.urn))
        failures = [sdk.CheckFailure(f.property_path, f.reason) for f in findings(plain(request.new_inputs))]
        return sdk.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        _check_type(resource_type(request.urn))
        old, new = plain(request.old_state), plain(request.new_inputs)
        changed = property_changes(old, new, _COMPARED)
        detailed = {path: sdk.PropertyDiff(_KINDS[kind], True) for path, kind in changed.items()}
        if changed.get("endpoint") == "update" and new["endpoint"] is not UNKNOWN:
            detailed["endpoint"] = sdk.PropertyDiff(sdk.PropertyDiffKind.UPDATE_REPLACE, True)
            return sdk.DiffResponse(
                changes=True,
                replaces=["endpoint"],
                detailed_diff=detailed,
                diffs=["endpoint"],
            )
        if "declared.description" in changed and "endpoint" not in changed and "servingEndpointId" not in changed:
            self._warn(request.urn, unchangeable_description(str(new["endpoint"])))
        if all(is_known(new.get(name)) for name in _COMPARED):
            for path in self._live_differences(request.urn, Wanted.from_inputs(new), old, frozenset(changed)):
                detailed.setdefault(path, sdk.PropertyDiff(sdk.PropertyDiffKind.UPDATE, False))
        diffs = sorted({path.split(".")[0].split("[")[0] for path in detailed})
        return sdk.DiffResponse(
            changes=bool(detailed),
            detailed_diff=detailed,
            diffs=diffs,
            stables=["endpoint"],
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        _check_type(resource_type(request.urn))
        if request.preview:
            name = plain(request.properties)["endpoint"]
            return sdk.CreateResponse("" if name is UNKNOWN else name, _foreseen(request.properties))
        live = self._make_ready(request.urn, request.properties, None, request.timeout)
        return sdk.CreateResponse(live.name, _outputs(request.properties, live))

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        _check_type(resource_type(request.urn))
        if request.preview:
            return sdk.UpdateResponse(_foreseen(request.news))
        previous = plain(request.olds).get("declared")
        live = self._make_ready(
            request.urn,
            request.news,
            Declared.from_inputs(previous) if previous else None,
            request.timeout,
        )
        return sdk.UpdateResponse(_outputs(request.news, live))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        """What the endpoint runs: in state and inputs, declared properties that differ get their live values."""
        _check_type(resource_type(request.urn))
        with _told_to_user(request.resource_id):
            try:
                live = self._workspace().get(request.resource_id)
            except NotFound:
                return sdk.ReadResponse(resource_id="")
        known = plain(request.properties)
        if not known.get("declared"):
            raise ProviderError(
                f"{request.resource_id}: an EndpointReady cannot be imported; it holds nothing of its own, so declare "
                "it and run `up`: it takes over an endpoint that exists"
            )
        declared = Declared.from_inputs(known["declared"])
        other_task = task_difference(declared, live)
        found = (*differences(declared, live), *((other_task,) if other_task else ()))
        inputs = {name: value for name, value in request.properties.items() if name in INPUTS}
        if found:
            inputs["declared"] = property_values({"declared": _as_live(known["declared"], found)})["declared"]
        return sdk.ReadResponse(live.name, _outputs(inputs, live), inputs)

    async def delete(self, request: sdk.DeleteRequest) -> None:
        """Nothing: the endpoint belongs to another resource."""
        _check_type(resource_type(request.urn))

    async def cancel(self) -> None:
        self._cancelled.set()

    def _live_differences(
        self, urn: str, wanted: Wanted, old: dict[str, Any], changed: frozenset[str]
    ) -> tuple[str, ...]:
        """Property paths in which the endpoint is not what `wanted` says, `ready` among them when it is not ready.

        Warns of what differs from the state already and is not `changed` by the program: the engine can show only the
        state's value of it.
        """
        with _told_to_user(wanted.endpoint):
            try:
                live = self._workspace().get(wanted.endpoint)
            except NotFound:
                self._warn(
                    urn,
                    f"{wanted.endpoint}: the endpoint does not exist any more; refresh the stack",
                )
                return ("ready",)
        paths = []
        if wanted.serving_endpoint_id and live.id and wanted.serving_endpoint_id != live.id:
            paths.append("servingEndpointId")
        found = differences(wanted.declared, live)
        paths += [difference.property_path for difference in found]
        before = Declared.from_inputs(old["declared"]) if old.get("declared") else wanted.declared
        recorded = found if before == wanted.declared else differences(before, live)
        drifted = [difference for difference in recorded if not _is_changed(difference, changed)]
        for difference in drifted[:_MOST_SHOWN]:
            self._warn(urn, f"{wanted.endpoint}: not as declared: {difference}")
        other_task = task_difference(wanted.declared, live)
        if other_task is not None:
            paths.append(other_task.property_path)
            self._warn(urn, unsendable_task(wanted.endpoint, other_task))
        verdict = assess(live)
        if not isinstance(verdict, Ready):
            self._warn(urn, f"{wanted.endpoint}: {_in_short(verdict)}")
            paths.append("ready")
        return tuple(paths)

    def _make_ready(
        self,
        urn: str,
        inputs: dict[str, PropertyValue],
        previous: Declared | None,
        timeout_seconds: float,
    ) -> LiveEndpoint:
        known = plain(inputs)
        if timeout_seconds > 0 and not known.get("timeoutSeconds"):
            known["timeoutSeconds"] = int(timeout_seconds)
        wanted = Wanted.from_inputs(known)
        surroundings = Surroundings(
            progress=lambda text: self._progress(urn, f"{wanted.endpoint}: {text}"),
            warn=lambda text: self._warn(urn, text),
            sleep=self._cancelled.wait,
        )
        with _told_to_user(wanted.endpoint):
            return make_ready(self._workspace(), wanted, previous, surroundings)

    def _warn(self, urn: str, text: str) -> None:
        """Once per resource and text: a deploy asks for the same diff when it plans and again when it acts."""
        with self._lock:
            is_new = (urn, text) not in self._warned
            self._warned.add((urn, text))
        if is_new:
            self._say_warning(urn, text)

    def _workspace(self) -> Endpoints:
        with self._lock:
            if self._endpoints is None:
                self._endpoints = Endpoints(self._client_factory())
            return self._endpoints


@contextmanager
def _told_to_user(endpoint: str) -> Iterator[None]:
    try:
        yield
    except WorkspaceError as error:
        raise ProviderError(f"{endpoint}: {error}") from error


def _check_type(resource_type: str) -> None:
    if resource_type != ENDPOINT_READY:
        raise ProviderError(f"{resource_type} is not a resource of this package; it has {ENDPOINT_READY}")


def _foreseen(inputs: dict[str, PropertyValue]) -> dict[str, PropertyValue]:
    return {**inputs, **property_values({"configVersion": UNKNOWN, "ready": True})}


def _outputs(inputs: dict[str, PropertyValue], live: LiveEndpoint) -> dict[str, PropertyValue]:
    verdict = assess(live)
    version = live.config.version if live.config else None
    return {
        **inputs,
        **property_values({"configVersion": version or 0, "ready": isinstance(verdict, Ready)}),
    }


def _is_changed(difference: Difference, changed: frozenset[str]) -> bool:
    """Whether the program changes this very property, one inside it, or one that it is inside of."""
    steps: tuple[PathStep, ...] = difference.path
    above = {property_path(steps[:length]) for length in range(1, len(steps) + 1)}
    inside = tuple(difference.property_path + mark for mark in (".", "["))
    return bool(above & changed) or any(path.startswith(inside) for path in changed)


def _as_live(declared: dict[str, Any], found: tuple[Difference, ...]) -> dict[str, Any]:
    """`declared` with the live value in the place of each difference that a value can express."""
    result: dict[str, Any] = json.loads(json.dumps(declared))
    for difference in found:
        *steps, last = difference.path[1:]
        place: Any = result
        for step in steps:
            place = place[step] if isinstance(step, int) else place.setdefault(step, {})
        if (
            isinstance(last, str)
            and isinstance(place, dict)
            and last not in ("servedEntities", "servedModels", "routes")
        ):
            place[last] = difference.live
    return result


def _in_short(verdict: Any) -> str:
    if not isinstance(verdict, Failed):
        return f"not ready: {verdict.text}"
    reasons = "; ".join(f"{e.served_name} {e.deployment}: {e.reason or 'no reason given'}" for e in verdict.entities)
    return f"the last update failed ({verdict.text})" + (f": {reasons}" if reasons else "")
