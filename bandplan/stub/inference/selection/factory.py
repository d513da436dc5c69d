"""The one place that makes engines: a line for each kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bandplan.stub.inference.engine import Engine
from bandplan.stub.inference.errors import EngineUnavailable
from bandplan.stub.inference.selection.settings import Settings
from bandplan.stub.inference.selection.spec import EngineSpec


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What engines need to know besides their spec.

    `folder` is private to this workspace, for files of child processes. `environ` is the environment of this process;
    `allowed_hosts` are those that prompts may be sent to, besides this machine. `gpu_share` is an equal share of the
    GPU's memory among the engines that load weights.
    """

    folder: Path
    environ: Mapping[str, str]
    engine_python: Path | None = None
    allowed_hosts: frozenset[str] = frozenset()
    gpu_share: float = 0.9


def make(spec: EngineSpec, circumstances: Circumstances) -> Engine:
    """Return an engine that has not been started. Raises EngineUnavailable if there is none of this kind."""
    maker = MAKERS.get(spec.kind)
    if maker is None:
        raise EngineUnavailable(f"engine {spec.kind} is not available in this version; use another one")
    return maker(spec, circumstances)


MAKERS: Mapping[str, Callable[[EngineSpec, Circumstances], Engine]] = {}
"""Makers by kind. Each imports its engine when it is called, so that a workspace that only simulates loads none."""


async def why_silent(settings: Settings, circumstances: Circumstances) -> str | None:
    """Return why the server that settings name does not answer, None if it does."""
    return "the engine openai is not available in this version"
