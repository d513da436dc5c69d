"""The changes of an endpoint, one line each: capacity first, then everything else."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bandplan.report.endpoint import EndpointChange
from bandplan.report.endpoint_side import Entity, Side
from bandplan.report.entity import Pair
from bandplan.report.model import ModelMove
from bandplan.report.number import amount, percent, ratio, signed, size, span
from bandplan.report.sentence import ARROW, Run, money_range, money_span
from bandplan.report.stack import Bill, StackReport
from bandplan.wire.capacity import UNITS, Unit, figures_of
from bandplan.wire.text import one_line

MOST_OF_A_NAME: Final = 100
MOST_OF_A_REASON: Final = 200

Cell = tuple[Run, ...]
EMPTY: Final[Cell] = ()
NOTHING: Final[Cell] = (Run("none"),)


@dataclass(frozen=True, slots=True)
class Line:
    """One change. `unit` comes once, after the figures; `remark` says by how much, or with what effect."""

    label: Cell = EMPTY
    before: Cell = EMPTY
    after: Cell = EMPTY
    unit: str = ""
    remark: Cell = EMPTY

    @property
    def runs(self) -> Cell:
        """`label before → after unit, remark`; an unchanged value appears once."""
        parts = [self.before] if self.before == self.after else [self.before, self.after]
        joined: list[Run] = []
        for part in filter(None, parts):
            joined += [Run(f" {ARROW} "), *part] if joined else part
        space = (Run(" "),) if self.label and joined else EMPTY
        unit = (Run(f" {self.unit}"),) if self.unit else EMPTY
        remark = (Run(", "), *self.remark) if self.remark and joined else self.remark
        return (*self.label, *space, *joined, *unit, *remark)


def name_cell(change: EndpointChange, is_blocked: bool) -> Cell:
    return (Run("⛔ " if is_blocked else ""), Run(one_line(change.name, MOST_OF_A_NAME), True, True))


def rollout_cell(change: EndpointChange) -> Cell:
    """Format the kind of rollout, and its consequence on a second line."""
    rollout = change.rollout
    sign = "🔁 " if rollout.kind == "replaced" else "🗑️ " if rollout.kind == "deleted" else ""
    because = Run(f" ({', '.join(rollout.because)})" if rollout.because else "", is_foreign=True)
    return (Run(sign), Run(rollout.title, rollout.stops_serving), because, Run(f"\n{rollout.consequence}"))


def endpoint_lines(change: EndpointChange, report: StackReport) -> Iterator[Line]:
    """Yield all lines of one endpoint, the capacity first."""
    yield from _capacity(change)
    yield from _accepted(change)
    yield from _step(change)
    yield from _versions(change)
    yield from _aliases(change, report.models)
    yield from _traffic(change)
    yield from _entity_sizes(change)
    yield from _burst(change)
    yield from _headroom(change)
    yield from _planned(change)
    bill = report.bills.get(change.urn)
    if bill is not None and report.prices is not None:
        yield from _money(change, bill, report.prices.currency)
    if change.also:
        yield Line((Run("also changes: "), Run(", ".join(change.also), is_foreign=True)))


def short_size(capacity: Side) -> str:
    """Format floor to ceiling, or model units, without chunks."""
    return next((size(unit, *amounts) for unit, *amounts in _sizes(capacity)), "no size stated")


def _sizes(capacity: Side) -> Iterator[tuple[Unit, int, int]]:
    """Yield the known sizes, by unit."""
    for unit in UNITS:
        low, high = unit.of(capacity)
        if low is not None and high is not None:
            yield unit, low, high


def models_told(changes: Iterable[EndpointChange]) -> set[str]:
    """Return the models whose changes appear in the endpoints' lines."""
    return {entity.model for change in changes for entity in change.latest.entities}


