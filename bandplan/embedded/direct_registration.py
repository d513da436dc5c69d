"""Direct registrations: resources declared in plain values go from the SDK to the deployment without messages.

The SDK encodes each registration as a protobuf message for an engine in another process and decodes the reply from one;
together with its tasks and futures, that is most of what a resource costs. In one process neither message is needed. So
the SDK's `register_resource`, which every resource's constructor ends in, is replaced for the duration of a run.
Anything but the common case is passed to the SDK's own function: see `_is_common`.
`tests/embedded/test_direct_registration.py` checks that both give the same result.
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
"""Options that are handled here; a resource with another option is left to the SDK. `merge` is a method."""


@contextmanager
def direct_registrations(deployment: Deployment, monitor: Monitor, is_preview: bool) -> Iterator[None]:
    """Register this process's resources with `deployment` inside the block, through `monitor` where necessary."""
    registering = Registering(deployment, monitor, is_preview)
    with sdk.taken_over(registering.register, registering.register_outputs):
        yield


@dataclass(frozen=True, slots=True)
class _Declared:
    """A resource as the program declares it; `position` is the place in the program, or "" if unknown."""

    resource: pulumi.Resource
    type: str
    name: str
    custom: bool
    properties: Mapping[str, Any]
    options: pulumi.ResourceOptions
    position: str


class Registering:
    """Replaces two functions of the SDK during one run."""

    def __init__(self, deployment: Deployment, monitor: Monitor, is_preview: bool) -> None:
        self._deployment = deployment
        self._monitor = monitor
        self._is_preview = is_preview

    def register(  # noqa: PLR0913 - the parameters of the SDK's own function
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
        """Register a resource like the SDK's function of this name: return immediately and settle the outputs later."""
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
        """Resolve the program's outputs, as `resolve_outputs` and `resolve_properties` of the SDK's rpc.py do."""
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
        """Register a component's outputs like the SDK's function of this name."""
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
        """Return the result of `act`; a quick one needs no thread.

        It calls no provider. A write does need a thread: Ctrl-C would cut it off.
        """
        if is_quick and self._is_preview:
            return act()
        return await asyncio.get_running_loop().run_in_executor(None, act)


def _is_common(res: pulumi.Resource, opts: pulumi.ResourceOptions) -> bool:
    """Report whether a resource uses only options that are handled here."""
    kind: Any = type(res)
    return _speaks_wire_names(kind) and all(
        value is None or option in _CARRIED_OVER or _says_nothing(value) for option, value in vars(opts).items()
    )


def _says_nothing(value: Any) -> bool:
    """Report whether an option is equivalent to leaving it out: the SDK adds empty ones when it merges."""
    if isinstance(value, pulumi.ResourceHookBinding):
        return not any(vars(value).values())
    return value in ([], {})


@functools.cache
def _speaks_wire_names(cls: Any) -> bool:
    """Report whether a class passes properties through, without renaming or typing what the engine returns."""
    is_untranslated: bool = (
        cls.translate_input_property is pulumi.Resource.translate_input_property
        and cls.translate_output_property is pulumi.Resource.translate_output_property
    )
    return is_untranslated and not sdk.has_typed_outputs(cls)
