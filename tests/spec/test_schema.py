import json
import os
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic.fields import FieldInfo

from bandplan.serving.spec import rules
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.fields import keys_of
from bandplan.serving.spec.fleet import Defaults, Fleet
from bandplan.serving.spec.loading import load_text
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.schema import json_schema, schema_problems
from bandplan.serving.spec.shape import Shape
from bandplan.serving.throughput.model_versions import model_versions
from bandplan.serving.throughput.optimization_info import OptimizationInfo
from bandplan.serving.throughput.sizing import size

ROOT = Path(__file__).parents[2]
BOUNDS = ("ge", "gt", "le", "lt", "min_length", "max_length")

# Without the phase that explains a failure: it takes minutes here.
PROPERTY = settings(
    deadline=None,
    # The same examples for every change that CI looks at; new ones at each run of a developer, who can follow them up.
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)

words = st.text("abcXYZ019 _-.é", min_size=1, max_size=8)


def values_of(annotation: Any, metadata: Sequence[Any] = ()) -> st.SearchStrategy[Any]:
    """Legal values of a field's type, as JSON has them: whatever the shapes are given is generated."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return values_of(parts[0], (*parts[1:], *metadata))
    flat = [*metadata, *(one for info in metadata if isinstance(info, FieldInfo) for one in info.metadata)]
    bounds = {key: found for key in BOUNDS if (found := [v for m in flat if (v := getattr(m, key, None)) is not None])}
    pattern = next((text for one in flat if (text := getattr(one, "pattern", None))), None)
    least, most = bounds.get("min_length", [0])[0], min(bounds.get("max_length", [3])[0], 3)
    if origin in (Union, UnionType):
        return st.one_of([values_of(part) for part in parts])
    if origin is Literal:
        return st.sampled_from(parts)
    if origin is tuple:
        return st.lists(values_of(parts[0]), min_size=least, max_size=most)
    if origin is dict:
        return st.dictionaries(values_of(parts[0]), values_of(parts[1]), max_size=2)
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return st.integers(max(bounds.get("ge", [0])), min([*bounds.get("le", []), 9]))
    if annotation is float:
        low = max(bounds.get("ge", bounds.get("gt", [0.0])))
        high = min([*bounds.get("le", bounds.get("lt", [])), low + 9.0])
        return st.floats(low, high, exclude_min="gt" in bounds, exclude_max="lt" in bounds and high < low + 9)
    if annotation is date:
        return st.dates(date(2000, 1, 1), date(2100, 1, 1)).map(str)
    if annotation is str and pattern is not None:
        texts = st.from_regex(pattern.replace("$", ""), fullmatch=True, alphabet="abcXYZ0123456789-_.@hms")
        return texts.filter(lambda text: len(text) >= least)
    if annotation is str:
        return words if least else st.one_of(st.just(""), words)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return st.sampled_from([one.value for one in annotation])
    return shapes(annotation)


@cache
def shapes(shape: type[Shape]) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings of a shape: what is required, one of the keys that exclude each other, and any others."""
    fields = {
        key: values_of(info.annotation, info.metadata) for key, info in keys_of(shape).items() if key != "overrides"
    }
    if "group_name" in fields:  # legal names of groups have no space at either end
        fields["group_name"] = fields["group_name"].filter(lambda name: name == name.strip())
    grouped = {key for group in (*shape.exactly_one, *shape.together) for key in group}
    required = {key for key, info in keys_of(shape).items() if info.is_required()}
    free = sorted(fields.keys() - grouped - required)

    @st.composite
    def mapping(draw: st.DrawFn) -> dict[str, Any]:
        chosen = {*required, *(draw(st.lists(st.sampled_from(free), max_size=4, unique=True)) if free else ())}
        for group in shape.exactly_one:
            if not chosen.intersection(group):
                taken = {key for other in shape.exactly_one if chosen.intersection(other) for key in other}
                chosen.add(draw(st.sampled_from([key for key in group if key not in taken])))
        chosen |= {needed for key, needed in shape.together if key in chosen}
        return {key: draw(fields[key]) for key in sorted(chosen)}

    return mapping()


