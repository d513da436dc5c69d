"""How a run is shown: a live tree on a terminal, plain lines elsewhere, only warnings and errors when quiet."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bandplan.embedded.events import Diagnosed, Event, PolicyViolated, StepFailed, one_at_a_time
from bandplan.embedded.lines import Lines, indented, worded
from bandplan.embedded.terminal import drawing_board, is_coloured, is_drawn_on
from bandplan.wire.visible import visible

_RED, _YELLOW = "31", "33"
_STYLES = {"error: ": _RED, "warning: ": _YELLOW, "- [mandatory]": _RED, "- [advisory]": _YELLOW}
"""How lines begin that have a colour where FORCE_COLOR asks for one."""


@contextmanager
def shown(is_quiet: bool, is_full: bool) -> Iterator[Callable[[Event], None]]:
    """Provide a listener that displays a run's events.

    Quiet: only warnings and errors, on standard error (standard output is data). `is_full`: every property,
    untruncated.
    """
    if is_quiet:
        yield _tell_trouble
        return
    if not is_drawn_on(sys.stdout):
        yield one_at_a_time(Lines(_print_line, is_full).take)
        return
    from rich.console import Console

    from bandplan.embedded.tree import Tree

    with Tree(Console(highlight=False, file=drawing_board()), is_full) as tree:
        yield one_at_a_time(tree.take)


def _print_line(line: str) -> None:
    style = next((code for mark, code in _STYLES.items() if line.lstrip().startswith(mark)), "")
    if style and is_coloured(sys.stdout):
        line = "\n".join(f"\x1b[{style}m{visible(part)}\x1b[0m" for part in line.split("\n"))
        print(line, file=drawing_board(), flush=True)
    else:
        print(line, flush=True)


def _tell_trouble(event: Event) -> None:
    match event:
        case StepFailed(step=step, message=message):
            print(indented(f"error: {step.resource.name}: {message}"), file=sys.stderr)
        case PolicyViolated(policy=policy, message=message, urn=urn, level="mandatory"):
            print(indented(worded("error", f"{policy}: {message}", urn)), file=sys.stderr)
        case Diagnosed(severity=severity, message=message, urn=urn) if severity != "info":
            print(indented(worded(severity, message, urn)), file=sys.stderr)
