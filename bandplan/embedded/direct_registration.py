"""Registrations without a detour: what a program declares in plain values goes from the SDK to the deployment as it is.

The SDK words each registration as a protobuf message, for an engine in another process, and reads the answer back from
one; with its tasks and futures that is most of what a resource costs. In one process neither message is needed. So
`register_resource` of the SDK, which every resource's constructor ends in, is taken over for the time of a run. All but
the common case is handed to the SDK's own: see `_is_common`. `tests/embedded/test_direct_registration.py`
holds the two to the same result.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pulumi

from bandplan.embedded import pulumi_internals as sdk
from bandplan.embedded.deployment import Deployment
from bandplan.embedded.goal import Goal, seconds
from bandplan.embedded.monitor import Monitor
from bandplan.embedded.program_values import plain_properties, to_sdk
from bandplan.embedded.resource import CustomTimeouts, ResourceState
from bandplan.wire.types import STACK

T = TypeVar("T")

_CARRIED_OVER: Final = frozenset(
    {
        "custom_timeouts",
        "delete_before_replace",
        "depends_on",
        "ignore_changes",
        "import_",
        "merge",
        "parent",
        "protect",
        "replace_on_changes",
        "retain_on_delete",
        "version",
    }
)
"""What of an options object is read here; a resource with another option is left to the SDK. `merge` is a method."""


@contextmanager
def direct_registrations(deployment: Deployment, monitor: Monitor, is_preview: bool) -> Iterator[None]:
    """While inside, resources of this process register with `deployment`, by way of `monitor` where the SDK has to."""
    registering = Registering(deployment, monitor, is_preview)
    with sdk.taken_over(registering.register, registering.register_outputs):
        yield


@dataclass(frozen=True, slots=True)
class _Declared:
    """A resource as the program declares it; `position` is the place in the program, "" where it is not known."""

    resource: pulumi.Resource
    type: str
    name: str
    custom: bool
    properties: Mapping[str, Any]
    options: pulumi.ResourceOptions
    position: str


class Registering:
    """What stands in for two functions of the SDK during one run."""

    def __init__(self, deployment: Deployment, monitor: Monitor, is_preview: bool) -> None:
        self._deployment = deployment
        self._monitor = monitor
        self._is_preview = is_preview

    def register(
        self,
        res: pulumi.Resource,
        ty: str,
        name: str,
        custom: bool,
        remote: bool,
        new_dependency: Callable[[str], pulumi.Resource],
        props: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None,
        typ: type | None = None,
        package_ref: Awaitable[str | None] | None = None,
    ) -> None:
        """As the SDK's function of that name: returns at once, the resource's outputs are settled later."""
        if opts is None or remote or typ is not None or package_ref is not None or not _is_common(res, opts):
            sdk.register_resource(res, ty, name, custom, remote, new_dependency, props, opts, typ, package_ref)
            return
        resolvers = {}
        for key in ("urn", "id") if custom else ("urn",):
            resolvers[key], res.__dict__[key] = sdk.new_output(res)
        for key in props:
            if key not in resolvers:
                resolvers[key], res.__dict__[key] = sdk.new_output(res)
        position = sdk.source_position()
        place = self._monitor.position(*position) if position else ""
        sdk.start(self._register(_Declared(res, ty, name, custom, props, opts, place), resolvers))

    async def _register(self, declared: _Declared, resolvers: dict[str, sdk.Resolve]) -> None:
        opts = declared.options
        try:
            parent = opts.parent
            if parent is None and declared.type != STACK:
                parent = sdk.stack_resource()
            parent_urn = await parent.urn.future() if parent is not None else None
            urn = self._monitor.urn_of(parent_urn or "", declared.type, declared.name)
            depended: dict[str, list[pulumi.Resource]] = {}
            properties = await plain_properties(declared.properties, depended, declared.resource, urn)
            urns = {
                key: sorted(await sdk.urns_of(resources, declared.resource)) if resources else []
                for key, resources in sorted(depended.items())
            }
            explicit = await sdk.urns_depended_on(opts, declared.resource)
            times = opts.custom_timeouts or pulumi.CustomTimeouts()
            goal = Goal(
                urn=urn,
                type=declared.type,
                name=declared.name,
                custom=declared.custom,
                parent=parent_urn or "",
                properties=properties,
                dependencies=sorted(explicit.union(*urns.values())),
                property_dependencies=urns,
                version=opts.version or "",
                protect=opts.protect,
                delete_before_replace=opts.delete_before_replace,
                ignore_changes=list(opts.ignore_changes or ()),
                replace_on_changes=list(opts.replace_on_changes or ()),
                custom_timeouts=CustomTimeouts(
                    create=seconds(times.create or "", urn),
                    update=seconds(times.update or "", urn),
                    delete=seconds(times.delete or "", urn),
                ),
                retain_on_delete=opts.retain_on_delete,
                import_id=opts.import_ or "",
                source_position=declared.position,
            )
            state = await self._done(functools.partial(self._deployment.register, goal), is_quick=not declared.custom)
        except Exception as error:
            for resolve in resolvers.values():
                resolve(None, False, False, error)
            raise
        self._settle(resolvers, state, goal)

    def _settle(self, resolvers: dict[str, sdk.Resolve], state: ResourceState, goal: Goal) -> None:
        """Give the program what came out, as `resolve_outputs` and `resolve_properties` of the SDK's rpc.py do."""
        for key, resolve in resolvers.items():
            if key == "urn":
                resolve(state.urn, True, False, None)
            elif key == "id" and state.custom:
                resolve(state.id, bool(state.id), False, None)
            elif (value := to_sdk(state.outputs.get(key))) is not None:
                resolve(value, True, False, None)
            elif self._is_preview:
                resolve(None, False, False, None)
            else:
                resolve(to_sdk(goal.properties.get(key)), True, False, None)

    def register_outputs(self, res: pulumi.Resource, outputs: Any) -> None:
        """As the SDK's function of that name."""
        if outputs and not isinstance(outputs, dict):
            sdk.register_resource_outputs(res, outputs)
            return
        sdk.start(self._register_outputs(res, outputs or {}))

    async def _register_outputs(self, res: pulumi.Resource, outputs: dict[str, Any]) -> None:
        urn = await res.urn.future()
        assert urn is not None
        plain = await plain_properties(outputs, {}, None, urn)
        await self._done(functools.partial(self._deployment.register_outputs, urn, plain), is_quick=True)

    async def _done(self, act: Callable[[], T], is_quick: bool) -> T:
        """What `act` returns. One that asks no provider needs no thread, but a write does: Ctrl-C would cut it off."""
        if is_quick and self._is_preview:
            return act()
        return await asyncio.get_running_loop().run_in_executor(None, act)


def _is_common(res: pulumi.Resource, opts: pulumi.ResourceOptions) -> bool:
    """Whether a resource uses nothing but what is carried over here."""
    kind: Any = type(res)
    return _speaks_wire_names(kind) and all(
        value is None or option in _CARRIED_OVER or _says_nothing(value) for option, value in vars(opts).items()
    )


def _says_nothing(value: Any) -> bool:
    """Whether an option is as good as left out: the SDK fills in empty ones when it merges."""
    if isinstance(value, pulumi.ResourceHookBinding):
        return not any(vars(value).values())
    return value in ([], {})


@functools.cache
def _speaks_wire_names(cls: Any) -> bool:
    """Whether a class passes properties through: no names of its own, no types to make of what the engine returns."""
    is_untranslated: bool = (
        cls.translate_input_property is pulumi.Resource.translate_input_property
        and cls.translate_output_property is pulumi.Resource.translate_output_property
    )
    return is_untranslated and not sdk.has_typed_outputs(cls)
