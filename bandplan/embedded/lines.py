"""A run as plain lines, for a log: one line when work on a resource begins and ends, then the summary."""

from collections.abc import Callable

from bandplan.embedded.events import (
    Diagnosed,
    Event,
    Finished,
    PolicyViolated,
    Progressed,
    Started,
    StepBegan,
    StepEnded,
    StepFailed,
)
from bandplan.embedded.policy_lines import policy_section
from bandplan.embedded.steps import Op, Step
from bandplan.embedded.wording import (
    MARKS,
    doing,
    done,
    duration,
    is_internal,
    is_retained,
    label,
    property_changes,
    summary,
)

TITLES = {
    "preview": "Previewing update",
    "up": "Updating",
    "refresh": "Refreshing",
    "destroy": "Destroying",
}


class Lines:
    """Turns events into lines and passes them to `out`."""

    def __init__(self, out: Callable[[str], None], is_full: bool = False) -> None:
        """Set the output. `is_full`: also show the inputs of new resources, and truncate no value."""
        self._out = out
        self._is_full = is_full
        self._is_preview = False
        self._policies = ""
        self._violations: list[PolicyViolated] = []

    def take(self, event: Event) -> None:
        """Print one event."""
        match event:
            case Started(kind=kind, stack=stack, policies=policies):
                self._is_preview = kind == "preview"
                self._policies, self._violations = policies, []
                self._out(f"{TITLES[kind]} ({stack})")
            case StepBegan(step=step) if self._is_told_at_start(step):
                self._out(self._line(step, doing(step.op, self._is_preview, is_retained(step))))
                self._tell_changes(step)
            case StepEnded(step=step, seconds=seconds) if self._is_told_at_end(step):
                self._out(self._line(step, f"{done(step.op, False, is_retained(step))} ({duration(seconds)})"))
                if step.is_done:
                    self._tell_changes(step)
            case StepFailed(step=step, message=message):
                self._out(self._line(step, f"{doing(step.op, False)} failed"))
                self._out(indented(f"error: {message}"))
            case Progressed(urn=urn, text=text):
                self._out(f"    {urn.rsplit('::', 1)[-1]}: {text}")
            case Diagnosed(severity=severity, message=message, urn=urn):
                self._out(indented(worded(severity, message, urn)))
            case PolicyViolated():
                self._violations.append(event)
            case Finished():
                for line in [
                    *policy_section(self._policies, self._violations, event.judged),
                    *closing(event, self._is_preview),
                ]:
                    self._out(line)

    def _is_told_at_start(self, step: Step) -> bool:
        if is_internal(step.resource) or step.op in (Op.SAME, Op.REFRESH):
            return False
        if step.op in (Op.CREATE_REPLACEMENT, Op.IMPORT_REPLACEMENT, Op.DELETE_REPLACED):
            return not self._is_preview
        return step.op is not Op.REPLACE or self._is_preview

    def _is_told_at_end(self, step: Step) -> bool:
        return not self._is_preview and not is_internal(step.resource) and step.op not in (Op.SAME, Op.REPLACE)

    def _line(self, step: Step, said: str) -> str:
        return f" {MARKS[step.op]:<2} {label(step.resource)} {said}"

    def _tell_changes(self, step: Step) -> None:
        for line in property_changes(step, self._is_full):
            self._out(f"      {line}")


def worded(severity: str, message: str, urn: str) -> str:
    """Format a diagnostic with the name of its resource."""
    name = f"{urn.rsplit('::', 1)[-1]}: " if urn else ""
    prefix = "" if severity == "info" else f"{severity}: "
    return f"{prefix}{message if message.startswith(name) else name + message}"


def indented(text: str) -> str:
    """Indent a message of one or more lines under the line that it belongs to."""
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines())


def closing(event: Finished, is_preview: bool) -> list[str]:
    """Return the last lines of a run."""
    lines = ["Resources:", *summary(event.changes, is_preview, event.failed)]
    if not event.ok:
        verb = "preview failed" if is_preview else "failed; completed steps are in the state, run again to continue"
        lines.append(f"error: {verb}")
    lines.append(f"Duration: {duration(event.seconds)}")
    return lines
