"""`ignoreChanges`: exclude properties that the program ignores from differences and requests. Pure.

The engine replaces new inputs by old ones. If the state has changed since, because somebody else changed an ignored
property, only the provider can leave it alone; the published one does, in its diff and in its updates.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bandplan.stub.provider.diffing import Difference


def unignored(found: Iterable[Difference], ignored: Iterable[str]) -> list[Difference]:
    """Return the differences that are neither at nor below an ignored path; `[*]` is any element."""
    patterns = [_pattern(path) for path in ignored]
    return [difference for difference in found if not any(pattern.match(difference.path) for pattern in patterns)]


def with_ignored_kept(
    olds: Mapping[str, Any], news: Mapping[str, Any], found: Iterable[Difference], ignored: Iterable[str]
) -> dict[str, Any]:
    """Return `news` with the value of `olds` in each property whose differences are ignored."""
    found = list(found)
    left = unignored(found, ignored)
    tops = {top_level(difference.path) for difference in left}
    kept = {top_level(difference.path) for difference in found} - tops
    names = dict.fromkeys([*news, *sorted(kept)])
    values = {name: olds.get(name) if name in kept else news.get(name) for name in names}
    for difference in found:
        if difference not in left and top_level(difference.path) in tops:
            _keep(olds, values, difference.path.split("."))
    return {name: value for name, value in values.items() if value is not None}


def _keep(olds: Any, news: Any, steps: list[str]) -> None:
    """Put the old value at a path of blocks into `news`, copying the blocks it changes; skip paths with an index."""
    *above, last = steps
    for step in above:
        if not isinstance(olds, Mapping) or not isinstance(news.get(step), dict):
            return
        news[step] = dict(news[step])
        olds, news = olds.get(step), news[step]
    if isinstance(olds, Mapping) and last in olds:
        news[last] = olds[last]


def top_level(path: str) -> str:
    """Return the first name of a path: `config` of `config.servedEntities[0].name`."""
    return re.split(r"[.[]", path)[0]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\[\*\]", r"\[\d+\]") + r"(?=[.[]|$)")
