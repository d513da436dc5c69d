"""The form that a checkpoint, a journal line and a lock must have to be trusted. Pure; standard library only.

Findings name a place and a rule and never repeat a value: a damaged file may hold a secret anywhere. The rules on URNs
and dependencies are those of `Snapshot.VerifyIntegrity` (pkg/resource/deploy/snapshot.go in github.com/pulumi/pulumi,
read 2026-11), except that a wrong order is corrected instead of refused.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

DEEPEST: Final = 100
"""Maximum levels of nesting. Protobuf refuses messages nested more deeply, so no provider's property comes near."""

EXACT_DIGITS: Final = 15
"""Every integer with this many digits is exact as a double, which is how all other readers of the state parse it."""

_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def strict_json(text: bytes) -> Any:
    """Parse JSON: UTF-8, finite numbers, bounded nesting, no duplicate key, so that every reader of the state agrees.

    ValueError gives the reason. Readers differ on which of two equal keys they take, so neither is right.
    """
    try:
        written = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    try:
        found = json.loads(
            written,
            parse_int=_whole_number,
            parse_float=_finite,
            parse_constant=_refused_constant,
            object_pairs_hook=_object,
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if _depth_of(found) > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} levels deep")
    if _SURROGATE.search(written):
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("an unpaired surrogate in a string") from error
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a duplicate key")
    return found


def _whole_number(digits: str) -> int | float:
    if len(digits) <= EXACT_DIGITS:
        return int(digits)
    number = _finite(digits)
    return int(number) if abs(number) < 2**53 else number


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"a number that is too large ({len(digits)} characters)")
    return number


def _refused_constant(name: str) -> None:
    raise ValueError(f"{name}, which JSON does not allow")


def _depth_of(value: Any) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            return depth
        level = [
            item
            for one in level
            if isinstance(one, dict | list)
            for item in (one.values() if isinstance(one, dict) else one)
            if isinstance(item, dict | list)
        ]
    return depth


# ---------------------------------------------------------------------- one resource


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_texts_by_name(value: Any) -> bool:
    # Pulumi writes null for a property without dependencies.
    return isinstance(value, dict) and all(item is None or _is_texts(item) for item in value.values())


def _is_times(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(time, int | float) and not isinstance(time, bool) and time >= 0
        for time in (value.get(name, 0) for name in ("create", "update", "delete"))
        if time is not None
    )


Rule = tuple[Callable[[Any], bool], str]

_TEXT: Final[Rule] = (_is_text, "a string")
_FLAG: Final[Rule] = (_is_flag, "true or false")
_MAPPING: Final[Rule] = (_is_mapping, "an object")
_TEXTS: Final[Rule] = (_is_texts, "a list of strings")

_NEEDED: Final[dict[str, Rule]] = {"urn": _TEXT, "type": _TEXT, "custom": _FLAG}
_OPTIONAL: Final[dict[str, Rule]] = {
    "id": _TEXT,
    "inputs": _MAPPING,
    "outputs": _MAPPING,
    "parent": _TEXT,
    "protect": _FLAG,
    "delete": _FLAG,
    "external": _FLAG,
    "dependencies": _TEXTS,
    "propertyDependencies": (_is_texts_by_name, "an object of lists of strings"),
    "provider": _TEXT,
    "initErrors": _TEXTS,
    "pendingReplacement": _FLAG,
    "customTimeouts": (_is_times, "an object of non-negative seconds"),
    "importID": _TEXT,
    "retainOnDelete": _FLAG,
    "deletedWith": _TEXT,
    "created": _TEXT,
    "modified": _TEXT,
    "sourcePosition": _TEXT,
    "ignoreChanges": _TEXTS,
    "replaceOnChanges": _TEXTS,
    "taint": _FLAG,
}


def resource_problems(entry: Any, place: str, project: str, stack: str) -> list[str]:
    """List what keeps one entry from being a resource of this stack."""
    if not isinstance(entry, dict):
        return [f"{place}: must be an object, not {kind_of(entry)}"]
    found = [
        f"{place}: has no {key}" if key not in entry else f"{place}: {key} {_must_be(rule, entry[key])}"
        for key, rule in _NEEDED.items()
        if not rule[0](entry.get(key))
    ]
    found += [
        f"{place}: {key} {_must_be(rule, entry[key])}"
        for key, rule in _OPTIONAL.items()
        if entry.get(key) is not None and not rule[0](entry[key])
    ]
    return found or _urn_problems(entry["urn"], entry["type"], place, project, stack)


