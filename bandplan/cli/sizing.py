"""What `bandplan size` asks the planner: from flags, an entry of models.yaml, recorded optimization info and files."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.errors import NoProject, UsageProblem
from bandplan.cli.paint import say_finding
from bandplan.cli.project import Project, find_project
from bandplan.cli.target_argument import is_model
from bandplan.planner.capacity import Capacity
from bandplan.planner.curve import BadCurve, doubts, points_of
from bandplan.planner.law import Law, NoLaw, Point, fit
from bandplan.planner.limits import broken_limits
from bandplan.planner.load import Load, Shape, Trace
from bandplan.planner.plan import Plan
from bandplan.planner.target import Target
from bandplan.serving.throughput.bands import DEFAULT_HEADROOM_PERCENT
from bandplan.serving.throughput.latency import load_of, target_of
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.sold import capacity_of
from bandplan.whole_file import ChangedMeanwhile, replace_file
from bandplan.wire.prices import BadPriceList, PriceList, read_price_list

if TYPE_CHECKING:
    from bandplan.serving.spec.entity import Entity
    from bandplan.serving.spec.entry import Entry

MOST_ROWS = 50_000
"""Rows of a trace that are replayed, from its beginning on: a run of them takes a third of a second. Ours."""

LIKE = 0.1
"""Lengths that differ by less from those of the one shape measured are taken for the same shape. Ours."""


@dataclass(frozen=True)
class Question:
    """`name` is the entry's or the model's; `prices` is (file, its list)."""

    name: str
    model: str
    capacity: Capacity
    load: Load
    target: Target
    headroom_percent: float
    peak_factor: float = 1.0
    prices: tuple[Path, PriceList] | None = None
    version: str | None = None
    place: "Place | None" = None

    def write(self, plan: Plan) -> str:
        """Write the answer into the entry, and return what was done; comments, order and quotes stay.

        Errors: UsageProblem if the file has changed since it was read or cannot be edited; it is then left as it is.
        """
        from bandplan.serving.editing.edits import CannotEdit
        from bandplan.serving.editing.entry_fields import with_fields
        from bandplan.serving.spec.loading import load_text
        from bandplan.serving.spec.throughput import StatedThroughput

        assert self.place is not None
        models, before, keys = self.place.models, self.place.text, self.place.entity.keys
        floor, ceiling, capacity = plan.floor.steps, plan.ceiling.steps, self.capacity
        throughput = capacity.throughput(floor, ceiling)
        written = self.place.entity.throughput
        if not capacity.is_range and not isinstance(written, StatedThroughput):
            throughput["burst"] = False  # as `auto` has it
        try:
            text = before.decode("utf-8")
            fields: dict[tuple[str | int, ...], Any] = {(*keys, "throughput"): throughput}
            if isinstance(written, StatedThroughput) and written.sold_in == capacity.sold_in:
                # What stands beside the amounts stays: `burst`, or `accept`.
                unit = written.unit
                changed = written.changed(capacity.in_unit(unit, floor), capacity.in_unit(unit, ceiling))
                fields = {(*keys, "throughput", unit, *filter(None, [key])): to for key, to in changed.items()}
            after = with_fields(text, models.name, self.place.stack, self.place.entry, fields)
        except CannotEdit as error:
            by_hand = "" if "by hand" in str(error) else f"; write `{_line(throughput)}` by hand"
            raise UsageProblem(f"{models}: {error}{by_hand}") from error
        found = load_text(after, models.name, self.place.stack).problems
        new = next((one.render() for one in found if one.severity == "error"), None)
        if new is not None:
            step = f"write `{_line(throughput)}` by hand"
            raise UsageProblem(f"{models}: nothing was written, because the file would say: {new}; {step}")
        try:
            if after == text:
                return f"{models.name} already says so."
            replace_file(models, after.encode("utf-8"), before=before)
        except ChangedMeanwhile as error:
            told = "changed while the size was computed, so nothing was written; run again"
            raise UsageProblem(f"{models}: {told}") from error
        except OSError as error:
            raise UsageProblem(f"{models}: cannot be written: {error.strerror}; nothing was written") from error
        return f"{models.name} is written; `bandplan preview` shows what it changes."

    def cost(self, plan: Plan) -> str:
        """Return what an hour costs, floor to ceiling; "" without a price list. Errors: UsageProblem."""
        if self.prices is None:
            return ""
        file, listed = self.prices
        family = self.capacity.sold_in
        cost = listed.cost(self.model, family, self.capacity.priced(plan.floor.steps, plan.ceiling.steps))
        if cost is None:
            raise UsageProblem(f"{file}: has no price for {self.model}; add one for the model, or for family: {family}")
        low, high = cost
        return (
            f"{low:,.2f} to {high:,.2f} {listed.currency} an hour"
            if low != high
            else f"{low:,.2f} {listed.currency} an hour"
        )


@dataclass(frozen=True)
class Place:
    """Where an entry is written: the file, its bytes when read, and the stack that may override it.

    `entry` is its name, and `entity` the one that is sized, of the entry or of the several that it has.
    `other_requests_per_second` are those of the file's other entries.
    """

    models: Path
    text: bytes
    stack: str
    entry: str
    entity: "Entity"
    other_requests_per_second: float = 0.0

    @property
    def share(self) -> Fraction:
        """The entity's share of the entry's demand."""
        return Fraction(self.entity.traffic_percent, 100)


def _line(throughput: object) -> str:
    return f"throughput: {throughput}".replace("'", "")


def question_of(arguments: argparse.Namespace) -> Question:
    """Return the question of the command line. Errors: UsageProblem, with every finding in lines."""
    project = _project()
    entry, place = (None, None) if is_model(arguments.target) else _entry(arguments, project)
    others = 0.0 if place is None else place.other_requests_per_second
    if arguments.write and place is None:
        raise UsageProblem(f"--write: {arguments.target} is a model, not an entry of models.yaml; name the entry")
    if place is None:
        model, version = model_of(arguments.target)
    else:
        model, version = place.entity.model, place.entity.version
    load, target = _load(arguments, entry, place), _target(arguments, entry)
    of_entry = entry.demand.peak_factor if entry is not None and entry.demand is not None else None
    peak_factor = first_given(arguments.peak_factor, None if arguments.trace else of_entry, 1.0)
    broken = broken_limits(model, load, peak_factor, others)
    if broken:
        raise UsageProblem("\n".join(f"{arguments.target}: {one}" for one in broken))
    is_embedding = load.shape.output_tokens == 0
    if is_embedding and target.tpot_ms is not None:
        raise UsageProblem("--tpot: a request without output tokens has no time per output token; leave it out")
    capacity = _capacity(arguments, project, model, version, is_embedding=is_embedding)
    if capacity.law is not None:
        require_measured(capacity.law, load.shape)
    headroom = arguments.headroom
    if headroom is None:
        headroom = entry.headroom_percent if entry is not None else None
    return Question(
        arguments.target,
        model,
        capacity,
        load,
        target,
        float(DEFAULT_HEADROOM_PERCENT if headroom is None else headroom),
        peak_factor,
        None if arguments.prices is None else (arguments.prices, read_prices_file(arguments.prices)),
        version,
        place,
    )


def _project() -> Project | None:
    try:
        return find_project(Path.cwd())
    except NoProject:
        return None


def _entry(arguments: argparse.Namespace, project: Project | None) -> "tuple[Entry, Place]":
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.serving.spec.loading import load_text, read_text
    from bandplan.serving.spec.suggestion import name_one_of
    from bandplan.serving.throughput.demand_limits import requests_per_second

    if project is None:
        raise NoProject(
            f"{arguments.target}: an entry is looked up in a project, and no folder here or above is one; name a model "
            "with its three-level name, or work in the project"
        )
    choice = choose_stack(project, arguments.stack, os.environ, arguments.models)
    text, unreadable = read_text(choice.models)
    if unreadable is not None:
        raise UsageProblem(unreadable.render())
    content = choice.models.read_bytes()
    loaded = load_text(text, choice.shown_models, choice.name)
    errors = [problem.render() for problem in loaded.problems if problem.severity == "error"]
    if errors:
        raise UsageProblem("\n".join(errors))
    entries = loaded.checkable.models if loaded.checkable is not None else ()
    name, _, named = arguments.target.partition("/")
    found = next((entry for entry in entries if entry.name == name), None)
    if found is None:
        step = name_one_of(name, [entry.name for entry in entries], ", or a three-level model")
        raise UsageProblem(f"{choice.shown_models}: has no entry {name}; {step}")
    if named and arguments.entity not in (None, named):
        raise UsageProblem(f"--entity {arguments.entity}: {arguments.target} names another entity; give one of them")
    entity = _entity(found, named or arguments.entity, choice.models)
    share = entity.traffic_percent / 100
    others = requests_per_second(tuple(entry for entry in entries if entry is not found))
    others += requests_per_second((found,)) * (1 - share)
    return found, Place(choice.models, content, choice.name, found.name, entity, others)


def _entity(entry: "Entry", name: str | None, models: Path) -> "Entity":
    """Return the entry's only entity, or the one of that served name. Errors: UsageProblem."""
    from bandplan.serving.spec.suggestion import did_you_mean

    names = [entity.served_name for entity in entry.entities]
    if name is None and len(names) == 1:
        return entry.entities[0]
    if name is None:
        listed = " or ".join(f"{entry.name}/{one}" for one in names)
        raise UsageProblem(f"{models}: {entry.name} has several entities: name one as {listed}")
    if name not in names:
        step = did_you_mean(name, names, f"name one of: {', '.join(names)}")
        raise UsageProblem(f"{models}: {entry.name} has no entity {name}; {step}")
    return entry.entities[names.index(name)]


