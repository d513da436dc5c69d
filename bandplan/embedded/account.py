"""What one run has done and what went wrong: the summary counts, the failures, and the events that report both."""

import threading
from collections.abc import Callable

from bandplan.embedded.errors import EngineError, StepStopped, UpdateFailed
from bandplan.embedded.events import Diagnosed, Event, StepBegan, StepEnded, StepFailed
from bandplan.embedded.steps import COUNTED, Op, Step
from bandplan.plugin.errors import ProviderError


class Account:
    """The account of one run. Thread-safe."""

    def __init__(self, emit: Callable[[Event], None], permit: Callable[[Step], str | None] | None = None) -> None:
        """Set the listener and the permission check.

        `emit` takes one event at a time from any thread; `permit` returns the objection to a step, or None.
        """
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
        """Record that a step begins. StepStopped if the step is not permitted."""
        refusal = self._permit(step) if self._permit is not None else None
        if refusal is not None:
            raise self.fail_step(step, EngineError(refusal))
        self._emit(StepBegan(step))

    def end(self, step: Step, seconds: float) -> None:
        """Record that a step succeeded."""
        if step.op in COUNTED and not step.resource.is_provider:
            self.count(step.op)
        self._emit(StepEnded(step, seconds))

    def tell(self, step: Step) -> None:
        """Report a step that only summarizes others, such as `replace`, and carries nothing out itself."""
        self.begin(step)
        self.end(step, 0.0)

    def count(self, op: Op) -> None:
        """Count one more `op` in the summary."""
        with self._lock:
            self.changes[op.value] = self.changes.get(op.value, 0) + 1

    def warn(self, urn: str, message: str) -> None:
        """Report something that a user should know about a resource but that stops nothing."""
        self._emit(Diagnosed("warning", message, urn))

    def inform(self, urn: str, message: str) -> None:
        """Report something that a user may want to know about a resource."""
        self._emit(Diagnosed("info", message, urn))

    def fail(self, urn: str, message: str) -> StepStopped:
        """Report that a resource cannot be processed and start no further steps; return the error to raise."""
        self._note(urn, message)
        self._emit(Diagnosed("error", message, urn))
        return StepStopped(urn)

    def refuse(self, urn: str, message: str, goes_on: bool) -> StepStopped:
        """Fail the run for a policy violation that has been reported already; return the error to raise."""
        self._note("" if goes_on else urn, message, goes_on)
        with self._lock:
            self._refusals += 1
        return StepStopped(urn)

    @property
    def is_refused_only(self) -> bool:
        """Whether policy violations are the only failures."""
        return len(self.failures) == self._refusals

    def interrupt(self, message: str) -> None:
        """Record that the user cancelled the run."""
        self.is_interrupted = True
        self.fail("", message)

    def fail_step(self, step: Step, error: Exception, goes_on: bool = False) -> StepStopped:
        """Report a failed step and start no further ones unless the run `goes_on`; return the error to raise."""
        message = worded(error)
        self._note(step.urn, message, goes_on)
        self._emit(StepFailed(step, message))
        return StepStopped(step.urn)

    def fail_later(self, urn: str, message: str) -> None:
        """Fail the run but let it continue, so that a preview reports everything there is to report."""
        self._note(urn, message, goes_on=True)
        self._emit(Diagnosed("error", message, urn))

    def raise_failures(self) -> None:
        """Raise UpdateFailed if anything failed."""
        if self.failures:
            raise UpdateFailed(f"{len(self.failures)} error{'s' if len(self.failures) > 1 else ''}")

    def _note(self, urn: str, message: str, goes_on: bool = False) -> None:
        with self._lock:
            if urn:
                self.failed_urns.add(urn)
            self.is_stopped = self.is_stopped or not goes_on
            self.failures.append(message)


def worded(error: Exception) -> str:
    """Return the message of an error, preceded by its type if it was unexpected."""
    if isinstance(error, (ProviderError, EngineError)):
        return str(error)
    return f"{type(error).__name__}: {error}"
