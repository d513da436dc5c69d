"""The three sides of one endpoint, in step with each other; a test changes one thing."""

from typing import Any

from bandplan.drift.endpoint import EndpointReport, endpoint_report
from bandplan.drift.pending import WantedEndpoint
from bandplan.drift.recorded import RecordedEndpoint
from bandplan.serving.workspace.endpoint_access import Grant
from bandplan.serving.workspace.surveyed import Surveyed
from tests.endpoint.builders import declaration, live

CALLER = "deployer@example.com"
ENDPOINT_ID = "0" * 32


def recorded(access: tuple[dict[str, str], ...] | None = None, **changes: Any) -> RecordedEndpoint:
    """As deployed: a change to None takes the part away."""
    declared = {key: value for key, value in declaration(**changes).items() if value is not None}
    return RecordedEndpoint("chat", ENDPOINT_ID, "classic", declared, access)


def wanted(access: tuple[dict[str, str], ...] = (), **changes: Any) -> WantedEndpoint:
    return WantedEndpoint("chat", declaration(**changes), access)


def surveyed(grants: tuple[Grant, ...] | None = (), **changes: Any) -> Surveyed:
    return Surveyed("chat", live(**changes), {"creator": "maker@example.com"}, grants)


def looked(
    deployed: RecordedEndpoint | None = None,
    there: Surveyed | None = None,
    declared: WantedEndpoint | None = None,
) -> EndpointReport:
    """The report on an endpoint that is in step, except for what is given."""
    return endpoint_report("chat", declared or wanted(), deployed or recorded(), there or surveyed(), CALLER)


def found(report: EndpointReport) -> dict[str, tuple[str, Any, Any]]:
    """(verdict, deployed, live) by field."""
    return {one.field: (one.verdict.value, one.deployed, one.live) for one in report.findings}
