"""A whole stack on all three sides. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bandplan.drift.begun import Begun
from bandplan.drift.endpoint import NOTHING_BEGUN, EndpointReport, endpoint_report
from bandplan.drift.pending import WantedEndpoint
from bandplan.drift.recorded import RecordedStack
from bandplan.drift.registry import LiveRegistry, ModelReport, model_reports
from bandplan.serving.workspace.surveyed import Listed, Surveyed


@dataclass(frozen=True)
class StackReport:
    """Endpoints in the order of models.yaml, then those only deployed; `unmanaged` exist only in the workspace."""

    stack: str
    host: str
    endpoints: tuple[EndpointReport, ...]
    models: tuple[ModelReport, ...]
    unmanaged: tuple[Listed, ...]

    @property
    def drifted(self) -> tuple[EndpointReport, ...]:
        return tuple(one for one in self.endpoints if one.has_drifted)

    @property
    def pending(self) -> tuple[EndpointReport, ...]:
        return tuple(one for one in self.endpoints if one.has_pending)

    @property
    def unreadable(self) -> tuple[EndpointReport, ...]:
        return tuple(one for one in self.endpoints if one.situation == "unreadable")

    @property
    def on_compute(self) -> tuple[EndpointReport, ...]:
        """Endpoints whose throughput was replaced by compute."""
        return tuple(one for one in self.endpoints if one.runs_on_compute)

    @property
    def to_adopt(self) -> tuple[EndpointReport, ...]:
        """Endpoints of models.yaml that exist but are not in the stack."""
        return tuple(one for one in self.endpoints if one.situation == "exists, not in the stack")

    @property
    def has_drifted(self) -> bool:
        return bool(self.drifted or self.models)


@dataclass(frozen=True)
class SeenWorkspace:
    """What a workspace showed `caller`: `surveyed` are the endpoints of `names_to_read`, `listed` all visible ones."""

    host: str
    caller: str
    surveyed: Mapping[str, Surveyed]
    listed: Sequence[Listed]
    registry: LiveRegistry


def names_to_read(wanted: Sequence[WantedEndpoint], recorded: RecordedStack) -> tuple[str, ...]:
    """Return the endpoints to read for the comparison, each once."""
    return tuple(dict.fromkeys([*(one.name for one in wanted), *(one.name for one in recorded.endpoints)]))


def stack_report(
    stack: str,
    wanted: Sequence[WantedEndpoint],
    recorded: RecordedStack,
    seen: SeenWorkspace,
    presentable: Callable[[str], str] = str,
    begun: Begun = NOTHING_BEGUN,
) -> StackReport:
    """Compare every endpoint of the file, of the state and of the workspace."""
    wanted_by_name = {one.name: one for one in wanted}
    recorded_by_name = {one.name: one for one in recorded.endpoints}
    names = names_to_read(wanted, recorded)
    return StackReport(
        stack,
        seen.host,
        tuple(
            endpoint_report(
                name,
                wanted_by_name.get(name),
                recorded_by_name.get(name),
                seen.surveyed[name],
                seen.caller,
                presentable,
                begun,
            )
            for name in names
        ),
        model_reports(recorded, seen.registry),
        tuple(one for one in seen.listed if one.name not in names),
    )
