"""What a preview depends on besides the program: models.yaml, the configuration, the state, the live endpoints."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bandplan.cli.saved_plan.fingerprint import SECRET, fingerprint, fingerprints
from bandplan.wire.types import SERVING, STACK
from bandplan.wire.urn import type_of

if TYPE_CHECKING:
    from bandplan.serving.endpoint.live_endpoint import Config, LiveEndpoint
    from bandplan.serving.workspace.client import WorkspaceClient

ABSENT: Final = "absent"
"""The fingerprint of something that does not exist: a file, an endpoint."""

AT_ONCE: Final = 16
"""Most endpoints read concurrently; a choice."""

_NOT_KEPT: Final = frozenset({"created", "modified", "sourcePosition", "sourcePositions", "stackTrace", "outputs"})
"""Keys of a resource's state that change although nobody changed the resource; outputs are compared separately."""


def file_fingerprint(path: Path) -> str:
    """Fingerprint a file's bytes; `absent` if it does not exist."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ABSENT


def state_fingerprints(deployment: Mapping[str, Any]) -> dict[str, str]:
    """Map URN to fingerprint for each resource and pending operation of `pulumi stack export`'s deployment.

    A resource that occurs twice in a state (one of them pending deletion) gets one fingerprint of both.
    """
    entries: dict[str, list[Any]] = {}
    for resource in deployment.get("resources") or ():
        if resource.get("type") == STACK:
            continue  # its outputs follow the resources
        kept = {key: value for key, value in resource.items() if key not in _NOT_KEPT}
        entries.setdefault(resource["urn"], []).append([kept, resource.get("outputs")])
    for operation in deployment.get("pending_operations") or ():
        entries.setdefault(operation["resource"]["urn"], []).append(operation.get("type"))
    return {urn: fingerprint(entry) for urn, entry in entries.items()}


def endpoint_names(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the sorted names of the serving endpoints that the preview changes."""
    names = set()
    for step in document.get("steps") or ():
        if step["op"] != "same" and type_of(step["urn"]) in SERVING:
            for state in ("oldState", "newState"):
                name = ((step.get(state) or {}).get("inputs") or {}).get("name")
                names |= {name} if isinstance(name, str) else set()
    return tuple(sorted(names))


def live_fingerprints(client: "WorkspaceClient", names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Map name to path to fingerprint for each live endpoint; `{"": "absent"}` for a missing one.

    Errors: WorkspaceError.
    """
    from bandplan.serving.workspace.endpoints import Endpoints

    wanted = list(names)
    if not wanted:
        return {}
    endpoints = Endpoints(client)
    with ThreadPoolExecutor(min(AT_ONCE, len(wanted)), thread_name_prefix="endpoint") as pool:
        return dict(zip(wanted, pool.map(lambda name: live(endpoints, name), wanted), strict=True))


def live(endpoints: Any, name: str) -> dict[str, str]:
    from bandplan.serving.workspace.errors import NotFound

    try:
        return fingerprints(parts(endpoints.get(name)))
    except NotFound:
        return {"": ABSENT}


def parts(endpoint: "LiveEndpoint") -> dict[str, Any]:
    """Return an endpoint's id and what people can change of it, but not the progress of an update."""
    return {
        "id": endpoint.id,
        "config": config_parts(endpoint.config),
        "pending_config": config_parts(endpoint.pending_config),
        "tags": dict(endpoint.tags),
        "description": endpoint.description,
        "email_notifications": {kind: list(addresses) for kind, addresses in endpoint.email_notifications.items()},
        "rate_limits": list(endpoint.rate_limits or ()),
        "ai_gateway": dict(endpoint.ai_gateway),
        "task": endpoint.task,
    }


def config_parts(config: "Config | None") -> dict[str, Any] | None:
    if config is None:
        return None
    return {
        "entities": {entity.name: without_values(entity.settings) for entity in config.entities},
        "traffic_percent": dict(config.traffic_percent),
        "auto_capture_config": dict(config.auto_capture_config),
    }


def without_values(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entity's settings with only the names of its variables, whose manually set values may be secret."""
    variables = settings.get("environment_vars")
    if not isinstance(variables, Mapping):
        return dict(settings)
    return {**settings, "environment_vars": dict.fromkeys(variables, SECRET)}
