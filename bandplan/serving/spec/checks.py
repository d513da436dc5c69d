"""Rules across the keys of an entry, and across entries.

They read the values as written, so that their problems are reported beside wrong types and unknown keys; a value of a
wrong type is left to the shapes and passes here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bandplan.serving.spec import rules
from bandplan.serving.spec.access import PRINCIPAL_KEYS, Permission, is_admins, principal_key
from bandplan.serving.spec.demand import LATENCY_KEYS, Demand
from bandplan.serving.spec.entity import EntityDeclaration
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.fields import meant_keys
from bandplan.serving.spec.never_below import NeverBelow, never_below_problems
from bandplan.serving.spec.problem import LeftOut, Problem, clipped, more
from bandplan.serving.spec.registration import OWN_TAG_PREFIX
from bandplan.serving.spec.rollout_checks import rollout_problems
from bandplan.serving.spec.shape import RESERVED_ENDPOINT_NAMES, RESERVED_ENDPOINT_PREFIX, Shape
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.throughput import KINDS
from bandplan.wire.capacity import COUNTED_KEYS

Path = tuple[str | int, ...]

_SERVED_NAME = "[A-Za-z0-9][A-Za-z0-9_-]{0,127}"  # the length is a guess of the local workspace
_MODEL_PART = r"[^./\x00-\x20\x7f]+"
_MOST = 5_000  # problems of one list after which the rest is skipped; arbitrary, well over the reported number


def entry_problems(raw: Mapping[str, Any], base: Path, source: Source) -> list[Problem]:
    """Report everything wrong within the entry at `base`."""
    found = [*_keys(raw, Entry, base, source), *_capacity(raw, base, source)]
    found += _reserved_name(raw.get("name"), base, source)
    entities = raw.get("entities")
    if isinstance(entities, list):
        for index, entity in enumerate(entities):
            if isinstance(entity, dict):
                place = (*base, "entities", index)
                found += [*_keys(entity, EntityDeclaration, place, source), *_capacity(entity, place, source)]
        found += [*_traffic(entities, base, source), *_served_names(entities, base, source)]
    elif entities is None:
        found += _made_name({key: value for key, value in raw.items() if key != "name"}, base, source)
    found += permission_problems(raw, base, source)
    found += rollout_problems(raw, base, source)
    if isinstance(least := raw.get("never_below"), dict):
        found += [
            *_keys(least, NeverBelow, (*base, "never_below"), source),
            *never_below_problems(raw, base, source),
        ]
    for place, one in [
        (base, raw),
        *(
            ((*base, "entities", index), one)
            for index, one in enumerate(entities if isinstance(entities, list) else ())
        ),
    ]:
        found += [*_own_tags(one, place, source), *_grants(one, place, source)]
    demand = raw.get("demand")
    if isinstance(demand, dict):
        found += _keys(demand, Demand, (*base, "demand"), source)
    return [*found, *_auto_without_demand(raw, base, source)]


def _reserved_name(name: object, base: Path, source: Source) -> list[Problem]:
    if not isinstance(name, str):
        return []
    if name in RESERVED_ENDPOINT_NAMES:
        step = f"write {name}-endpoint"
    elif name.startswith(RESERVED_ENDPOINT_PREFIX):
        step = f"write {name.removeprefix(RESERVED_ENDPOINT_PREFIX) or 'my-endpoint'}"
    else:
        return []
    finding = f"{clipped(name, 63)} is reserved by the platform"
    return [rules.ENDPOINT_NAME.problem(source, (*base, "name"), finding, step)]


def _auto_without_demand(raw: Mapping[str, Any], base: Path, source: Source) -> list[Problem]:
    """Report `auto` without a demand, and with one that has neither a rate nor a latency target."""
    entities = raw.get("entities")
    demand = raw.get("demand")
    if "demand" in raw:
        given = demand if isinstance(demand, dict) else {}
        if "concurrent_requests" not in given or "requests_per_second" in given or not LATENCY_KEYS.isdisjoint(given):
            return []
    places = [((*base, "throughput"), raw)] if raw.get("throughput") == "auto" else []
    for index, entity in enumerate(entities if isinstance(entities, list) else ()):
        if isinstance(entity, dict) and entity.get("throughput") == "auto":
            places.append(((*base, "entities", str(index), "throughput"), entity))
    if "demand" in raw:
        finding = "concurrent_requests alone do not say how many tokens/s is wanted"
        step = "add latency_seconds, ttft_seconds or tpot_ms to the demand, or write a band"
        return [rules.DEMAND_FOR_AUTO.problem(source, path, finding, step) for path, _ in places[:1]]
    step = "add `demand: {requests_per_second: 2, input_tokens: 2048, output_tokens: 256}`, or write a band"
    if places and any("demand" in entity for _, entity in places):
        step = "write it in the entry, beside entities: each entity gets its share"
    return [rules.DEMAND_FOR_AUTO.problem(source, path, "the entry has no demand", step) for path, _ in places[:1]]


def permission_problems(raw: Mapping[str, Any], base: Path, source: Source) -> list[Problem]:
    """Report permissions of an entry, or of the defaults, that name no principal, several, one twice, or `admins`."""
    permissions = raw.get("permissions")
    found: list[Problem] = []
    first: dict[tuple[str, str], int] = {}
    for index, permission in enumerate(permissions if isinstance(permissions, list) else ()):
        if isinstance(permission, dict):
            path = (*base, "permissions", index)
            found += _keys(permission, Permission, path, source)
            for kind in PRINCIPAL_KEYS:
                if isinstance(name := permission.get(kind), str):
                    found += _principal(first, kind, name, index, path, source)
        if len(found) > _MOST:
            place = source.place((*base, "permissions", index))
            return [*found, more(source.file, place, LeftOut(errors=1, exact=False))]
    return found


def _principal(
    first: dict[tuple[str, str], int], kind: str, name: str, index: int, path: Path, source: Source
) -> list[Problem]:
    """Check one principal of a list, at `path`; `first` holds the positions of earlier ones and receives this one's."""
    place = (*path, kind)
    bare = name.strip()
    if kind == "group_name" and bare != name:
        step = f"write `group_name: {clipped(bare, 60)}`" if bare and not is_admins(bare) else "remove this permission"
        return [rules.PRINCIPAL.problem(source, place, "a name does not begin or end with a space", step)]
    if kind == "group_name" and is_admins(name):
        step = "remove this permission: admins always have CAN_MANAGE"
        return [rules.PRINCIPAL.problem(source, place, f"the rights of the group {name} cannot be restricted", step)]
    key = principal_key(kind, name)
    if key in first:
        finding = f"{clipped(name, 60)} is already named by item {first[key] + 1} of the list"
        step = "keep one of the two: CAN_MANAGE includes CAN_QUERY, which includes CAN_VIEW"
        return [rules.DUPLICATE_PRINCIPAL.problem(source, place, finding, step)]
    first[key] = index
    return []


