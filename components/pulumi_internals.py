"""What the components rely on in the Pulumi SDK beyond its public API, checked against the version named here.

- A resource's properties are read when the event loop runs, not when its constructor returns, and from the very mapping
  that was handed in (`runtime/resource.py: register_resource`). `NotYetStated` stops a deployment where that is not so.
- A property named `urn` gets no Output (`runtime/rpc.py: transfer_properties`).
- An Output can be made of three awaitables, and one that is not known resolves to nothing (`output.py: Output`).
- The source position of a resource is read from the stack with `traceback`, which heeds `sys.tracebacklimit`
  (`runtime/resource.py: _get_stack_trace`).
"""

import gc
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Final, TypeVar

import pulumi

CHECKED_AGAINST: Final = "3.272.0"

T = TypeVar("T")

_UNTRACKED: Final = "urn"
"""The name of a property that needs no Output."""

# New objects between two collections. A declared fleet is one graph that grows and is never garbage, and with the
# interpreter's 700 the collector walks it repeatedly: at 500 endpoints, a third of the program's time.
OBJECTS_BETWEEN_COLLECTIONS = 200_000


class NotYetStated:
    """Stands in a resource's properties until its inputs are stated; fails the deployment if it is still read."""

    def __await__(self) -> Generator[Any, None, None]:
        return _refuse_copies().__await__()


async def _refuse_copies() -> None:
    raise pulumi.RunError(
        f"pulumi {version('pulumi')} copies a resource's properties before its inputs are set: it would be deployed "
        f"without them, so it was not sent; install pulumi {CHECKED_AGAINST}, which this release supports"
    )


def properties_to_state(outputs: Iterable[str] = ()) -> dict[str, Any]:
    """Return the properties to construct a resource with; `state_inputs` adds its inputs.

    The SDK creates an Output, with its own task and futures, for each property in the constructor, and reads the
    properties for the engine later, when the event loop runs. Nothing reads an input back from the resource, so adding
    the inputs in between avoids most of the cost of declaring a resource.
    """
    return {**dict.fromkeys(outputs), _UNTRACKED: NotYetStated()}


def state_inputs(properties: dict[str, Any], inputs: Mapping[str, Any]) -> None:
    """Add inputs to the properties that a resource was just constructed with."""
    properties.pop(_UNTRACKED, None)
    properties.update(inputs)


def never_known() -> pulumi.Output[Any]:
    """Return an unknown value that never resolves."""

    async def resolved(value: T) -> T:
        return value

    return pulumi.Output(resolved(set()), resolved(None), resolved(False))


@contextmanager
def bulk_declaration() -> Iterator[None]:
    """Declare resources without source positions inside the block; garbage is collected rarely from here on.

    For every resource the SDK reads the whole stack, source lines included, to name the line that declared it; here
    that is always the same line of `components`. The limit is restored before a traceback can be printed.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
    missing = object()
    before = getattr(sys, "tracebacklimit", missing)
    sys.tracebacklimit = 1
    try:
        yield
    finally:
        if before is missing:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before  # type: ignore[assignment]
