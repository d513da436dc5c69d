"""The pack at work: properties of resources in, violations out. Called by Pulumi's protocol and the embedded engine."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final

from bandplan.policies import endpoint, fleet
from bandplan.policies.configuration import Configured
from bandplan.policies.document import with_documents
from bandplan.policies.errors import RuleFailed
from bandplan.policies.finding import Finding, Level, Violation
from bandplan.policies.fitting import (
    FLOOR_ZERO,
    HEADROOM,
    LATENCY,
    Asked,
    Bound,
    asked,
    headroom_bound,
    latency_bound,
)
from bandplan.policies.pack import NAME, VERSION
from bandplan.policies.rule import EndpointRule, Rule, StackRule
from bandplan.policies.waiver import Waiver, expired_waiver, mistyped_waiver, waiver_in_force
from bandplan.wire.types import ENDPOINT, FLEET, STACK


class Analyzer:
    """Checks resources by the configured rules.

    Thread-safe: between calls it keeps only what the rules require of each endpoint, which `analyze_stack` adds up.
    """

    name: Final = NAME
    version: Final = VERSION
    types: Final = frozenset({ENDPOINT})
    """Types of the resources that `analyze` has rules for."""
    stack_types: Final = frozenset({FLEET, STACK})
    """Types of the resources that `analyze_stack` uses."""

    def __init__(self, rules: Iterable[Configured], root: Path, today: date, place: str = "local: policies") -> None:
        """Read the files that the configuration names, relative to `root`; waivers hold through their last day.

        `place` is where the pack comes from, for the heading of its findings.
        """
        self.place = place
        self._today = today
        self._asked: dict[str, Asked] = {}
        loaded = [_loaded(one, root, today) for one in rules if one.level != "disabled"]
        loaded = [
            replace(one, properties={**one.properties, "bounds": partial(self._bounds, one.rule.id)}) for one in loaded
        ]
        self._of_endpoint = [(one.rule, one) for one in loaded if isinstance(one.rule, EndpointRule)]
        self._of_stack = [(one.rule, one) for one in loaded if isinstance(one.rule, StackRule)]

    def analyze(self, urn: str, type_token: str, name: str, properties: Mapping[str, Any]) -> list[Violation]:
        """Return the violations of one resource's inputs, in the order of the rules."""
        if type_token != ENDPOINT:
            return []
        subject = endpoint.read_endpoint(name, properties)
        found: list[Violation] = []
        try:
            self._asked[urn] = asked(subject, partial(self._bounds, ""))
        except RuleFailed as failed:
            found.append(self._failure(failed, urn))
        for rule, one in self._of_endpoint:
            check = partial(rule.check, subject, one.properties)
            found += self._violations(rule, one.level, check, urn, subject.dated_waivers)
        return list(dict.fromkeys(found))

    def analyze_stack(self, resources: Sequence[tuple[str, str, Mapping[str, Any]]]) -> list[Violation]:
        """Return the violations of a whole stack's outputs; `resources` are (URN, type token, outputs)."""
        by_type = {type_token: (urn, outputs) for urn, type_token, outputs in resources}
        if FLEET not in by_type:
            return []
        urn, outputs = by_type[FLEET]
        _, stack_outputs = by_type.get(STACK, ("", {}))
        subject = fleet.read_fleet(outputs, stack_outputs)
        found: list[Violation] = []
        for rule, one in self._of_stack:
            check = partial(rule.check, subject, {**one.properties, "asked": tuple(self._asked.values())})
            found += self._violations(rule, one.level, check, urn, subject.waivers)
        return list(dict.fromkeys(found))

    def _violations(
        self, rule: Rule, level: Level, check: Callable[[], Iterable[Finding]], urn: str, waivers: tuple[Waiver, ...]
    ) -> list[Violation]:
        try:
            return [self._violation(rule, level, finding, urn, waivers) for finding in check()]
        except RuleFailed as failed:
            return [self._failure(failed, urn)]

    def _failure(self, failed: RuleFailed, urn: str) -> Violation:
        """Return the violation for a rule that could not judge: nothing is deployed unjudged, whatever its level."""
        description = next(
            rule.description for rule, _ in (*self._of_endpoint, *self._of_stack) if rule.id == failed.rule
        )
        return Violation(failed.rule, urn, f"{description}\n{failed}", "mandatory")

    def _bounds(self, asking: str, subject: endpoint.Endpoint, entity: endpoint.Entity) -> list[Bound]:
        """Return what this stack's rules and the warnings of `bandplan validate` require of an entity's band.

        A waived rule requires nothing, unless it is the one that is `asking`.
        """
        found = [
            bound
            for rule, one in (*self._of_endpoint, *self._of_stack)
            if rule.bounds is not None
            if rule.id == asking or waiver_in_force(subject.dated_waivers, rule.id, self._today) is None
            for bound in rule.bounds(subject, entity, one.properties)
        ]
        if waiver_in_force(subject.dated_waivers, HEADROOM, self._today) is None:
            found += headroom_bound(subject, entity)
        if waiver_in_force(subject.dated_waivers, LATENCY, self._today) is None:
            found += latency_bound(entity)
        if waiver_in_force(subject.dated_waivers, FLOOR_ZERO, self._today) is None:
            found.append(Bound("least min", 1, FLOOR_ZERO))
        return found

    def _violation(
        self, rule: Rule, level: Level, finding: Finding, urn: str, waivers: tuple[Waiver, ...]
    ) -> Violation:
        """Return the violation of a finding. It is advisory for a note, and while a waiver is in force."""
        text = finding.text
        waiver = waiver_in_force(waivers, rule.id, self._today)
        expired = expired_waiver(waivers, rule.id, self._today)
        if finding.is_note:
            level = "advisory"
        elif waiver is not None:
            level, text = "advisory", f"{text}; {waiver}"
        elif expired is not None:
            text = f"{text}; its waiver by {expired.owner} expired on {expired.expires.isoformat()}"
        elif (mistyped := mistyped_waiver(waivers, rule.id)) is not None:
            text = f"{text}; a waiver names {mistyped.policy}: did you mean {rule.id}?"
        return Violation(rule.id, urn, f"{rule.description}\n{text}", level)


def _loaded(one: Configured, root: Path, today: date) -> Configured:
    schemas = one.rule.properties
    properties = {name: with_documents(value, schemas[name], root) for name, value in one.properties.items()}
    return replace(one, properties={**properties, "today": today})
