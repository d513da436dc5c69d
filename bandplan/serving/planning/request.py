"""The request from a command to plan a stack."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bandplan.serving.planning.checked import Checked
from bandplan.serving.workspace.cache import Cache
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.wire.band_policies import NO_POLICIES, BandPolicies

OpenWorkspace = Callable[[Checked], WorkspaceClient | None]
"""Opens the workspace for a file that was read; returns None if no workspace may be contacted. Errors: those of the
client.
"""


@dataclass(frozen=True)
class RolloutRequest:
    """How rollouts advance: as of `now_ms` (since 1970), and without steps for the endpoints in `at_once`.

    `measured` names a file of measured use, relative to the project.
    """

    now_ms: int = 0
    at_once: tuple[str, ...] = ()
    measured: str | None = None


@dataclass(frozen=True)
class PlanRequest:
    """Everything that the plan of a stack depends on.

    `text`, if given, replaces the content of the file `models`. Sources of versions to register are relative to `root`.
    `record` is read before the workspace is contacted, `refresh` requests everything again, `offline` requests nothing.
    `today` decides which waivers hold; without it none is applied. Suggested bands comply with `policies`.
    """

    root: Path
    models: Path
    stack: str
    record: Cache
    workspace: OpenWorkspace = lambda checked: None
    today: date | None = None
    policies: BandPolicies = NO_POLICIES
    text: str | None = None
    file: str = ""
    """What problems call the models file; its name if empty."""
    offline: bool = False
    refresh: bool = False
    thorough: bool = False
    """Also compare the file with the schema, and report everything that prevents a source from being registered."""
    judges_registry: bool = True
    """Look up models and aliases, and read the sources of versions to register; otherwise rely on recorded aliases."""
    takes_unrecorded: bool = False
    """Leave versions without an answer unsized, instead of reporting an error."""
    known_stacks: Collection[str] | None = None
    """The stacks of the project, to find mistyped ones among the overrides."""
    is_preview: bool = True
    rollouts: RolloutRequest | None = None
    """None leaves every entry at the end of its rollout."""
    cannot_record: Callable[[OSError], object] = lambda error: None
    """Called with the reason if answers, which count all the same, could not be recorded."""
