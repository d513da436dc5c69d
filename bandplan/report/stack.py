"""One stack's report: what in a preview matters to a reviewer, the most important first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bandplan.report.endpoint import EndpointChange, endpoint_changes, owner_urn
from bandplan.report.endpoint_side import Side
from bandplan.report.events import PolicyEvent
from bandplan.report.finding import Kind, ReportFinding, findings
from bandplan.report.model import MODEL_TYPES, ModelMove, model_moves
from bandplan.report.preview import Preview
from bandplan.report.price import Money, Prices, money_change
from bandplan.report.standing import standing_endpoints
from bandplan.report.sums import StackSums, stack_sums
from bandplan.report.threshold import Thresholds
from bandplan.report.totals import Status, Summary, moved_totals
from bandplan.wire.capacity import UNITS
from bandplan.wire.types import FLEET, STACK

_NONE: Final = Thresholds()


@dataclass(frozen=True)
class Bill:
    """What an endpoint costs; None if it has no price or no size yet, 0 if it does not exist.

    `change` is known even then if the capacity stays.
    """

    before: Money | None
    after: Money | None
    change: Money | None


@dataclass(frozen=True)
class StackReport:
    """One stack's report. `endpoints` are the changes to show, the most important first; `quiet` those below the
    thresholds.

    `bills` maps the URN of each change to its bill if there are prices; `unchanged` is what is known of the other
    endpoints; `others` counts steps, by operation, on resources that belong to no endpoint and no model. `is_offline`:
    no workspace was contacted.
    """

    title: str
    stack: str
    project: str
    summary: Summary
    endpoints: tuple[EndpointChange, ...] = ()
    quiet: tuple[EndpointChange, ...] = ()
    unchanged: tuple[Side, ...] = ()
    models: tuple[ModelMove, ...] = ()
    findings: tuple[ReportFinding, ...] = ()
    others: Mapping[str, int] = field(default_factory=dict)
    prices: Prices | None = None
    bills: Mapping[str, Bill] = field(default_factory=dict)
    is_offline: bool = False

    @property
    def key(self) -> str:
        """The key that distinguishes this stack's section of a comment from others."""
        return f"{self.project}/{self.title}" if self.project else self.title

    def of_kind(self, kind: Kind) -> tuple[ReportFinding, ...]:
        return tuple(finding for finding in self.findings if finding.kind == kind)

    @property
    def cautions_of_change(self) -> tuple[ReportFinding, ...]:
        """Warnings, policy warnings first, about changing endpoints or about no endpoint."""
        changed = {change.name for change in (*self.endpoints, *self.quiet)} | {""}
        return tuple(finding for finding in self.cautions if finding.endpoint in changed)

    @property
    def cautions_elsewhere(self) -> tuple[ReportFinding, ...]:
        """Warnings about unchanged endpoints, which do not concern the reviewer of this change."""
        here = set(self.cautions_of_change)
        return tuple(finding for finding in self.cautions if finding not in here)

    @property
    def cautions(self) -> tuple[ReportFinding, ...]:
        return (*self.of_kind("advisory"), *self.of_kind("warning"))


