"""One entry of models.yaml, or an entity of it, against its use: its capacity, its band of today, and what holds it
there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from bandplan.cli.entry_curves import MeasuredCurve
from bandplan.cli.entry_history import Written
from bandplan.cli.errors import UsageProblem
from bandplan.cli.judged_subject import Subject
from bandplan.cli.observed_demand import observed_demand
from bandplan.cli.sizing import require_measured, sold
from bandplan.planner.alone import NoCapacity
from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Shape
from bandplan.planner.plan import plan
from bandplan.planner.target import Target
from bandplan.serving.spec.throughput import StatedThroughput
from bandplan.serving.spec.workload import Workload
from bandplan.serving.throughput.bands import DEFAULT_HEADROOM_PERCENT
from bandplan.serving.throughput.latency import load_of, target_of
from bandplan.usage.bands import LOWER_PERCENTILE, Band, Sized, Sizer
from bandplan.usage.decision import Decision, Today, decide, lasting_level
from bandplan.usage.evidence import Thresholds
from bandplan.usage.reason import Code, Reason
from bandplan.usage.verdict import LEAST_TIMES, Verdict
from bandplan.usage.window import Window, percentile
from bandplan.wire.band_policies import BandPolicies

if TYPE_CHECKING:
    from bandplan.cli.stack_choice import StackChoice

KEEP_A_HIGH_CEILING = ("over-provisioned", "observed-use")
"""Policies whose open waiver says that a ceiling is meant to be as high as it is."""

MOST_FAILED = 0.05
"""Share of the requests above which a band is not lowered; ours."""


@dataclass(frozen=True)
class Settings:
    """How windows are judged. `now` is in seconds since 1970."""

    now: float
    days: int
    percentile: float
    minimum_change_percent: float
    thresholds: Thresholds
    policies: BandPolicies
    curves: Mapping[str, MeasuredCurve]

    @property
    def minute(self) -> int:
        return int(self.now // 60)


class JudgedEntry:
    """One subject with its capacity."""

    def __init__(self, choice: "StackChoice", subject: Subject, settings: Settings) -> None:
        self.choice, self.subject, self.settings = choice, subject, settings
        self.entry = subject.entry

    def verdict(
        self,
        window: Window | None,
        thin: list[Reason],
        written: Written | None,
        suggested: tuple[int, Mapping[str, Any]] | None,
    ) -> Verdict:
        """Judge the entry. `written`: since when its throughput is committed; `suggested`: the trail's last change."""
        name, entry, settings = self.subject.name, self.entry, self.settings
        capacity, told = self._capacity(window)
        if capacity is None:
            reason = Reason(Code.NOT_SIZED_HERE, told)
            return Verdict(name, Decision("abstain", (reason, *thin)), window=window)
        band = self._band(capacity)
        policies = settings.policies.without({waiver.policy for waiver in self._open_waivers()})
        headroom = DEFAULT_HEADROOM_PERCENT if entry.headroom_percent is None else entry.headroom_percent
        cached = float(entry.demand.cache_hit_percent or 0) if entry.demand is not None else 0.0
        # With a latency target, the policy on floors asks for the planner's own floor instead.
        steady = 0.0 if self._target.limits else float(policies.steady_percent or 0)
        sizer = Sizer(capacity, self._target, float(headroom), steady, cached)
        lower = target = upper = lasting = None
        if window is not None and (window.tokened or not window.total.requests):
            try:
                target = sizer.at(window, settings.percentile)
                lower, upper = sizer.at(window, min(LOWER_PERCENTILE, settings.percentile)), sizer.at(window, 100)
                level = lasting_level(window, settings.percentile)
                lasting = None if level is None else sizer.for_level(window, settings.percentile, level)
            except NoCapacity as error:
                thin = [*thin, Reason(Code.NO_CAPACITY, str(error))]
                lower = target = upper = None
        if band is None:
            reason = Reason(Code.NOT_SIZED_HERE, self._told_of_auto(target))
            return Verdict(name, Decision("abstain", (reason, *thin)), capacity, None, window, lower, target, upper)
        today = self._today(capacity, band, policies, window, written, suggested)
        since = today.changed if today.changed is not None else 0
        decision = decide(
            today,
            target,
            lasting,
            thin,
            window.refused_since(since) if window is not None else 0,
            settings.minute,
            minimum_change_percent=settings.minimum_change_percent,
        )
        return Verdict(
            name, decision, capacity, band, window, lower, target, upper, latency_percentile=self._target.percentile
        )

    def _capacity(self, window: Window | None) -> tuple[Capacity | None, str]:
        """Return (capacity, ""), or (None, why the entry is not sized)."""
        entry, entity = self.entry, self.subject.entity
        throughput = entity.throughput
        if isinstance(throughput, Workload):
            return None, "it has a legacy workload; `bandplan migrate` moves it to provisioned throughput"
        capacity = sold(self.choice.project, entity.model, entity.version)
        if capacity.source == "guess":
            step = f"run `bandplan info {self.subject.name} --stack {self.choice.stack}`"
            return None, f"no optimization info of {entity.model} is recorded; {step}"
        if isinstance(throughput, StatedThroughput) and throughput.sold_in != capacity.sold_in:
            return None, "its model is sold in another unit; run `bandplan validate`"
        # Without output tokens, every request is an embedding.
        embeds = entry.task.endswith("embeddings") or (window is not None and not window.output_tokens)
        curve = self.settings.curves.get(self.subject.name)
        if curve is None:
            return replace(capacity, embeds=embeds), ""
        if embeds:
            return None, "a curve counts output tokens, and its requests have none; leave --curve out"
        steps = capacity.steps(curve.amount)
        if not steps:
            told = f"is not a multiple of {capacity.increment} {capacity.noun}"
            return None, f"--curve-capacity {curve.amount} {told}; write what ran"
        if window is not None and window.tokened:
            try:
                require_measured(curve.law, Shape(window.input_tokens, window.output_tokens))
            except UsageProblem as error:
                return None, str(error)
        return replace(capacity, source="curve", law=curve.law, measured_steps=steps), ""

    def _told_of_auto(self, target: Sized | None) -> str:
        """Say that the band follows from the demand, and which one was observed."""
        told = "its band follows from the demand (`throughput: auto`)"
        found = {}
        if self.entry.demand is not None and target is not None and not self.subject.is_one_of_several:
            found = observed_demand(self.entry.demand, target)
        if not found:
            return f"{told}; write the observed use into its demand"
        fields = ", ".join(f"{key}: {value}" for key, value in found.items())
        return f"{told}; the observed one is `demand: {{{fields}}}`; write it once it is trusted"

    def _band(self, capacity: Capacity) -> Band | None:
        """Return the entry's band in steps; None for `auto`."""
        throughput = self.subject.entity.throughput
        if not isinstance(throughput, StatedThroughput):
            return None
        low, high = throughput.wanted
        return Band(capacity.steps_of(throughput.unit, low), capacity.steps_of(throughput.unit, high))

    @property
    def _target(self) -> Target:
        return Target() if self.entry.demand is None else target_of(self.entry.demand)

    def _open_waivers(self) -> list[Any]:
        return [one for one in self.entry.waivers if one.expires >= date.today()]

    def _today(
        self,
        capacity: Capacity,
        band: Band,
        policies: BandPolicies,
        window: Window | None,
        written: Written | None,
        suggested: tuple[int, Mapping[str, Any]] | None,
    ) -> Today:
        seen = None if written is None else int(written.at // 60)
        changed = seen if written is not None and written.is_change else None
        if suggested is not None:
            low, high = capacity.amount(band.min), capacity.amount(band.max)
            if capacity.stated(low, high) == dict(suggested[1]):
                changed = max(changed or 0, suggested[0])
        waivers = tuple(
            f"{one.policy} is waived until {one.expires.isoformat()} by {one.owner}: {one.reason}"
            for one in self._open_waivers()
            if one.policy in KEEP_A_HIGH_CEILING
        )
        return Today(
            band,
            is_single=not capacity.is_range,
            least_floor=self._least_floor(capacity, policies),
            never_below=self._never_below(capacity),
            waivers=waivers,
            changed=changed,
            seen=seen,
            is_cut=written is not None and written.is_cut,
            slow=self._slow(window),
            failing=_failing(window),
        )

    def _never_below(self, capacity: Capacity) -> int | None:
        least = self.entry.never_below
        if least is None:
            return None
        return next((capacity.steps_of(unit, amount) for unit, amount in least if amount is not None), 0)

    def _least_floor(self, capacity: Capacity, policies: BandPolicies) -> int:
        """Return what policies ask of the floor for the declared demand, in chunks."""
        demand, share = self.entry.demand, self.subject.share
        tokens = demand.share_of_tokens(self.subject.entity.traffic_percent) if demand is not None else None
        if demand is None or tokens is None or not capacity.is_range:
            return 0
        planned = None
        if self._target.limits:
            try:
                planned = plan(
                    capacity, load_of(demand, share), self._target, peak_factor=demand.peak_factor or 1.0
                ).floor_steps
            except NoCapacity:
                return 0
        return policies.least_chunks(tokens, capacity.increment, planned)

    def _slow(self, window: Window | None) -> str:
        """Say that observed times miss the target, or return ""."""
        if window is None:
            return ""
        target = self._target
        for limit, times, what in (
            (target.latency_seconds, window.latencies, "latency"),
            (target.ttft_seconds, window.ttfts, "time to the first byte"),
        ):
            if limit is not None and len(times) >= LEAST_TIMES:
                seen = percentile(times, target.percentile)
                if seen > limit:
                    return f"the observed {what} is {seen:.2f} s at p{target.percentile:g}, {limit:g} s is wanted"
        return ""


def _failing(window: Window | None) -> str:
    """Say that many requests failed, or return ""."""
    if window is None or window.total.failed <= MOST_FAILED * window.total.requests:
        return ""
    total = window.total
    share = total.failed / total.requests
    return f"{share:.0%} of the requests were answered 5xx, so the use is not what was asked for; find the cause first"
