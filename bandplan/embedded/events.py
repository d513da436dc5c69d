"""The events of a run, for whatever displays or records it. Events carry states, never secrets."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bandplan.embedded.steps import Step


@dataclass(frozen=True, slots=True)
class Started:
    """The run begins. `kind` is preview, up, refresh or destroy; `config` is the stack's configuration.

    `policies` names the policy pack that runs, as Pulumi's display does; empty without one.
    """

    kind: str
    stack: str
    config: dict[str, str]
    policies: str = ""


@dataclass(frozen=True, slots=True)
class StepBegan:
    """A step is about to be carried out or, in a preview, would be."""

    step: Step


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step succeeded. `seconds` is how long it took."""

    step: Step
    seconds: float


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step failed; `message` is for the user."""

    step: Step
    message: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """A resource in progress reports how far it is."""

    urn: str
    text: str


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """A message from the program, a provider or the engine. `severity`: info, warning or error; `urn` may be empty."""

    severity: str
    message: str
    urn: str = ""


@dataclass(frozen=True, slots=True)
class PolicyViolated:
    """A policy is violated. `level`: advisory or mandatory; the message's first line is the policy's description."""

    pack: str
    version: str
    policy: str
    urn: str
    message: str
    level: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What policies checked in a run: how many resources, and whether they saw the whole stack."""

    resources: int = 0
    stack: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """The run ended. `changes` counts steps by operation; `outputs` are the stack's; `failed` counts failures."""

    ok: bool
    changes: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    failed: int = 0
    judged: Judged = Judged()


Event = Started | StepBegan | StepEnded | StepFailed | Progressed | Diagnosed | PolicyViolated | Finished


def one_at_a_time(*listeners: Callable[[Event], None]) -> Callable[[Event], None]:
    """Return a listener that passes each event to all of these, never two events concurrently."""
    lock = threading.Lock()

    def emit(event: Event) -> None:
        with lock:
            for listen in listeners:
                listen(event)

    return emit