def model_of(target: str) -> tuple[str, str | None]:
    """Return (name, version or None) of a model that is named instead of an entry. Errors: UsageProblem."""
    model, _, version = target.partition("@")
    if model.count(".") != 2 or not all(model.split(".")):
        raise UsageProblem(f"{target}: a model has three parts, such as system.ai.llama_v3_3_70b_instruct; write all")
    return model, version or None


def entry_of(arguments: argparse.Namespace) -> "tuple[Entry, Entity]":
    """Return the entry of models.yaml that the target names, and the entity that is meant. Errors: UsageProblem."""
    entry, place = _entry(arguments, _project())
    return entry, place.entity


def _load(arguments: argparse.Namespace, entry: "Entry | None", place: Place | None) -> Load:
    if arguments.trace is not None:
        return _load_of_trace(arguments, entry)
    share = Fraction(1) if place is None else place.share
    stated = load_of(entry.demand, share) if entry is not None and entry.demand is not None and share else None
    rate, concurrent = arguments.requests_per_second, arguments.concurrent_requests
    if rate is None and concurrent is None and stated is not None:
        rate, concurrent = stated.requests_per_second, stated.concurrent_requests
    given = first_given(arguments.input, stated and stated.shape.input_tokens)
    produced = first_given(arguments.output, stated and stated.shape.output_tokens)
    missing = [
        flag
        for flag, value in (
            ("--requests-per-second (or --concurrent-requests)", rate if concurrent is None else concurrent),
            ("--input", given),
            ("--output", produced),
        )
        if value is None
    ]
    if missing:
        raise UsageProblem(f"{arguments.target}: the demand is not known; add {', '.join(missing)}")
    return Load(
        Shape(given, produced),
        rate,
        concurrent,
        first_given(arguments.arrivals, stated and stated.arrivals, "poisson"),
        first_given(arguments.spread, stated and stated.spread_percent, 0.0),
        first_given(arguments.cache_hit, stated and stated.cache_hit_percent, 0.0),
    )