def _urn_problems(urn: str, type_token: str, place: str, project: str, stack: str) -> list[str]:
    parts = urn.split("::", 3)
    head = parts[0].split(":", 2)
    if len(parts) != 4 or head[:2] != ["urn", "pulumi"] or not all(parts) or len(head) != 3:
        return [f"{place}: urn must be urn:pulumi:STACK::PROJECT::TYPE::NAME"]
    found = []
    if (head[2], parts[1]) != (stack, project):
        found.append(f"{place}: urn does not belong to the stack {project}/{stack}")
    if parts[2].rsplit("$", 1)[-1] != type_token:
        found.append(f"{place}: type does not match its urn")
    return found


def _must_be(rule: Rule, value: Any) -> str:
    return f"must be {rule[1]}, not {kind_of(value)}"


def kind_of(value: Any) -> str:
    """Name the kind of a JSON value, never the value itself."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
    return "an object"


# ---------------------------------------------------------------------- a line of the journal


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_place(value: Any) -> bool:
    return value is None or _is_count(value)


def _is_resource(value: Any) -> bool:
    return True  # its own problems are listed separately


_COUNT: Final[Rule] = (_is_count, "a non-negative integer")
_RESOURCE: Final[Rule] = (_is_resource, "a resource")

_LINES: Final[tuple[dict[str, Rule], ...]] = (
    {"start": _RESOURCE, "op": _TEXT, "seq": _COUNT},
    {"new": _RESOURCE, "old": (_is_place, "a non-negative integer or null"), "seq": _COUNT},
    {"new": _RESOURCE, "condemned": _COUNT, "seq": _COUNT},
    {"gone": _COUNT, "seq": _COUNT},
    {"mark": _COUNT, "resource": _RESOURCE, "seq": _COUNT},
    {"outputs": _TEXT, "properties": _MAPPING},
    {"failed": _COUNT},
)
"""The kinds of lines that `journal` describes."""


def line_problems(line: Any, is_first: bool, project: str, stack: str) -> list[str]:
    """List what keeps a value from being a journal line of this stack."""
    if not isinstance(line, dict):
        return [f"must be an object, not {kind_of(line)}"]
    if is_first:
        return [] if isinstance(line.get("base"), str) else ["must name the checkpoint that the journal continues"]
    rules = next((rules for rules in _LINES if line.keys() == rules.keys()), None)
    if rules is None:
        return ["has an unknown kind"]
    found = [f"{key} {_must_be(rule, line[key])}" for key, rule in rules.items() if not rule[0](line[key])]
    for key, rule in rules.items():
        if rule is _RESOURCE:
            found += resource_problems(line[key], key, project, stack)
    return found


# ---------------------------------------------------------------------- a whole checkpoint

DEPLOYMENT_VERSION: Final = 3
FEATURED_VERSION: Final = 4
"""Version 3 plus a list of features that a reader must support (pkg/resource/stack/deployment.go)."""


def version_problem(document: Any) -> str:
    """Say why a state file's version is not one that this module describes; "" if it is."""
    version = document.get("version") if isinstance(document, dict) else None
    if not isinstance(version, bool) and version in (DEPLOYMENT_VERSION, FEATURED_VERSION):
        return ""
    said = "no checkpoint version" if version is None else f"checkpoint version {ascii(version)[:20]}"
    return f"has {said}; this release reads version {DEPLOYMENT_VERSION}"


