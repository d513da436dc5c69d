"""What the embedded engine relies on in the Pulumi SDK beyond its public API, checked against the version named here.

- The SDK takes any object in place of its gRPC stubs (`Settings`, the hook that its own test mocks use), keeps its
  settings in context variables, and runs a program inside a stack resource (`run_in_stack`).
- Pending operations are in `Settings.rpc_manager` and `Settings.outputs`.
- Every resource's constructor ends in the function `register_resource` of the module `pulumi.resource`, looked up there
  by name, and `register_outputs` in `register_resource_outputs`.
- An Output holds its value, resources and flags in `_data`; an Output and the function that settles it come as a pair.
- Protobuf messages of the engine's protocol.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pulumi
from pulumi import _types
from pulumi import output as sdk_output
from pulumi import resource as sdk_resource
from pulumi.runtime import config as sdk_config
from pulumi.runtime import resource as sdk_runtime
from pulumi.runtime import rpc as sdk_rpc
from pulumi.runtime import settings as sdk_settings
from pulumi.runtime import stack as sdk_stack
from pulumi.runtime._depends_on import _resolve_depends_on_urns
from pulumi.runtime.proto import engine_pb2 as engine_pb2
from pulumi.runtime.proto import resource_pb2 as resource_pb2

CHECKED_AGAINST: Final = "3.272.0"

Resolve = Callable[[Any, bool, bool, Exception | None], None]
"""Settles an Output with its value, whether it is known, whether it is secret, or with an error instead."""

UNKNOWN: Final = sdk_output.UNKNOWN


def configure(
    *, project: str, stack: str, monitor: Any, log: Any, is_preview: bool, root: str, config: dict[str, str]
) -> None:
    """Give the SDK the monitor and the log that replace an engine, and the configuration of a stack."""
    settings = sdk_settings.Settings(
        project=project,
        stack=stack,
        monitor=monitor,
        engine=log,
        dry_run=is_preview,
        organization="organization",
        root_directory=root,
    )
    sdk_settings.configure(settings)
    sdk_config.set_all_config(config, [])


def run_in_stack(program: Callable[[], Awaitable[None]]) -> Coroutine[Any, Any, None]:
    """Run `program` inside a stack resource, and wait for everything that it starts."""
    return sdk_stack.run_in_stack(program)


def under_way() -> list["asyncio.Future[Any]"] | None:
    """Return the registrations and outputs that are pending; None once one has failed, which the SDK reports itself.

    Registrations that have succeeded are forgotten.
    """
    settings = sdk_settings.SETTINGS
    manager = settings.rpc_manager
    if manager.unhandled_exception is not None:
        return None
    manager.rpcs[:] = [task for task in manager.rpcs if not _has_succeeded(task)]
    with settings.lock:
        outputs = list(settings.outputs)
    return [task for task in (*manager.rpcs, *outputs) if not task.done()]


def _has_succeeded(task: "asyncio.Future[object]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def start(work: Coroutine[Any, Any, None]) -> None:
    """Start `work` as the SDK's RPC manager does: the program waits for it, and the first failure ends the program."""
    manager = sdk_settings.SETTINGS.rpc_manager

    async def run() -> None:
        try:
            await work
        except Exception as error:
            if manager.unhandled_exception is None:
                manager.unhandled_exception = error
                manager.exception_traceback = error.__traceback__
            raise

    manager.rpcs.append(asyncio.ensure_future(run()))


@contextmanager
def taken_over(register: Callable[..., None], register_outputs: Callable[..., None]) -> Iterator[None]:
    """Register every resource of this process through these two functions instead of the SDK's, inside the block."""
    names = vars(sdk_resource)
    ours = {"register_resource": register, "register_resource_outputs": register_outputs}
    before = {name: names[name] for name in ours}
    names.update(ours)
    try:
        yield
    finally:
        names.update(before)


def register_resource(*arguments: Any) -> None:
    """Register a resource as the SDK does, with a message to the monitor."""
    sdk_runtime.register_resource(*arguments)


def register_resource_outputs(res: pulumi.Resource, outputs: Any) -> None:
    """Register the outputs of a component as the SDK does, with a message to the monitor."""
    sdk_runtime.register_resource_outputs(res, outputs)


def new_output(res: pulumi.Resource) -> tuple[Resolve, pulumi.Output[Any]]:
    """Return an Output of `res` with the function that settles it."""
    return sdk_runtime.resource_output(res)


def source_position() -> tuple[str, int] | None:
    """Return the file URI and line of the statement that constructs a resource; None if they cannot be found."""
    position = sdk_runtime._get_source_position(sdk_runtime._get_stack_trace())
    return (position.uri, position.line) if position else None


def stack_resource() -> pulumi.Resource | None:
    """Return the resource of the stack, the parent of every resource without another one."""
    return sdk_settings.get_root_resource()


def data_of(output: pulumi.Output[Any]) -> Awaitable[Any]:
    """Return what an Output holds: `value`, `resources`, `is_known`, `is_secret`."""
    return output._data


async def serialize_properties(
    properties: Mapping[str, Any], depended: dict[str, list[pulumi.Resource]], res: pulumi.Resource | None
) -> Any:
    """Return properties as the SDK sends them, a protobuf Struct; `depended` gets the resources each comes from."""
    translate = res.translate_input_property if res is not None else None
    return await sdk_rpc.serialize_properties(properties, depended, res, translate)


async def urns_of(resources: list[pulumi.Resource], res: pulumi.Resource) -> Iterable[str]:
    """Return the URNs of resources that `res` depends on, and of what components among them hold."""
    return await sdk_rpc._expand_dependencies(resources, res)


async def urns_depended_on(opts: pulumi.ResourceOptions, res: pulumi.Resource) -> set[str]:
    """Return the URNs that the option `depends_on` names."""
    return await _resolve_depends_on_urns(opts._depends_on_list(), from_resource=res)


def has_typed_outputs(cls: type) -> bool:
    """Report whether the SDK converts what the engine returns into objects of a class's own types."""
    return bool(_types.resource_types(cls))