def _capacity(change: EndpointChange) -> Iterator[Line]:
    before, after = _whole_size(change.before), _whole_size(change.after)
    if change.before is None and change.after is None:
        yield Line(before=(Run("size not in this preview"),), remark=(Run("unchanged"),))
        return
    if before == after:
        yield Line(before=before, remark=(Run("unchanged"),))
        return
    tokens = (_tokens(change.before), _tokens(change.after))
    if not all(tokens) or change.before is None or change.after is None:
        yield Line(before=before, after=_strong(after), remark=_difference(change) if change.is_whole else EMPTY)
        return
    low, high = (
        (Run(text, is_strong),) for text, is_strong in zip(tokens, (False, tokens[0] != tokens[1]), strict=True)
    )
    yield Line(before=low, after=high, unit="tokens/s", remark=_difference(change) or (Run("unchanged"),))
    chunks = (_chunks(change.before), _chunks(change.after))
    counts, sizes = zip(*chunks, strict=True)
    if len(set(sizes)) == 1 and all(counts):
        yield Line(before=(Run(counts[0]),), after=(Run(counts[1]),), unit=sizes[0])
    elif any(counts):
        was, now = ((Run(f"{number} {size}" if number else "not known yet"),) for number, size in chunks)
        yield Line(before=was, after=now)


def _accepted(change: EndpointChange) -> Iterator[Line]:
    """Yield the acceptable fallback capacity if it is declared or changes."""
    before, after = _accepted_size(change.before), _accepted_size(change.after)
    if before or after:
        was = EMPTY if change.before is None else (Run(before or "no less"),)
        now = EMPTY if change.after is None else (Run(after or "no less"),)
        yield Line((Run("accepted"),), was, now, remark=(Run("while there is no GPU capacity for more"),))


def _accepted_size(capacity: Side | None) -> str:
    if capacity is None:
        return ""
    accepted = ((unit, getattr(capacity, unit.accepted)) for unit in reversed(UNITS))
    stated = (
        f"{'up to ' if unit.is_range else ''}{size(unit, amount, amount)}"
        for unit, amount in accepted
        if amount is not None
    )
    return next(stated, "")


def _step(change: EndpointChange) -> Iterator[Line]:
    """Yield the step of a rollout; both versions keep their capacity until the last step."""
    before = change.before.step_of_rollout if change.before is not None else None
    after = change.after.step_of_rollout if change.after is not None else None
    if after is None:
        if before is not None and change.after is not None and len(change.after.entities) == 1:
            version = Run(f"v{change.after.entities[0].version}", True, True)
            yield Line((Run("rollout "), Run("ends", True), Run(": "), version, Run(" has all traffic")))
        return
    step = Run(f"step {after.step} of {after.steps}", True)
    share = (
        f"{after.percent}% of the traffic, v{after.from_version} has the rest; "
        "both keep their capacity until the last step"
    )
    yield Line(
        (Run("rollout "), step, Run(": "), Run(f"v{after.version}", True, True), Run(f" has {share}", is_foreign=True))
    )


def _whole_size(capacity: Side | None) -> Cell:
    """Format all capacity of one side in one text."""
    if capacity is None:
        return NOTHING
    counted = next((size(unit, *amounts) for unit, *amounts in _sizes(capacity) if not unit.is_range), "")
    if counted:
        estimate = capacity.estimated_tokens_per_second
        about = f" (about {amount(estimate)} tokens/s)" if estimate is not None else ""
        return (Run(f"{counted}{about}"),)
    number, of_size = _chunks(capacity)
    tokens = _tokens(capacity)
    if tokens:
        return (Run(f"{tokens} tokens/s{f' ({number} {of_size})' if number else ''}"),)
    if capacity.family == "workload":
        return (Run("workload "), Run(", ".join(entity.workload for entity in capacity.entities), is_foreign=True))
    return (Run(f"{number} {of_size}, size not known yet" if number else "size not known yet"),)


