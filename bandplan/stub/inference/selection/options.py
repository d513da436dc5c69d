"""Options of the workspace's start that concern engines."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """The kind of engine where no setting names one (None: simulated), the Python of the environment with vLLM or torch
    (None: our own, and PATH), and the hosts that prompts may be sent to, besides this machine.
    """

    default: str | None = None
    python: Path | None = None
    allowed_hosts: frozenset[str] = frozenset()