def _load_of_trace(arguments: argparse.Namespace, entry: "Entry | None") -> Load:
    """Return the arrivals and lengths of a trace, at its own rate unless another one is given. Errors: UsageProblem."""
    from bandplan.bench.problem import BenchProblem
    from bandplan.bench.trace import read_trace

    flags = {"--input": arguments.input, "--output": arguments.output, "--spread": arguments.spread}
    given = [flag for flag, value in {**flags, "--arrivals": arguments.arrivals}.items() if value is not None]
    if given:
        raise UsageProblem(f"--trace: has arrivals and lengths of its own; leave out {', '.join(given)}")
    try:
        rows = read_trace(arguments.trace, MOST_ROWS)
    except BenchProblem as error:
        raise UsageProblem(str(error)) from error
    trace = Trace(tuple(row.at for row in rows), tuple(Shape(row.input_tokens, row.output_tokens) for row in rows))
    rate, concurrent = arguments.requests_per_second, arguments.concurrent_requests
    if concurrent is None and not trace.requests_per_second:
        step = "add --concurrent-requests, or rows of later requests"
        raise UsageProblem(f"{arguments.trace}: all requests came at once; {step}")
    demand = entry.demand if entry is not None else None
    return Load(
        trace.mean(),
        None if concurrent is not None else rate or trace.requests_per_second,
        concurrent,
        cache_hit_percent=first_given(arguments.cache_hit, demand and demand.cache_hit_percent, 0.0),
        trace=trace,
    )


def first_given(*values: Any) -> Any:
    """Return the first value that is not None: a flag, what the entry says, the default; None if there is none."""
    return next((value for value in values if value is not None), None)


