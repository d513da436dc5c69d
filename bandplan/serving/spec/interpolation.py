"""Placeholders of other tools in texts, such as `${var.x}` or `{{...}}`. Nothing replaces them in models.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from bandplan.serving.spec import rules
from bandplan.serving.spec.problem import Problem, clipped
from bandplan.serving.spec.source import Source

_FORMS = (
    r"\$\{[^{}]{1,200}\}",  # bundles, Terraform, shells
    r"\$?\{\{[^{}]{1,200}\}\}",  # templates, GitHub, secrets
    r"\$\([A-Za-z_][^()]{0,199}\)",  # pipelines, shells
    r"\$\[[A-Za-z_][^\[\]]{0,199}\]",  # Azure pipelines
    r"\$env:[A-Za-z_][A-Za-z0-9_]{0,99}",  # PowerShell
    r"\$[A-Z_][A-Z0-9_]{1,99}(?![a-z])",  # environment variables as they are spelled
    r"\A\$[A-Za-z_][A-Za-z0-9_]{0,99}\Z",  # others, as the whole text
    r"(?<![A-Za-z0-9])%[A-Z_][A-Z0-9_]{1,99}%",  # Windows
    r"%\([A-Za-z_][A-Za-z0-9_]{0,99}\)[sd]",  # Python
    r"(?<![A-Za-z0-9_])__[A-Z][A-Z0-9]{1,49}(?:_[A-Z0-9]{1,49}){0,5}__(?![A-Za-z0-9_])",  # tokens of release tools
    r"#\{[^{}]{1,200}\}",  # tokens of release tools, Ruby
    r"\{%[^{}%]{1,200}%\}",  # Jinja
    r"<%[^<>%]{1,200}%>",  # ERB
    r"<no value>",  # what Go templates write for a missing value
)
_PLACEHOLDER = re.compile("|".join(_FORMS))
_FREE = frozenset({"invalid_keywords", "valid_topics"})
"""Lists of words that may hold any text, because they are compared with what users write."""

_OF_THE_VALUE = frozenset(
    rule.id
    for rule in (
        rules.TYPE,
        rules.VALUE,
        rules.ENDPOINT_NAME,
        rules.MODEL_NAME,
        rules.PINNED_VERSION,
        rules.TASK,
        rules.PRINCIPAL,
        rules.BUDGET_POLICY,
        rules.SERVED_NAME,
        rules.RATE_LIMIT,
    )
)
"""Rules that advise on a value as written; they give no advice on a placeholder."""

_MOST = 5_000  # problems after which no further text is checked; arbitrary, well over the reported number

_FINDING = "is not replaced: it would be deployed as literal text"

Path = tuple[str | int, ...]


def placeholder(text: str) -> str | None:
    """Return the first placeholder in `text`."""
    found = _PLACEHOLDER.search(text)
    return found.group() if found is not None else None


def placeholder_problems(data: dict[str, object], source: Source) -> list[Problem]:
    """Report each text of the document, keys included, that holds a placeholder; one problem for each place."""
    found: dict[tuple[int, int], Problem] = {}
    for path, text, is_key in _texts(data):
        written = placeholder(text)
        if written is None:
            continue
        if len(path) > 1 and path[0] == "models" and isinstance(path[1], int):
            path = ("models", source.names[path[1]] or str(path[1]), *path[2:])
        finding = f"{clipped(written, 60)} {_FINDING}"
        state = rules.INTERPOLATION.of_key if is_key else rules.INTERPOLATION.problem
        problem = state(source, path, finding, _step(path, is_key))
        found.setdefault((problem.line, problem.column), problem)
        if len(found) >= _MOST:
            break
    return list(found.values())


def placeholders_of_text(text: str, file: str) -> list[Problem]:
    """Report placeholders like `placeholder_problems` in a text that cannot be read as YAML; comments do not count."""
    found: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        written = re.split(r"(?:^|\s)#", line, maxsplit=1)[0]
        for match in _PLACEHOLDER.finditer(written):
            rule = rules.INTERPOLATION
            finding = f"{clipped(match.group(), 60)} {_FINDING}"
            found.append(
                Problem(file, number, match.start() + 1, "", finding, rule.text, "write the value itself", rule.id)
            )
        if len(found) >= _MOST:
            break
    return found


def without_advice(problems: Iterable[Problem], placeholders: Sequence[Problem]) -> list[Problem]:
    """Return the problems except advice on a value that is a placeholder."""
    places = {(one.line, one.column) for one in placeholders}
    return [one for one in problems if one.id not in _OF_THE_VALUE or (one.line, one.column) not in places]


def _step(path: Path, is_key: bool) -> str:
    if is_key or len(path) < 3 or path[0] != "models" or path[2] == "name":
        return "write the value itself"
    keys: list[str] = []
    for part in path[2:]:
        if isinstance(part, int):  # an override replaces a list as a whole
            break
        keys.append(part)
    before, after = "".join(f"{{{key}: " for key in keys), "}" * len(keys)
    override = f"overrides: {{<stack>: {{{path[1]}: {before}...{after}}}}}"
    return f"write the value itself; where stacks differ, write `{override}`"


def _texts(data: dict[str, object]) -> Iterator[tuple[Path, str, bool]]:
    """Yield (path, text, whether it is a key) for every text, in the order of the file."""
    left: list[tuple[Path, object]] = [
        ((key,), value) for key, value in reversed(data.items()) if not key.startswith(rules.ANCHOR_PREFIX)
    ]
    while left:
        path, value = left.pop()
        if isinstance(value, str):
            yield path, value, False
        elif isinstance(value, dict):
            for key in value:
                yield (*path, key), key, True
            left += [((*path, key), item) for key, item in reversed(value.items()) if key not in _FREE]
        elif isinstance(value, list):
            left += [((*path, index), item) for index, item in reversed(list(enumerate(value)))]