def _tokens(capacity: Side | None) -> str:
    """Format floor to ceiling; "" for no endpoint, and for one not sold or not known in tokens/s."""
    if capacity is None:
        return ""
    floor, ceiling = capacity.floor_tokens_per_second, capacity.ceiling_tokens_per_second
    return "" if floor is None or ceiling is None else span(floor, ceiling)


def _chunks(capacity: Side) -> tuple[str, str]:
    """Return (how many, of which size); both "" if nothing states them."""
    if capacity.bands is None:
        return "", ""
    low, high = capacity.bands
    chunk = capacity.chunk_tokens_per_second
    return span(low, high), f"chunk{'' if high == 1 else 's'}{f' of {amount(chunk)}' if chunk is not None else ''}"


def _difference(change: EndpointChange) -> Cell:
    before, after = change.before or Side(""), change.after or Side("")
    runs: list[Run] = []
    is_other_family = before.family != after.family and change.is_whole
    figures = {figure: unit for unit in UNITS for figure in (unit.low, unit.high)}
    for figure, unit in figures.items():
        was, now = getattr(before, figure.name), getattr(after, figure.name)
        name = figure.title if unit.is_range else "units" if is_other_family else ""
        moved = (now or 0) - (was or 0)
        is_sizing = change.is_whole and (was is None) != (now is None) and before.family == after.family
        if moved and not is_sizing:
            share = percent(was or 0, now or 0)
            name = f"{name} " if name else ""
            runs += [
                Run(f"{', ' if runs else ''}{name}"),
                Run(signed(moved), True),
                Run(f" ({share})" if share else ""),
            ]
    return tuple(runs)


def _strong(cell: Cell) -> Cell:
    return tuple(Run(run.text, not run.is_foreign, run.is_foreign) for run in cell)


def move_line(move: ModelMove, with_model: bool = False) -> Line:
    """Format an alias that moves, or a version that is registered or no longer managed."""
    of_model = Run(f" of {_short(move.model)}" if with_model else "", is_foreign=True)
    if move.kind == "alias":
        label = (Run("alias "), Run(_short(move.alias), is_foreign=True), of_model)
        return Line(label, _number(move.old), _number(move.new))
    source = (Run(f" from {one_line(move.source, 120)}", is_foreign=True),) if move.source else EMPTY
    if move.new is None:
        return Line((Run("version "), *_number(move.old), of_model, Run(" is no longer managed")))
    return Line((Run("a new version"), of_model, Run(" is registered"), *source))


def _versions(change: EndpointChange) -> Iterator[Line]:
    if not change.is_whole:
        for entity in change.latest.entities:
            cell = _version(entity, with_model=True)
            is_one_of_many = len(change.latest.entities) > 1 and entity.traffic_percent is not None
            yield Line(
                before=cell, remark=(Run(f"{entity.traffic_percent}% of the traffic"),) if is_one_of_many else EMPTY
            )
        return
    for pair in change.other_versions:
        old, new = pair.old, pair.new
        is_other_model = old is None or new is None or old.model != new.model
        yield Line(
            label=_label("version", pair, change),
            before=(Run("not served"),) if old is None else _version(old, is_other_model),
            after=(Run("no longer served"),) if new is None else _version(new, is_other_model),
            remark=EMPTY if is_other_model or new is None else (Run("of "), Run(_short(new.model), is_foreign=True)),
        )


def _version(entity: Entity, with_model: bool) -> Cell:
    known = entity.version is not None
    # The version that an alias points to may already exist where no registry could be asked.
    unknown = "a version not known yet" if entity.alias else "a new version"
    number = (Run(f"v{entity.version}", True, True),) if known else (Run(unknown, True),)
    model = (Run(f"{_short(entity.model)} ", is_foreign=True),) if with_model else ()
    alias = (Run(f" ({_short(entity.alias)})", is_foreign=True),) if entity.alias else ()
    return (*model, *number, *alias)


def _aliases(change: EndpointChange, moves: Iterable[ModelMove]) -> Iterator[Line]:
    models = {entity.model for entity in change.latest.entities}
    for move in moves:
        if move.model in models:
            yield move_line(move)