def stack_report(
    preview: Preview,
    title: str = "",
    events: Iterable[PolicyEvent] = (),
    prices: Prices | None = None,
    thresholds: Thresholds = _NONE,
) -> StackReport:
    """Build the report of one preview.

    Errors: BadInput with everything in the preview that has the wrong shape.
    """
    standing = standing_endpoints(preview)
    changes = endpoint_changes(preview, standing.rows)
    standing = standing.checked(preview, changes)
    if standing.is_contradicted:
        changes = endpoint_changes(preview, standing.rows)
    moving = {change.name for change in changes}
    unchanged = tuple(one for one in standing.rows.values() if one.name not in moving)
    found = findings(preview, events, changes, unchanged)
    bills = {change.urn: _bill(change, prices) for change in changes} if prices is not None else {}
    blocked = {finding.endpoint for finding in found if finding.kind == "violation"}
    ordered = sorted(changes, key=lambda change: _weight(change, bills.get(change.urn), blocked))
    quiet = {
        change.urn
        for change in changes
        if change.name not in blocked and thresholds.is_quiet(change, _difference(bills, change))
    }
    models = model_moves(preview)
    others = _others(preview)
    loud = bool(models or others or len(quiet) < len(changes))
    status = _status(preview, found, loud, bool(quiet))
    is_partial = status == "failed" or any(
        change.is_alone for change in changes
    )  # no fleet's sums include a lone resource
    sums = stack_sums(preview, changes, standing, is_partial=is_partial)
    summary = _summary(status, changes, sums, prices, bills)
    preview.reading.finish()
    return StackReport(
        title=title or preview.stack or "stack",
        stack=preview.stack,
        project=preview.project,
        summary=replace(summary, is_refused=preview.is_refused),
        endpoints=tuple(change for change in ordered if change.urn not in quiet),
        quiet=tuple(change for change in ordered if change.urn in quiet),
        unchanged=unchanged,
        models=models,
        findings=found,
        others=others,
        prices=prices,
        bills=bills,
        is_offline=preview.is_offline,
    )


def _status(preview: Preview, found: Iterable[ReportFinding], is_loud: bool, is_quiet: bool) -> Status:
    kinds = {finding.kind for finding in found}
    if "error" in kinds or not preview.steps:
        return "failed"
    if "violation" in kinds:
        return "blocked"
    return "changed" if is_loud else "quiet" if is_quiet else "unchanged"


def _weight(change: EndpointChange, bill: Bill | None, blocked: set[str]) -> tuple[object, ...]:
    """Return a sort key: violations first, then what stops serving, then changes of money, tokens and units, then the
    name.
    """
    moved = moved_totals(change.before, change.after)
    money = bill.change if bill is not None else None
    by_money = max(abs(money.floor), abs(money.ceiling)) if money is not None else 0
    by_unit = (-max(map(abs, filter(None, unit.of(moved))), default=0) for unit in UNITS)
    stops = not change.rollout.stops_serving
    return (change.name not in blocked, stops, -by_money, *by_unit, change.name, change.urn)


def _bill(change: EndpointChange, prices: Prices) -> Bill:
    def cost(capacity: Side | None) -> Money | None:
        return Money() if capacity is None else prices.of_endpoint(capacity)

    before, after = cost(change.before), cost(change.after)
    is_same = change.before == change.after and change.is_whole
    return Bill(before, after, Money() if is_same else money_change(before, after))


def _difference(bills: Mapping[str, Bill], change: EndpointChange) -> Money | None:
    return bills[change.urn].change if change.urn in bills else None


def _summary(
    status: Status,
    changes: tuple[EndpointChange, ...],
    sums: StackSums,
    prices: Prices | None,
    bills: Mapping[str, Bill],
) -> Summary:
    differences = [bill.change for bill in bills.values()]
    known = [difference for difference in differences if difference is not None]
    return Summary(
        status=status,
        changed=len(changes),
        endpoints=sums.endpoints,
        before=sums.before,
        change=sums.change,
        money=sum(known, Money()) if prices is not None else None,
        currency=prices.currency if prices is not None else "",
        unpriced=len(differences) - len(known),
        unsized=sums.uncounted,
        unmoved=sums.unmoved,
        is_outdated=sums.is_outdated,
    )


def _others(preview: Preview) -> dict[str, int]:
    found: dict[str, int] = {}
    for step in preview.steps.values():
        if step.op == "same" or step.parts.type in (STACK, FLEET) or owner_urn(step.urn, preview.steps) is not None:
            continue
        if step.parts.type in MODEL_TYPES:
            continue
        found[step.op] = found.get(step.op, 0) + 1
    return dict(sorted(found.items()))
