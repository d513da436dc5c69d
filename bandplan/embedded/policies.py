"""Policies during a run, by Pulumi's rules: each resource before its step, the whole stack at the end.

The engine receives an analyzer and knows no policy itself. A mandatory violation fails a preview, which still reports
everything there is to report; in an update it stops the resource and starts nothing more. Source:
pkg/resource/deploy/analyze_snapshot.go and step_generator.go in github.com/pulumi/pulumi (read 2026-11).
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, Protocol

from bandplan.embedded.account import Account
from bandplan.embedded.events import Event, Judged, PolicyViolated
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.values import to_json

_REFUSED: Final = "a mandatory policy is violated"


class Violation(Protocol):
    """What an analyzer reports about a resource; the message's first line is the policy's description."""

    @property
    def policy(self) -> str: ...

    @property
    def urn(self) -> str: ...

    @property
    def message(self) -> str: ...

    @property
    def level(self) -> Literal["advisory", "mandatory", "disabled"]: ...


class Analyzer(Protocol):
    """A configured policy pack. Called from many threads.

    `place` says where it comes from. `types` and `stack_types` are the types that its rules cover; it receives no other
    resource. Properties are plain, with Pulumi's own text for an unknown value.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def place(self) -> str: ...

    @property
    def types(self) -> frozenset[str]: ...

    @property
    def stack_types(self) -> frozenset[str]: ...

    def analyze(
        self, urn: str, type_token: str, name: str, properties: Mapping[str, Any], /
    ) -> Sequence[Violation]: ...

    def analyze_stack(self, resources: Sequence[tuple[str, str, Mapping[str, Any]]], /) -> Sequence[Violation]: ...


class Policies:
    """The analyzer of one run; without one, everything is allowed."""

    def __init__(
        self, analyzer: Analyzer | None, account: Account, emit: Callable[[Event], None], is_preview: bool
    ) -> None:
        """Set the analyzer; `emit` takes one event at a time from any thread."""
        self._analyzer = analyzer
        self._account = account
        self._emit = emit
        self._is_preview = is_preview
        self._lock = threading.Lock()
        self.judged = Judged()

    def judge(self, new: ResourceState) -> None:
        """Check a resource with its final inputs, before its step. StepStopped if an update must not have it."""
        analyzer = self._analyzer
        if analyzer is None or new.type not in analyzer.types:
            return
        violations = analyzer.analyze(new.urn, new.type, new.name, to_json(new.inputs))
        with self._lock:
            self.judged = replace(self.judged, resources=self.judged.resources + 1)
        self._tell(analyzer, violations)
        if _is_refused(violations):
            stopped = self._account.refuse(new.urn, f"{new.name}: {_REFUSED}", goes_on=self._is_preview)
            if not self._is_preview:
                raise stopped

    def judge_stack(self, states: Iterable[ResourceState], outputs: Mapping[str, Mapping[str, Any]]) -> None:
        """Check all resources with their outputs; `outputs` are those that components and the stack registered."""
        analyzer = self._analyzer
        if analyzer is None:
            return
        resources = [
            (state.urn, state.type, to_json(outputs.get(state.urn, state.outputs)))
            for state in states
            if state.type in analyzer.stack_types
        ]
        violations = analyzer.analyze_stack(resources)
        self.judged = replace(self.judged, stack=True)
        self._tell(analyzer, violations)
        if _is_refused(violations):
            self._account.refuse("", f"the stack: {_REFUSED}", goes_on=True)

    def _tell(self, analyzer: Analyzer, violations: Iterable[Violation]) -> None:
        for one in violations:
            # Pulumi ends the message with a line feed.
            message = f"{one.message}\n"
            self._emit(PolicyViolated(analyzer.name, analyzer.version, one.policy, one.urn, message, one.level))


def _is_refused(violations: Iterable[Violation]) -> bool:
    return any(one.level == "mandatory" for one in violations)
