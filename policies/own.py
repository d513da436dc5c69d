"""A project's own rules: every module of `policies/own/` states one, or several, beside bandplan's.

A module has `RULE` (an `EndpointRule` or a `StackRule`), or `RULES`, a tuple of them. Files whose names begin with `_`
or `test_` are helpers and tests.
"""

import importlib.util
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from bandplan.policies.errors import BadConfiguration, RuleFailed
from bandplan.policies.finding import Finding
from bandplan.policies.fitting import Bound
from bandplan.policies.pack import RULES
from bandplan.policies.rule import EndpointRule, Rule, StackRule

FOLDER: Final = Path("policies", "own")
"""Where the rules are, relative to the project."""

_PREFIX: Final = "bandplan_own_rules"
PROJECT_FILE: Final = "Pulumi.yaml"


def project_of(pack: Path) -> Path:
    """Return the project of a pack's folder: the nearest folder above it with a Pulumi.yaml, else its parent."""
    return next((folder for folder in pack.parents if (folder / PROJECT_FILE).is_file()), pack.parent)


def rules_of(root: Path) -> tuple[Rule, ...]:
    """Return bandplan's rules and then the project's own. Errors: BadConfiguration with every problem of those."""
    problems: list[str] = []
    own = tuple(_rules_in(root, problems))
    taken = {rule.id: "one of bandplan's" for rule in RULES}
    for place, rule in own:
        if rule.id in taken:
            problems.append(f"{place}: the id {rule.id} is {taken[rule.id]}; choose another one")
        taken.setdefault(rule.id, f"that of {place} too")
    if problems:
        raise BadConfiguration("\n".join(problems))
    return (*RULES, *(rule for _, rule in own))


def files_of(root: Path) -> list[Path]:
    """Return the modules that state rules, in the order of their names."""
    return sorted(path for path in (root / FOLDER).glob("*.py") if not path.name.startswith(("_", "test_")))


def _rules_in(root: Path, problems: list[str]) -> Iterator[tuple[str, Rule]]:
    for path in files_of(root):
        place = str(path.relative_to(root))
        try:
            module = _module(path)
        except Exception as error:
            problems.append(f"{_place_of(error, path, place)}: cannot be imported: {_said(error)}")
            continue
        for rule in _stated(module):
            if isinstance(rule, (EndpointRule, StackRule)):
                yield place, _guarded(rule, path, place)
            else:
                problems.append(
                    f"{place}: states no rule; write RULE = EndpointRule(id, description, level, check), "
                    "or begin the file's name with _ if it is a helper"
                )


def _stated(module: Any) -> Sequence[Any]:
    """Return what a module states: its RULES, else its RULE, else a None that is reported."""
    several = getattr(module, "RULES", None)
    if isinstance(several, (tuple, list)) and several:
        return several
    return [getattr(module, "RULE", None)]


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"{_PREFIX}.{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _guarded(rule: Rule, path: Path, place: str) -> Rule:
    """Return the rule with functions that raise RuleFailed where it goes wrong, instead of whatever it raises."""

    def run(judge: Callable[..., Iterable[Any]], kind: type, *arguments: Any) -> list[Any]:
        try:
            found = list(judge(*arguments))
            if odd := [one for one in found if not isinstance(one, kind)]:
                raise TypeError(f"it gives a {type(odd[0]).__name__} where a {kind.__name__} is expected")
        except RuleFailed:
            raise  # another rule's, which this one has asked for its bounds
        except Exception as error:
            finding = f"{_place_of(error, path, place)}: the rule failed: {_said(error)}; correct the rule"
            raise RuleFailed(rule.id, finding) from error
        return found

    bounds = None if rule.bounds is None else partial(run, rule.bounds, Bound)
    return replace(rule, check=partial(run, rule.check, Finding), bounds=bounds)


def _place_of(error: Exception, path: Path, place: str) -> str:
    """Return the file with the line that failed in it, if one did."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{place}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{place}:{lines[-1]}" if lines else place


def _said(error: Exception) -> str:
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {' '.join(said.split())[:200]}"
