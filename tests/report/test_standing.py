"""Endpoints that a preview does not change: from its own steps, else from the stack's outputs if those are of today."""

from typing import Any

import pytest

from bandplan.report.markdown.page import markdown
from bandplan.report.stack import StackReport
from bandplan.wire.capacity import Totals
from tests.report.previews import (
    FLEET_URN,
    GUARD,
    SERVING,
    changed,
    child_urn,
    component_urn,
    document,
    entity,
    fleet_step,
    inputs,
    report_on,
    step,
    summary_entry,
)
from tests.report.test_endpoint import serving_inputs

OLD = [summary_entry("chat", 980, 1960), summary_entry("other", 980, 1960)]
"""What the stack's outputs say: written before a deployment that gave `other` three chunks more and failed at `chat`."""


def pending(name: str = "chat", most: int = 3920) -> dict[str, Any]:
    """The step that the failed deployment still owes: from 980 to 1,960 tokens/s."""
    old, new = serving_inputs(980, 1960), serving_inputs(980, most)
    return step("update", child_urn(name, SERVING), old, new, parent=component_urn(name), reasons=("config",))


def standing(name: str, low: int, high: int) -> dict[str, Any]:
    return step("same", component_urn(name), None, inputs(name, entity(low, high)), parent=FLEET_URN)


def sums(report: StackReport) -> tuple[Totals | None, Totals | None, int | None]:
    return report.summary.before, report.summary.after, report.summary.endpoints


def test_listed_components_count_and_not_the_outputs_of_an_older_deployment() -> None:
    listed = [fleet_step(1960, 8820, count=2, op="same"), standing("chat", 1, 4), standing("other", 1, 5)]
    report = report_on(document(pending(), *listed, endpoints=OLD))
    # chat 1,960 -> 3,920 and other 5 x 980 = 4,900
    assert sums(report) == (Totals(1960, 6860), Totals(1960, 8820), 2)
    assert [(one.name, one.ceiling_tokens_per_second) for one in report.unchanged] == [("other", 4900)]


@pytest.mark.parametrize(
    "steps",
    [
        [pending()],
        # The failed endpoint's own component changes again: what it stated was never in the outputs.
        [*changed("chat", inputs("chat", entity(1, 4)), inputs("chat", entity(1, 3)))],
        # The fleet's old sums are those of the failed deployment.
        [
            pending(),
            step(
                "update",
                FLEET_URN,
                {"floorTokensPerSecond": 1960, "ceilingTokensPerSecond": 8820, "modelUnits": 0, "endpointCount": 2},
                {"endpointCount": 2},
            ),
        ],
        # The guard found the update failed, and waits for it again.
        [step("update", child_urn("chat", GUARD, "-ready"), {}, {}, parent=component_urn("chat"))],
    ],
    ids=["same component", "edited again", "fleet", "guard alone"],
)
def test_outputs_that_the_steps_contradict_leave_the_totals_unknown(steps: list[dict[str, Any]]) -> None:
    report = report_on(document(*steps, endpoints=OLD))
    assert (report.summary.before, report.summary.after, report.unchanged) == (None, None, ())
    assert "none" not in markdown([report])
    assert "; totals unknown because the last deployment may not have finished: preview with --show-sames" in markdown(
        [report]
    )


def test_outputs_that_the_steps_agree_with_count() -> None:
    report = report_on(document(pending(most=1960), endpoints=OLD))
    assert sums(report) == (Totals(1960, 3920), Totals(1960, 3920), 2)
    assert "unknown" not in markdown([report])