def _grants(raw: object, base: Path, source: Source) -> list[Problem]:
    """Report principals to which a registration grants privileges twice."""
    match raw:
        case {"register": {"grants": list(grants)}}:
            found, first = [], dict[str, int]()
            for index, grant in enumerate(grants[:_MOST]):
                name = grant.get("principal") if isinstance(grant, dict) else None
                if not isinstance(name, str):
                    continue
                key = name.lower() if "@" in name else name
                if key in first:
                    found.append(
                        rules.DUPLICATE_PRINCIPAL.problem(
                            source,
                            (*base, "register", "grants", index, "principal"),
                            f"{clipped(name, 60)} is already named by item {first[key] + 1} of the list",
                            "list all its privileges in one of the two",
                        )
                    )
                first.setdefault(key, index)
            return found
    return []


def duplicate_names(names: Sequence[object], source: Source) -> list[Problem]:
    """Report entries with the name of an earlier entry."""
    found, first = [], dict[str, int]()
    for index, name in enumerate(names):
        if not isinstance(name, str):
            continue
        if name in first:
            line = source.place(("models", str(first[name]), "name"))[0]
            finding = f"{clipped(name, 63)} is already the entry on line {line}"
            found.append(
                rules.DUPLICATE_NAME.problem(
                    source, ("models", str(index), "name"), finding, "rename one, or remove one"
                )
            )
        first.setdefault(name, index)
    return found


