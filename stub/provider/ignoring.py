"""`ignoreChanges`: what the program told to leave as it is, left out of differences and requests. Pure.

The engine puts old inputs in the place of new ones. Where the state has moved on since, because somebody else changed
what is ignored, only the provider can leave that alone; the published one does, in its diff and in its updates.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from stub.provider.diffing import Difference


def unignored(found: Iterable[Difference], ignored: Iterable[str]) -> list[Difference]:
    """The differences that are neither at an ignored path nor below one; `[*]` is any element."""
    patterns = [_pattern(path) for path in ignored]
    return [difference for difference in found if not any(pattern.match(difference.path) for pattern in patterns)]


def with_ignored_kept(
    olds: Mapping[str, Any], news: Mapping[str, Any], found: Iterable[Difference], ignored: Iterable[str]
) -> dict[str, Any]:
    """`news` with the value of `olds` in each top-level property all of whose differences are ignored."""
    found = list(found)
    left = {top_level(difference.path) for difference in unignored(found, ignored)}
    kept = {top_level(difference.path) for difference in found} - left
    names = dict.fromkeys([*news, *sorted(kept)])
    values = {name: olds.get(name) if name in kept else news.get(name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def top_level(path: str) -> str:
    """`config` of `config.servedEntities[0].name`."""
    return re.split(r"[.[]", path)[0]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\[\*\]", r"\[\d+\]") + r"(?=[.[]|$)")