def _number(version: str | None) -> Cell:
    if version is None:
        return (Run("—"),)
    return (Run(f"v{version}", True, True),) if version else (Run("the new version", True),)


def _traffic(change: EndpointChange) -> Iterator[Line]:
    if change.is_traffic_moved:
        before, after = (
            [entity for entity in entities if entity is not None]
            for entities in zip(*((pair.old, pair.new) for pair in change.pairs), strict=True)
        )
        yield Line((Run("traffic"),), _shares(before), _shares(after))


def _shares(entities: Sequence[Entity]) -> Cell:
    runs = []
    for index, entity in enumerate(entities):
        runs += [
            Run(", " if index else ""),
            Run(_short(entity.served_name or entity.model), is_foreign=True),
            Run(" "),
            Run(f"{'?' if entity.traffic_percent is None else entity.traffic_percent}%", True),
        ]
    return tuple(runs)


def _entity_sizes(change: EndpointChange) -> Iterator[Line]:
    if len(change.pairs) < 2 or not change.is_whole:
        return
    for pair in change.pairs:
        if pair.old is not None and pair.new is not None and pair.is_other_size:
            yield Line(_label("capacity", pair, change), _entity_size(pair.old), _entity_size(pair.new))


def _entity_size(entity: Entity) -> Cell:
    family = "workload" if entity.workload else ""
    return _whole_size(Side("", family, **figures_of(entity), entities=(entity,)))


def _burst(change: EndpointChange) -> Iterator[Line]:
    if change.is_burst_moved or (change.after is not None and change.after.burst):
        before, after = (
            EMPTY if side is None else (Run("on" if side.burst else "off", side.burst),)
            for side in (change.before, change.after)
        )
        beyond = "can exceed the model units; the excess is billed extra and is not in these figures"
        is_on = change.after is not None and change.after.burst
        yield Line((Run("burst"),), before, after, "", (Run(beyond),) if is_on else EMPTY)


def _headroom(change: EndpointChange) -> Iterator[Line]:
    was, now = (None if side is None else side.times_of_demand for side in (change.before, change.after))
    if change.after is None or change.after.demand_tokens_per_second is None or now is None or was == now:
        return
    demand = f"the demand of {amount(change.after.demand_tokens_per_second)} tokens/s"
    before = EMPTY if was is None else (Run(ratio(was)),)
    yield Line((Run("ceiling"),), before, (Run(ratio(now)),), demand)


def _planned(change: EndpointChange) -> Iterator[Line]:
    """Yield what the latency target of each entity needs, if it is new or has changed."""
    for pair in change.pairs:
        was, now = (None if side is None else side.planned for side in (pair.old, pair.new))
        if now is not None and now != was:
            before = EMPTY if was is None else (Run(was.amount),)
            reason = Run(f"for {one_line(now.reason, MOST_OF_A_REASON)}", is_foreign=True)
            yield Line(_label("planned", pair, change), before, (Run(now.amount),), remark=(reason,))


def _money(change: EndpointChange, bill: Bill, currency: str) -> Iterator[Line]:
    before, after = (
        EMPTY if side is None else (Run("no known price" if cost is None else money_span(cost)),)
        for side, cost in ((change.before, bill.before), (change.after, bill.after))
    )
    moved = bill.change
    is_moved = moved is not None and (moved.floor or moved.ceiling)
    if is_moved or moved is None:
        difference = (Run(money_range(moved), True),) if moved is not None else EMPTY
        yield Line(EMPTY, before, after, f"{currency}/h", difference)


def _label(what: str, pair: Pair, change: EndpointChange) -> Cell:
    return (Run(what), Run(f" of {_short(pair.name)}" if len(change.pairs) > 1 else "", is_foreign=True))


def _short(name: str) -> str:
    return one_line(name, MOST_OF_A_NAME)