def is_sizeable(raw: Mapping[str, Any]) -> bool:
    """Whether an entry names one model and one capacity, or several served entities that each do."""
    entities = _mappings(raw.get("entities"))
    if not all(_has_keys(one, EntityDeclaration) for one in entities) or not _has_keys(raw, Entry):
        return False
    demand = raw.get("demand")
    if isinstance(demand, dict) and not _has_keys(demand, Demand):
        return False
    return "demand" in raw or "auto" not in (raw.get("throughput"), *(one.get("throughput") for one in entities))


def _has_keys(raw: Mapping[str, Any], shape: type[Shape]) -> bool:
    if any(sum(key in raw for key in group) != 1 for group in shape.exactly_one):
        return False
    return all(key not in raw or needed in raw for key, needed in shape.together)


def _keys(raw: Mapping[str, Any], shape: type[Shape], base: Path, source: Source) -> list[Problem]:
    """Report keys that exclude or need each other; a key that is only mistyped counts as given."""
    found = []
    there = {*raw, *meant_keys(raw, shape, source.suggestions)}
    for group in shape.exactly_one:
        given = [key for key in group if key in raw]
        if not there.intersection(group):
            found.append(rules.ONE_OF.problem(source, base, f"none of {', '.join(group)} is given", f"add {group[0]}"))
        elif len(given) > 1:
            finding = f"{' and '.join(given)} are mutually exclusive"
            found.append(rules.ONE_OF.problem(source, (*base, given[1]), finding, f"keep {given[0]} or {given[1]}"))
    missing = {key for group in shape.exactly_one if not there.intersection(group) for key in group}
    for key, needed in shape.together:
        if key not in raw or needed in there or needed in missing:
            continue
        if needed == "version":
            model, _, alias = str(raw[key]).partition("@")
            step = 'add `version: "1"`'
            if re.fullmatch("[A-Za-z0-9_-]{1,255}", alias):
                step = f"write `model: {model}` and `version: {{alias: {alias}}}`"
            found.append(rules.PINNED_VERSION.problem(source, (*base, key), "the model has no version", step))
        else:
            step = (
                "remove it: the deployment creates the version"
                if "register" in raw
                else f"write it beside its {needed}"
            )
            found.append(rules.PINNED_VERSION.problem(source, (*base, key), f"{key} is written without {needed}", step))
    return found


def _capacity(raw: Mapping[str, Any], base: Path, source: Source) -> list[Problem]:
    wanted = _wanted_capacity(raw.get("throughput"), (*base, "throughput"), source)
    if wanted:
        return wanted
    match raw.get("throughput"):
        case {"bands": {"min": int(low), "max": int(high)}}:
            key = "bands"
        case {"tokens_per_second": {"min": int(low), "max": int(high)}}:
            key = "tokens_per_second"
        case _:
            return []
    if high >= low or high < 1:
        return []
    # tokens/s must be a multiple of the chunk, which is not known here.
    step = (
        f"write max: {low}, or a smaller min" if key == "bands" else f"write a max of at least {low}, or a smaller min"
    )
    return [
        rules.BAND_ORDER.problem(source, (*base, "throughput", key, "max"), f"max {high} is less than min {low}", step)
    ]


def _wanted_capacity(throughput: object, base: Path, source: Source) -> list[Problem]:
    """Report an `accept` that is not between `min` and `want`."""
    if not isinstance(throughput, dict):
        return []
    found = []
    for key, amounts in throughput.items():
        if not isinstance(amounts, dict) or key not in KINDS:
            continue
        match amounts:
            case {"want": int(want), "accept": int(accept)} if want > 0 and accept >= want:
                step = (
                    f"write less than {want}, or max: {want} alone"
                    if key not in COUNTED_KEYS
                    else f"write {key}: {want}"
                )
                finding = f"accept {accept} is not less than want {want}"
                found.append(rules.ACCEPT_ORDER.problem(source, (*base, key, "accept"), finding, step))
        match amounts:
            case {"min": int(low), "accept": int(accept)} if 0 < accept < low:
                finding = f"accept {accept} is less than min {low}"
                step = f"write accept: {low}, or a smaller min"
                found.append(rules.ACCEPT_ORDER.problem(source, (*base, key, "accept"), finding, step))
    return found