def _target(arguments: argparse.Namespace, entry: "Entry | None") -> Target:
    stated = Target() if entry is None or entry.demand is None else target_of(entry.demand)
    return Target(
        first_given(arguments.latency, stated.latency_seconds),
        first_given(arguments.ttft, stated.ttft_seconds),
        first_given(arguments.tpot, stated.tpot_ms),
        first_given(arguments.percentile, stated.percentile),
    )


def _capacity(
    arguments: argparse.Namespace, project: Project | None, model: str, version: str | None, *, is_embedding: bool
) -> Capacity:
    capacity = _sold(arguments, project, model, version)
    if not arguments.curve:
        if arguments.curve_capacity is not None:
            raise UsageProblem("--curve-capacity: says how much a --curve measured; add --curve FILE")
        return replace(capacity, embeds=is_embedding)
    if is_embedding:
        raise UsageProblem("--curve: a curve counts output tokens, and embeddings have none; leave it out")
    measured = arguments.curve_capacity
    if measured is None:
        raise UsageProblem(f"--curve: add --curve-capacity N, the {capacity.noun} that ran while it was measured")
    steps = capacity.steps(measured)
    if steps is None:
        told = f"not a multiple of {capacity.increment} {capacity.noun}"
        raise UsageProblem(f"--curve-capacity {measured}: {told}; write what ran")
    law = law_of(arguments.curve, model, measured if capacity.is_range else None)
    return replace(capacity, source="curve", law=law, measured_steps=steps)


def _sold(arguments: argparse.Namespace, project: Project | None, model: str, version: str | None) -> Capacity:
    if arguments.chunk is not None and arguments.unit_step is not None:
        raise UsageProblem("--chunk and --unit-step: a model is sold in bands or in model units; give one of them")
    if arguments.chunk is not None:
        return Capacity("bands", arguments.chunk)
    if arguments.unit_step is not None:
        return Capacity("model_units", arguments.unit_step)
    return sold(project, model, version)


def sold(project: Project | None, model: str, version: str | None) -> Capacity:
    """Return the capacity that a model is sold in, by what is recorded of it."""
    return capacity_of(model, _recorded(project, model, version))


def _recorded(project: Project | None, model: str, version: str | None) -> OptimizationInfo | None:
    """Return what is recorded of the version, or of the newest one if none is named."""
    if project is None:
        return None
    from bandplan.serving.planning.record import record_of

    version = version or newest_recorded(project, model)
    return record_of(project.root).recorded_anywhere().get(ModelVersion(model, version or ""))


def newest_recorded(project: Project, model: str) -> str | None:
    """Return the newest version of the model of which optimization info is recorded."""
    from bandplan.serving.planning.record import record_of

    known = [key.version for key in record_of(project.root).recorded_anywhere() if key.model == model]
    return max(known, key=lambda number: int(number) if number.isdigit() else 0, default=None)


def law_of(files: Sequence[Path], model: str, chunks: int | None = None) -> Law:
    """Return the law fitted to curves of `model`, measured with so many `chunks`, if that is known.

    Warns of files that say otherwise. Errors: UsageProblem.
    """
    points: list[Point] = []
    doubtful: list[str] = []
    for file in files:
        document = _json(file)
        try:
            points += points_of(document)
        except BadCurve as error:
            raise UsageProblem(f"{file}: {error}") from error
        doubtful += [f"warning: {file}: {doubt}" for doubt in doubts(document, model, chunks)]
    try:
        law = fit(points)
    except NoLaw as error:
        raise UsageProblem(f"{', '.join(map(str, files))}: {error}") from error
    for line in doubtful:
        say_finding(line, sys.stderr)
    return law


def require_measured(law: Law, shape: Shape) -> None:
    """Refuse a shape that the one measured shape says nothing of."""
    pairs = ((shape.input_tokens, law.shape.input_tokens), (shape.output_tokens, law.shape.output_tokens))
    if not law.knows_shapes and any(abs(wanted / measured - 1) > LIKE for wanted, measured in pairs):
        raise UsageProblem(
            f"--curve: it measured {law.shape}, and one shape says nothing about {shape}; measure that shape, or add "
            "the curve of a second one"
        )


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageProblem(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageProblem(f"{file}: not JSON; write it with `bandplan bench`") from error


def read_prices_file(file: Path) -> PriceList:
    import yaml

    try:
        return read_price_list(yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageProblem(f"{file}: cannot be read: {error.strerror}") from error
    except BadPriceList as error:
        raise UsageProblem("\n".join(f"{file}: {problem}" for problem in error.problems)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageProblem(f"{file}: not readable YAML; `bandplan schema prices` has its form") from error
