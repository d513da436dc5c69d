"""A registration request as plain data: what the program declares for one resource.

Options that this engine does not support are refused by name, never ignored.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from bandplan.embedded.errors import EngineError, Unsupported
from bandplan.embedded.pulumi_internals import resource_pb2
from bandplan.embedded.resource import CustomTimeouts
from bandplan.embedded.values import from_struct


@dataclass(frozen=True, slots=True)
class Goal:
    """One resource as the program declares it.

    `delete_before_replace`, `protect` and `retain_on_delete` are None if the program leaves them open.
    """

    urn: str
    type: str
    name: str
    custom: bool
    parent: str
    properties: dict[str, Any]
    dependencies: list[str]
    property_dependencies: dict[str, list[str]]
    provider: str = ""
    version: str = ""
    protect: bool | None = None
    delete_before_replace: bool | None = None
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    custom_timeouts: CustomTimeouts = field(default_factory=CustomTimeouts)
    retain_on_delete: bool | None = None
    deleted_with: str = ""
    import_id: str = ""
    source_position: str = ""


def from_request(request: resource_pb2.RegisterResourceRequest, urn: str, position: Callable[[str, int], str]) -> Goal:
    """Read a request. Unsupported if it uses what this engine refuses; `position` formats a source position."""
    for feature, is_used in _refused(request):
        if is_used:
            raise Unsupported(feature, urn)
    return Goal(
        urn=urn,
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        properties={key: value for key, value in from_struct(request.object, urn).items() if value is not None},
        # The SDK sends sets; without sorting, the state would change from run to run.
        dependencies=sorted(request.dependencies),
        property_dependencies={key: sorted(deps.urns) for key, deps in sorted(request.propertyDependencies.items())},
        provider=request.provider,
        version=request.version,
        protect=request.protect if request.HasField("protect") else None,
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        ignore_changes=list(request.ignoreChanges),
        replace_on_changes=list(request.replaceOnChanges),
        custom_timeouts=CustomTimeouts(
            create=seconds(request.customTimeouts.create, urn),
            update=seconds(request.customTimeouts.update, urn),
            delete=seconds(request.customTimeouts.delete, urn),
        ),
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        deleted_with=request.deletedWith,
        import_id=request.importId,
        source_position=position(request.sourcePosition.uri, request.sourcePosition.line),
    )


_UNIT_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def seconds(duration: str, place: str) -> float:
    """Return the seconds of a Go duration such as `1h30m`; 0 for an empty one. EngineError for anything else."""
    try:
        return _seconds(duration)
    except (ValueError, KeyError):
        raise EngineError(
            f"{place}: custom timeout {duration!r} is not a duration; write, for example, 90m or 2h30m"
        ) from None


@cache
def _seconds(duration: str) -> float:
    total, number, rest = 0.0, "", duration
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        number, rest = rest[:digits], rest[digits:]
        letters = len(rest) - len(rest.lstrip("hmsuµn"))
        unit, rest = rest[:letters], rest[letters:]
        total += float(number) * _UNIT_SECONDS[unit]
    return total


def _refused(request: resource_pb2.RegisterResourceRequest) -> list[tuple[str, bool]]:
    return [
        ("a remote component", request.remote),
        ("an alias", bool(request.aliases or request.aliasURNs)),
        ("a resource transform", bool(request.transforms)),
        ("a resource hook", _has_hooks(request)),
        ("replace_with", bool(request.replace_with)),
        ("a replacement trigger", request.HasField("replacement_trigger")),
        ("additional secret outputs", bool(request.additionalSecretOutputs)),
        ("a parameterized package", bool(request.packageRef)),
        ("a plugin download URL", bool(request.pluginDownloadURL)),
    ]


def _has_hooks(request: resource_pb2.RegisterResourceRequest) -> bool:
    hooks = request.hooks
    return any(getattr(hooks, field.name) for field in hooks.DESCRIPTOR.fields)