@st.composite
def with_nulls(draw: st.DrawFn, throughput: dict[str, Any]) -> dict[str, Any]:
    """Throughput of an override, with null for some keys of its other forms."""
    kept = dict(throughput)
    for key in ("bands", "tokens_per_second"):
        if isinstance(kept.get(key), dict):
            others = ("max",) if "want" in kept[key] else ("want", "accept")
            kept[key] = {**kept[key], **dict.fromkeys(draw(st.sets(st.sampled_from(others))))}
    others = [key for key in ("bands", "tokens_per_second", "model_units", "burst") if key not in kept]
    return {**kept, **dict.fromkeys(draw(st.sets(st.sampled_from(others))))}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    whole = draw(shapes(Fleet))
    listed = whole["models"]
    if listed and draw(st.booleans()):
        part = draw(shapes(draw(st.sampled_from([Defaults, Entry]))))
        removed = draw(st.sets(st.sampled_from(sorted(part)))) if part else set()
        part = {key: value for key, value in part.items() if key != "name" and key not in removed}
        if isinstance(part.get("throughput"), dict):
            part["throughput"] = draw(with_nulls(part["throughput"]))
        whole["overrides"] = {"dev": {listed[0]["name"]: part}}
    return whole


oddities = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(-2, 2).filter(lambda number: not number.is_integer()),
    words,
    st.sampled_from(
        [
            "",
            "auto",
            "latest",
            "pt",
            "a.b.c",
            "a\n",
            "2h\n",
            "2026-02-30",
            "GPU_LARGE",
            [],
            {},
            [1],
            {"a": 1},
            [{}],
            {"min": 1},
        ]
    ),
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A valid document with one value replaced, one key removed, or one key added, anywhere."""
    whole = json.loads(json.dumps(draw(documents())))
    places: list[tuple[Any, Any]] = []
    left: list[Any] = [whole]
    while left:
        one = left.pop()
        keys: list[Any] = list(one) if isinstance(one, dict) else list(range(len(one)))
        places += [(one, key) for key in keys]
        left += [one[key] for key in keys if isinstance(one[key], (dict, list))]
    holder, key = draw(st.sampled_from(places))
    change = draw(st.sampled_from(["replace", "remove", "add"]))
    if change == "replace":
        holder[key] = draw(oddities)
    elif change == "remove":
        del holder[key]
    elif isinstance(holder, dict):
        new = draw(
            st.sampled_from(
                [
                    "extra",
                    "bandplan.x",
                    "auto",
                    "model",
                    "version",
                    "entities",
                    "workload",
                    "throughput",
                    "burst",
                    "name",
                    "user_name",
                    "tags",
                ]
            )
        )
        holder[new] = draw(oddities)
    return whole


def verdicts(document: Any) -> tuple[list[Problem], list[str]]:
    """(the problems that loading finds, what the schema has against the document); what can be sized is sized."""
    loaded = load_text(json.dumps(document, ensure_ascii=False), "models.yaml", "dev")
    by_schema = schema_problems(document, loaded.source)
    if loaded.checkable is not None:
        info = OptimizationInfo(True, "llama", 980)
        size(loaded.checkable, dict.fromkeys(model_versions(loaded.checkable), info), loaded.source)
    return list(loaded.problems), [problem.render() for problem in by_schema]


NOT_EXPRESSIBLE = frozenset(
    rule.id
    for rule in (
        rules.BAND_ORDER,
        rules.ACCEPT_ORDER,
        rules.ROLLOUT_STEPS,
        rules.ROLLOUT_ONE_MODEL,
        rules.TRAFFIC,
        rules.DEMAND_FOR_AUTO,
        rules.NEVER_BELOW,
        rules.DUPLICATE_NAME,
        rules.DUPLICATE_SERVED_NAME,
        rules.UNKNOWN_OVERRIDE,
        rules.INTERPOLATION,
        rules.DUPLICATE_PRINCIPAL,
        rules.SERVED_NAME,
        rules.INFERENCE_TABLE,
        rules.RATE_LIMIT,
        rules.RATE_LIMITS_MANY,
    )
)
"""Rules that look at several values at once, which a JSON Schema cannot."""


def is_expressible(problem: Problem) -> bool:
    """Whether the schema has to find it too."""
    # Of a key that an override leaves out, only the merged entry shows whether it is missing.
    of_merging = problem.path.startswith("overrides/") and (
        problem.id in ("one-of", "S4-version", "S17-auto-demand", "own-tag")
        or "missing" in problem.finding
        or "no amount" in problem.finding
    )
    return problem.id not in NOT_EXPRESSIBLE and not of_merging


@settings(PROPERTY, max_examples=60)
@given(documents())
def test_documents_that_are_valid_are_valid_to_both(document: dict[str, Any]) -> None:
    by_loading, by_schema = verdicts(document)
    left = {problem.id for problem in by_loading if is_expressible(problem)}
    assert left <= {"endpoint-name"} and (by_schema == [] or "endpoint-name" in left), (left, by_schema)


@settings(PROPERTY, max_examples=200)
@given(mutated())
def test_loading_and_schema_give_the_same_verdict(document: Any) -> None:
    by_loading, by_schema = verdicts(document)
    if by_schema:
        assert by_loading, by_schema
    if any(is_expressible(problem) for problem in by_loading):
        assert by_schema, by_loading


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_valid_to_both_and_name_the_schema_in_their_first_line(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[0] == "# yaml-language-server: $schema=../schemas/models.schema.json"
    for stack in (None, "dev"):
        loaded = load_text(text, path.name, stack)
        assert loaded.problems == () and schema_problems(loaded.data, loaded.source) == ()


def test_schema_is_itself_a_valid_schema_of_2020_12() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


def test_committed_schema_is_current() -> None:
    committed = (ROOT / "schemas/models.schema.json").read_text(encoding="utf-8")
    assert committed == json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n", "run `bandplan schema --write`"


def test_every_key_has_a_description() -> None:
    bare = []

    def walk(schema: Any, path: str) -> None:
        if isinstance(schema, dict):
            for key, value in schema.get("properties", {}).items():
                if not value.get("description"):
                    bare.append(f"{path}/{key}")
            for key, value in schema.items():
                walk(value, f"{path}/{key}")

    walk(json_schema(), "")
    assert bare == []


def test_every_example_of_the_schema_is_valid_where_it_stands() -> None:
    schema = json_schema()
    checked = 0
    for name, definition in [("", schema), *schema["$defs"].items()]:
        for key, value in definition.get("properties", {}).items():
            for example in value.get("examples", []):
                inner = {**value, "$defs": schema["$defs"]}
                assert list(Draft202012Validator(inner).iter_errors(json.loads(json.dumps(example)))) == [], (
                    f"{name}/{key}"
                )
                checked += 1
    assert checked > 100


def test_schema_problem_is_placed_by_entry_name() -> None:
    loaded = load_text("version: 1\nmodels:\n  - {name: a, task: chat}\n", "models.yaml", None)
    first = schema_problems(loaded.data, loaded.source)[0]
    assert (first.line, first.path.split("/")[:2]) == (3, ["models", "a"])


def test_every_key_is_explained_in_the_docs() -> None:
    page = (ROOT / "docs" / "models-yaml.md").read_text(encoding="utf-8")
    schema = json_schema()
    keys = {key for definition in [schema, *schema["$defs"].values()] for key in definition.get("properties", {})}
    assert {key for key in keys if f"`{key}`" not in page} == set()


def test_tag_of_bandplans_own_is_refused_by_the_schema_too() -> None:
    entry = {"name": "a", "task": "llm/v1/chat", "throughput": {"bands": {"min": 1, "max": 1}}}
    for key, refused in (("bandplan.x", True), ("bandplanx", False)):
        register = {"name": "a.b.c", "source": "runs:/1/m", "tags": {key: "x"}}
        by_loading, by_schema = verdicts({"version": 1, "models": [{**entry, "register": register}]})
        assert (by_loading != [], by_schema != []) == (refused, refused)
