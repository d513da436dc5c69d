"""Choose the engine of a served entity: the rule alone; what this machine has is asked of `Machine`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from bandplan.stub.inference.selection.settings import Settings
from bandplan.stub.inference.selection.spec import (
    AUTO,
    LOADS_WEIGHTS,
    OPENAI,
    SIMULATED,
    TRANSFORMERS,
    VLLM,
    EngineSpec,
)

ORDER = (OPENAI, VLLM, TRANSFORMERS)
"""The order in which `auto` tries engines; what none of them can serve is simulated."""


@dataclass(frozen=True, slots=True)
class Served:
    """What is to be served: `checkpoint` is the folder of the version's own weights, if it was registered from one, and
    `tokenizer` the folder of its tokenizer. `version` is what people know the version by.
    """

    is_embedding: bool = False
    checkpoint: str | None = None
    tokenizer: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An engine that does not answer, and why."""

    engine: str
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine that answers, the more preferred ones that do not, and remarks on settings without effect.

    `is_auto` if `auto` chose it, `has_server` if a server is configured, which may come up or go.
    """

    spec: EngineSpec
    passed_over: tuple[PassedOver, ...] = ()
    remarks: tuple[str, ...] = ()
    is_auto: bool = field(default=False, compare=False)
    has_server: bool = field(default=False, compare=False)


class Machine(Protocol):
    """What can be used here."""

    async def lack(self, kind: str, settings: Settings, weights: str | None) -> str | None:
        """Return what an engine of this kind lacks here to serve `weights`, None if nothing."""
        ...


def _has_not_failed(spec: EngineSpec) -> str | None:
    return None


async def choose(
    settings: Settings,
    served: Served,
    machine: Machine,
    failure: Callable[[EngineSpec], str | None] = _has_not_failed,
) -> Choice:
    """Choose the engine for what is to be served; settings without an engine mean the simulated one.

    Only `auto` asks the machine, and whether an engine has failed for good: one that was named by its kind and cannot
    run is an error, not a reason to answer with another one. Without weights, what is to be served is simulated.
    """
    wanted = settings.engine or SIMULATED
    is_auto = wanted == AUTO
    passed: list[PassedOver] = []
    for kind in ORDER if is_auto else (wanted,):
        if kind == SIMULATED:
            break
        spec = spec_of(kind, settings, served)
        reason = _unset(kind, settings, served) if is_auto or kind in LOADS_WEIGHTS else None
        if reason is None and is_auto:
            lack = await machine.lack(kind, settings, served.checkpoint or settings.weights)
            reason = failure(spec) if lack is None else lack
        if reason is None:
            return Choice(spec, tuple(passed), _remarks(kind, settings, served), is_auto, settings.url is not None)
        passed.append(PassedOver(kind, reason))
    return Choice(EngineSpec(), tuple(passed), _remarks(SIMULATED, settings, served), is_auto, settings.url is not None)


def spec_of(kind: str, settings: Settings, served: Served) -> EngineSpec:
    """Return the spec of an engine; a version's own checkpoint comes before weights that the settings name."""
    if kind == OPENAI:
        return EngineSpec(
            kind,
            url=settings.url,
            model=settings.model,
            key_env=settings.key_env,
            is_embedding=served.is_embedding,
            context_tokens=settings.context_tokens,
        )
    own = served.checkpoint is not None
    return EngineSpec(
        kind,
        weights=served.checkpoint or settings.weights,
        tokenizer=served.tokenizer if own else None,
        is_random=bool(settings.random) and not own,
        is_embedding=served.is_embedding,
        context_tokens=settings.context_tokens,
        gpu_share=settings.gpu_share,
        arguments=(settings.arguments or ()) if kind == VLLM else (),
        title=served.version if own else None,
    )


def _unset(kind: str, settings: Settings, served: Served) -> str | None:
    """Return which setting an engine needs and does not have."""
    if kind == OPENAI:
        return None if settings.url else "no url is set in bandplan:engines"
    if kind in LOADS_WEIGHTS and not (served.checkpoint or settings.weights):
        return "the version was not registered from a checkpoint, and bandplan:engines names no weights for it"
    return None


def _remarks(kind: str, settings: Settings, served: Served) -> tuple[str, ...]:
    made = []
    if settings.weights and served.checkpoint and kind in LOADS_WEIGHTS:
        made.append(f"weights {settings.weights} are not used: the version was registered from a checkpoint")
    elif settings.weights and kind not in LOADS_WEIGHTS and settings.engine in (None, SIMULATED):
        made.append(f"weights {settings.weights} are not used: start the workspace with --engine auto")
    return tuple(made)