def checkpoint_problems(checkpoint: Any, project: str, stack: str) -> list[str]:
    """List what keeps the `checkpoint` of a state file from being this stack's."""
    if not isinstance(checkpoint, dict):
        return [f"checkpoint: must be an object, not {kind_of(checkpoint)}"]
    found = _stack_problems(checkpoint.get("stack"), project, stack)
    latest = checkpoint.get("latest")
    if latest is None:
        return found
    if not isinstance(latest, dict):
        return [*found, f"latest: must be an object, not {kind_of(latest)}"]
    for key, kind in (("secrets_providers", dict), ("metadata", dict), ("manifest", dict)):
        if not isinstance(latest.get(key) or {}, kind):
            found.append(f"{key}: must be an object, not {kind_of(latest[key])}")
    manifest = latest.get("manifest")
    if isinstance(manifest, dict):
        found += [
            f"manifest.{key}: must be a string, not {kind_of(manifest[key])}"
            for key in ("time", "version", "magic")
            if manifest.get(key) is not None and not isinstance(manifest[key], str)
        ]
    resources, pending = (latest.get(key) or [] for key in ("resources", "pending_operations"))
    for key, value in (("resources", resources), ("pending_operations", pending)):
        if not isinstance(value, list):
            found.append(f"{key}: must be a list, not {kind_of(value)}")
    if isinstance(pending, list):
        found += [
            problem
            for number, operation in enumerate(pending)
            for problem in _operation_problems(operation, f"pending_operations[{number}]", project, stack)
        ]
    if isinstance(resources, list):
        of_entries = [
            problem
            for number, entry in enumerate(resources)
            for problem in resource_problems(entry, f"resources[{number}]", project, stack)
        ]
        found += of_entries or graph_problems([_node(entry) for entry in resources])
    return found


def _stack_problems(named: Any, project: str, stack: str) -> list[str]:
    if named is None:
        return []
    if not isinstance(named, str):
        return [f"stack: must be a string, not {kind_of(named)}"]
    parts = named.split("/")
    is_this = parts[-1] == stack and (len(parts) < 3 or parts[-2] == project)
    return [] if is_this else [f"stack: is not {project}/{stack}"]


def _operation_problems(operation: Any, place: str, project: str, stack: str) -> list[str]:
    if not isinstance(operation, dict) or not isinstance(operation.get("type"), str):
        return [f"{place}: must be an object with a type and a resource"]
    return resource_problems(operation.get("resource"), f"{place}.resource", project, stack)


Node = tuple[str, bool, frozenset[str]]
"""URN of a resource, whether it only waits to be deleted, and the URNs that it needs."""


def _node(entry: Mapping[str, Any]) -> Node:
    needed = {entry.get("parent"), (entry.get("provider") or "").rpartition("::")[0], entry.get("deletedWith")}
    needed.update(entry.get("dependencies") or ())
    for urns in (entry.get("propertyDependencies") or {}).values():
        needed.update(urns or ())
    return entry["urn"], bool(entry.get("delete")), frozenset(urn for urn in needed if urn)


def graph_problems(nodes: Sequence[Node]) -> list[str]:
    """List duplicate URNs, missing dependencies and dependency cycles."""
    return [*_doubled(nodes), *(_missing(nodes) or _cycle(nodes))]


def _doubled(nodes: Sequence[Node]) -> Iterator[str]:
    first: dict[str, int] = {}
    for number, (urn, is_condemned, _) in enumerate(nodes):
        if not is_condemned and first.setdefault(urn, number) != number:
            yield f"resources[{number}]: has the same urn as resources[{first[urn]}]"


def _missing(nodes: Sequence[Node]) -> list[str]:
    there = {urn for urn, _, _ in nodes}
    return [
        f"resources[{number}]: depends on a resource that does not exist"
        for number, (_, _, needed) in enumerate(nodes)
        if not needed <= there
    ]


def _cycle(nodes: Sequence[Node]) -> list[str]:
    """Report the entries that form a dependency cycle, if any.

    A condemned entry next to its successor depends on the old entries, so it is not part of a cycle.
    """
    alive = {urn for urn, is_condemned, _ in nodes if not is_condemned}
    left: dict[str, set[str]] = {}
    for urn, is_condemned, needed in nodes:
        if not is_condemned or urn not in alive:
            left.setdefault(urn, set()).update(needed)
    seen: set[str] = set()
    while ready := [urn for urn, needed in left.items() if needed <= seen]:
        seen.update(ready)
        for urn in ready:
            del left[urn]
    while left and (ends := left.keys() - set().union(*left.values())):
        for urn in ends:
            del left[urn]
    places = [f"resources[{number}]" for number, (urn, _, _) in enumerate(nodes) if urn in left]
    return [f"{', '.join(_some(places))}: depend on each other in a cycle"] if places else []


SHOWN: Final = 8
"""How many findings a message lists; the rest are only counted."""


def _some(items: Sequence[str]) -> list[str]:
    return [*items[:SHOWN], f"{len(items) - SHOWN} more"] if len(items) > SHOWN else list(items)


def listed(problems: Sequence[str]) -> str:
    """Format findings as the lines of a message."""
    return "".join(f"\n  - {problem}" for problem in _some(problems))
