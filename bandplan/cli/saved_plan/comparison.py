"""The differences between the reviewed plan and what would be done now. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bandplan.cli.saved_plan.circumstances import ABSENT
from bandplan.cli.saved_plan.plan import SavedPlan
from bandplan.cli.saved_plan.steps import PlannedStep, title_of

MOST_PATHS: Final = 6
"""Most paths named per resource; a choice."""


@dataclass(frozen=True)
class Difference:
    """One difference. `place`: models.yaml, the configuration, a resource of the state, an endpoint or a step."""

    place: str
    finding: str

    def __str__(self) -> str:
        return f"{self.place}: {self.finding}"


def differences(reviewed: SavedPlan, now: SavedPlan) -> tuple[Difference, ...]:
    """Return all differences; none if what would be done now was reviewed. Another stack is the only difference
    reported.
    """
    for word, theirs, ours in (("project", reviewed.project, now.project), ("stack", reviewed.stack, now.stack)):
        if theirs != ours:
            return (Difference(word, f"the plan is for {theirs}, not for {ours}"),)
    return (
        *_files(reviewed.models, now.models),
        *_config(reviewed.config, now.config),
        *_state(reviewed.state, now.state),
        *_live(reviewed.live, now.live),
        *_steps(reviewed.steps, now.steps),
    )


def _files(reviewed: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Difference]:
    for path, _, _ in _differing(reviewed, now):
        yield Difference(path, "differs from the file that was previewed")


def _config(reviewed: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Difference]:
    for key, was, will_be in _differing(reviewed, now):
        yield Difference(f"configuration {key}", _moved(was, will_be, "was set"))


def _state(reviewed: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Difference]:
    for urn, was, will_be in _differing(reviewed, now):
        if was is None:
            finding = "was added to the state since"
        elif will_be is None:
            finding = "is no longer in the state"
        else:
            finding = "was changed in the state by another update"
        yield Difference(f"state: {title_of(urn)}", finding)


def _live(reviewed: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]) -> Iterator[Difference]:
    for name in sorted(set(reviewed) & set(now)):  # endpoints on one side only are reported as steps
        was, is_now = reviewed[name], now[name]
        if was == is_now:
            continue
        if was == {"": ABSENT}:
            finding = "exists now"
        elif is_now == {"": ABSENT}:
            finding = "no longer exists"
        else:
            finding = f"was changed: {_paths(path for path, _, _ in _differing(was, is_now))}"
        yield Difference(f"workspace: endpoint {name}", finding)


def _steps(reviewed: Mapping[str, PlannedStep], now: Mapping[str, PlannedStep]) -> Iterator[Difference]:
    for urn in (*reviewed, *(urn for urn in now if urn not in reviewed)):
        was, will_be = reviewed.get(urn), now.get(urn)
        if was == will_be:
            continue
        if was is None:
            assert will_be is not None
            yield Difference(f"step: {title_of(urn)}", f"{will_be.op}, which was not reviewed")
        elif will_be is None:
            yield Difference(f"step: {title_of(urn)}", f"{was.op} was reviewed, but now there is nothing to do")
        elif was.op != will_be.op:
            yield Difference(f"step: {title_of(urn)}", f"{was.op} was reviewed, but now it is {will_be.op}")
        else:
            paths = dict.fromkeys(path for path, _, _ in _differing(was.inputs, will_be.inputs))
            paths |= dict.fromkeys(path for path, _, _ in _differing(was.changes, will_be.changes))
            yield Difference(f"step: {title_of(urn)}", f"{was.op} with other values than reviewed: {_paths(paths)}")


def _differing(reviewed: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield (key, fingerprint or None, fingerprint or None) for each difference, sorted by key."""
    for key in sorted(set(reviewed) | set(now)):
        if reviewed.get(key) != now.get(key):
            yield key, reviewed.get(key), now.get(key)


def _moved(was: str | None, will_be: str | None, made: str) -> str:
    if was is None:
        return f"{made} since"
    return "is no longer set" if will_be is None else "has another value"


def _paths(paths: "Iterator[str] | Mapping[str, None]") -> str:
    named = list(paths)
    more = f" and {len(named) - MOST_PATHS} more" if len(named) > MOST_PATHS else ""
    return ", ".join(named[:MOST_PATHS]) + more
