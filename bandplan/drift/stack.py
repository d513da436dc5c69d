"""The whole of a stack on all three sides. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bandplan.drift.begun import Begun
from bandplan.drift.endpoint import NOTHING_BEGUN, EndpointReport, endpoint_report
from bandplan.drift.pending import WantedEndpoint
from bandplan.drift.recorded import RecordedStack
from bandplan.drift.registry import ModelReport, RegistryAnswers, model_reports
from bandplan.serving.workspace.surveyed import Listed, Surveyed


@dataclass(frozen=True)
class StackReport:
    """Endpoints in the order of models.yaml, then those only deployed; `unmanaged` are only in the workspace."""

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
    def to_adopt(self) -> tuple[EndpointReport, ...]:
        """Endpoints of models.yaml that exist and that the stack does not know."""
        return tuple(one for one in self.endpoints if one.situation == "exists, not in the stack")

    @property
    def has_drifted(self) -> bool:
        return bool(self.drifted or self.models)


def names_to_read(wanted: Sequence[WantedEndpoint], recorded: RecordedStack) -> tuple[str, ...]:
    """The endpoints that have to be read to compare, each once."""
    return tuple(dict.fromkeys([*(one.name for one in wanted), *(one.name for one in recorded.endpoints)]))


def stack_report(
    stack: str,
    host: str,
    wanted: Sequence[WantedEndpoint],
    recorded: RecordedStack,
    surveyed: Mapping[str, Surveyed],
    listed: Sequence[Listed],
    registry: RegistryAnswers,
    caller: str,
    presentable: Callable[[str], str] = str,
    begun: Begun = NOTHING_BEGUN,
) -> StackReport:
    """`surveyed` has the endpoints of `names_to_read`; `listed` are all that the workspace shows."""
    wanted_by_name = {one.name: one for one in wanted}
    recorded_by_name = {one.name: one for one in recorded.endpoints}
    names = names_to_read(wanted, recorded)
    return StackReport(
        stack,
        host,
        tuple(
            endpoint_report(
                name, wanted_by_name.get(name), recorded_by_name.get(name), surveyed[name], caller, presentable, begun
            )
            for name in names
        ),
        model_reports(recorded, registry),
        tuple(one for one in listed if one.name not in names),
    )