def _traffic(entities: Sequence[object], base: Path, source: Source) -> list[Problem]:
    mappings = _mappings(entities)
    shares = [one.get("traffic_percent", 100 if len(entities) == 1 else None) for one in mappings]
    for index, share in enumerate(shares):
        if share is None and len(mappings) == len(entities):
            if "traffic_percent" in meant_keys(mappings[index], EntityDeclaration, source.suggestions):
                return []
            others = [one for one in shares if type(one) is int]
            rest = 100 - sum(others)
            step = "give every served entity its `traffic_percent`"
            if len(others) == len(shares) - 1 and 0 <= rest <= 100:
                step = f"add `traffic_percent: {rest}`"
            return [rules.TRAFFIC.problem(source, (*base, "entities", index), "this served entity has no share", step)]
    whole = [share for share in shares if isinstance(share, int) and not isinstance(share, bool)]
    if len(whole) != len(entities) or not whole or sum(whole) == 100:
        return []
    last = whole[-1] + 100 - sum(whole)
    step = f"write {last} for the last one" if 0 <= last <= 100 else f"reduce the shares by {sum(whole) - 100}"
    return [
        rules.TRAFFIC.problem(
            source,
            (*base, "entities"),
            f"the shares {clipped(' + '.join(map(str, whole)), 200)} add up to {sum(whole)}",
            step,
        )
    ]


def _served_names(entities: Sequence[object], base: Path, source: Source) -> list[Problem]:
    found, first = [], dict[str, int]()
    for index, one in enumerate(entities):
        name = _served_name(one)
        if name is None:
            continue
        found += _made_name(one if isinstance(one, dict) else {}, (*base, "entities", index), source)
        if name in first:
            step = "give each its own `name`"
            finding = f"{clipped(name, 100)} is already the name of served entity {first[name] + 1}"
            found.append(rules.DUPLICATE_SERVED_NAME.problem(source, (*base, "entities", index), finding, step))
        first.setdefault(name, index)
    return found


def _made_name(raw: Mapping[str, Any], base: Path, source: Source) -> list[Problem]:
    """Report a served name that is derived from the model's and that the platform refuses."""
    version = raw.get("version")
    is_odd = isinstance(version, str) and not re.fullmatch("[A-Za-z0-9_-]+", version)
    name = None if "name" in raw or is_odd else _served_name(raw)
    if name is None or re.fullmatch(_SERVED_NAME, name) or not re.fullmatch(_MODEL_PART, name):
        return []  # rules about model names and versions report the rest
    key = ("register", "name") if "register" in raw else ("model",)
    step = "name the entity itself: `entities: [{name: champion, model: ..., ...}]`"
    return [rules.SERVED_NAME.problem(source, (*base, *key), f"its served name would be {clipped(name, 60)}", step)]


def _served_name(raw: object) -> str | None:
    """Return the served name as `Entity.served_name` derives it."""
    match raw:
        case {"name": str(name)}:
            return name
        case {"register": {"name": str(model)}}:
            return model.rsplit(".", 1)[-1]
        case {"model": str(model), "version": str(version) | {"alias": str(version)}}:
            return f"{model.rsplit('.', 1)[-1]}-{version}"
    return None


def _own_tags(raw: object, base: Path, source: Source) -> list[Problem]:
    """Report tags of a version to register that are reserved for bandplan."""
    match raw:
        case {"register": {"tags": dict(tags)}}:
            own = [key for key in tags if isinstance(key, str) and key.startswith(OWN_TAG_PREFIX)]
            return [
                rules.OWN_TAG.problem(
                    source,
                    (*base, "register", "tags", key),
                    f"{clipped(key, 60)} is reserved for bandplan",
                    "rename the tag",
                )
                for key in own[:_MOST]
            ]
    return []


def _mappings(values: object) -> list[Mapping[str, Any]]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []
