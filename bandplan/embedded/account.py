"""What one run has done and what went wrong: the counts of a summary, the failures, and the events that tell both."""

import threading
from collections.abc import Callable

from bandplan.embedded.errors import EngineError, StepStopped, UpdateFailed
from bandplan.embedded.events import Diagnosed, Event, StepBegan, StepEnded, StepFailed
from bandplan.embedded.steps import COUNTED, Op, Step
from bandplan.plugin.errors import ProviderError


class Account:
    """Thread-safe. Made for one run."""

    def __init__(self, emit: Callable[[Event], None], permit: Callable[[Step], str | None] | None = None) -> None:
        """`emit` takes one event at a time from any thread; `permit` says what is against a step, or None."""
        self.changes: dict[str, int] = {}
        self.failures: list[str] = []
        self.failed_urns: set[str] = set()
        self.is_stopped = False
        self.is_interrupted = False
        self._refusals = 0
        self._emit = emit
        self._permit = permit
        self._lock = threading.Lock()

    def begin(self, step: Step) -> None:
        """A step begins. StepStopped when it may not be carried out."""
        refusal = self._permit(step) if self._permit is not None else None
        if refusal is not None:
            raise self.fail_step(step, EngineError(refusal))
        self._emit(StepBegan(step))

    def end(self, step: Step, seconds: float) -> None:
        """A step succeeded."""
        if step.op in COUNTED and not step.resource.is_provider:
            self.count(step.op)
        self._emit(StepEnded(step, seconds))

    def tell(self, step: Step) -> None:
        """A step that says what others did, such as `replace`: nothing is carried out."""
        self.begin(step)
        self.end(step, 0.0)

    def count(self, op: Op) -> None:
        """One more of these in the summary."""
        with self._lock:
            self.changes[op.value] = self.changes.get(op.value, 0) + 1

    def warn(self, urn: str, message: str) -> None:
        """Something that a user should know of a resource, and that stops nothing."""
        self._emit(Diagnosed("warning", message, urn))

    def inform(self, urn: str, message: str) -> None:
        """Something that a user may want to know of a resource."""
        self._emit(Diagnosed("info", message, urn))

    def fail(self, urn: str, message: str) -> StepStopped:
        """A resource cannot be worked on, and nothing more is begun; returns what its caller raises."""
        self._note(urn, message)
        self._emit(Diagnosed("error", message, urn))
        return StepStopped(urn)

    def refuse(self, urn: str, message: str, goes_on: bool) -> StepStopped:
        """A policy does not hold, which has been told: the run fails; returns what its caller raises to stop."""
        self._note("" if goes_on else urn, message, goes_on)
        with self._lock:
            self._refusals += 1
        return StepStopped(urn)

    @property
    def is_refused_only(self) -> bool:
        """Whether nothing has failed but what policies refused."""
        return len(self.failures) == self._refusals

    def interrupt(self, message: str) -> None:
        """The user called the run off."""
        self.is_interrupted = True
        self.fail("", message)

    def fail_step(self, step: Step, error: Exception, goes_on: bool = False) -> StepStopped:
        """A step failed, and nothing more is begun unless it `goes_on`; returns what its caller raises."""
        message = worded(error)
        self._note(step.urn, message, goes_on)
        self._emit(StepFailed(step, message))
        return StepStopped(step.urn)

    def fail_later(self, urn: str, message: str) -> None:
        """The run fails, but goes on, so that a preview tells all there is to tell."""
        self._note(urn, message, goes_on=True)
        self._emit(Diagnosed("error", message, urn))

    def raise_failures(self) -> None:
        """UpdateFailed when anything failed."""
        if self.failures:
            raise UpdateFailed(f"{len(self.failures)} error{'s' if len(self.failures) > 1 else ''}")

    def _note(self, urn: str, message: str, goes_on: bool = False) -> None:
        with self._lock:
            if urn:
                self.failed_urns.add(urn)
            self.is_stopped = self.is_stopped or not goes_on
            self.failures.append(message)


def worded(error: Exception) -> str:
    """An error as its message; one that nobody foresaw with its kind."""
    if isinstance(error, (ProviderError, EngineError)):
        return str(error)
    return f"{type(error).__name__}: {error}"
