"""Annotations of a GitHub Actions job: one workflow command per finding, shown at its line in the pull request.

Sources, read 2026-11: "Workflow commands for GitHub Actions" of docs.github.com; `docs/problem-matchers.md` of
github.com/actions/toolkit for the limits; `ActionCommand.cs` of github.com/actions/runner for the escapes.
"""

from collections.abc import Iterator, Sequence

from bandplan.cli.annotations.annotation import Annotation
from bandplan.counted import counted
from bandplan.wire.visible import visible

MOST_OF_A_LEVEL = 10
"""Annotations of one level that GitHub shows of a step."""

_OF_DATA = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_OF_PROPERTIES = (*_OF_DATA, (":", "%3A"), (",", "%2C"))


def workflow_commands(annotations: Sequence[Annotation]) -> Iterator[str]:
    """Yield a command for each finding that GitHub will show, errors first."""
    for level in ("error", "warning"):
        for one in [one for one in annotations if one.level == level][:MOST_OF_A_LEVEL]:
            yield _command(one)


def left_out(annotations: Sequence[Annotation]) -> str:
    """Say how many findings get no annotation, and where they are; "" if every one gets one."""
    told = []
    for level in ("error", "warning"):
        more = sum(one.level == level for one in annotations) - MOST_OF_A_LEVEL
        if more > 0:
            told.append(counted(more, f"more {level}"))
    if not told:
        return ""
    return (
        f"GitHub shows {MOST_OF_A_LEVEL} annotations of each level in a step: {' and '.join(told)} "
        f"{'is' if told == ['1 more error'] or told == ['1 more warning'] else 'are'} in this log only"
    )


def _command(one: Annotation) -> str:
    properties = {"file": one.file, "line": str(one.line), "col": str(one.column), "title": f"bandplan {one.code}"}
    written = ",".join(f"{name}={_escaped(value, _OF_PROPERTIES)}" for name, value in properties.items())
    message = f"{one.subject}: {one.message}" if one.subject else one.message
    return f"::{one.level} {written}::{_escaped(message, _OF_DATA)}"


def _escaped(text: str, escapes: Sequence[tuple[str, str]]) -> str:
    """Escape a text of others, so that it ends neither the command nor its line."""
    for character, written in escapes:
        text = text.replace(character, written)
    return visible(text)
