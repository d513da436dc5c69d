import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from serving.spec.loading import load_text
from serving.spec.schema import NOT_EXPRESSIBLE, json_schema, schema_problems

ROOT = Path(__file__).parents[2]

# Without the phase that explains a failure: it takes minutes here.
PROPERTY = settings(
    deadline=None,
    # The same examples for every change that CI looks at; new ones at each run of a developer, who can follow them up.
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)

words = st.text("abcXYZ019 _-.é", min_size=1, max_size=8)
names = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)
models = st.from_regex(r"[a-z]{1,3}\.[a-z]{1,3}\.[a-z_0-9-]{1,9}", fullmatch=True)
amounts = st.integers(1, 9)


def some(**optional: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    return optional


@st.composite
def mappings(
    draw: st.DrawFn, required: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]]
) -> dict[str, Any]:
    chosen = draw(st.sets(st.sampled_from(sorted(optional)))) if optional else set()
    return {key: draw(value) for key, value in {**required, **{key: optional[key] for key in chosen}}.items()}


throughputs = st.one_of(
    st.fixed_dictionaries({"bands": st.fixed_dictionaries({"min": st.integers(0, 1), "max": amounts})}),
    st.fixed_dictionaries({"tokens_per_second": st.fixed_dictionaries({"min": st.integers(0, 1), "max": amounts})}),
    mappings({"model_units": amounts}, some(burst=st.booleans())),
)
workloads = mappings(
    {
        "size": st.sampled_from(["Small", "Medium", "Large"]),
        "parameters_billion": st.one_of(amounts, st.floats(0.5, 80)),
    },
    some(type=st.sampled_from(["CPU", "GPU_LARGE"]), scale_to_zero=st.booleans(), gpu_access_confirmed=st.booleans()),
)
registrations = mappings(
    {"name": models, "source": words},
    some(
        metadata=st.dictionaries(words, words, max_size=2),
        mlflow_version=st.just("2.12.1"),
        alias=names,
        tags=st.dictionaries(words, words, max_size=2),
        retain=st.booleans(),
        grants=st.just([{"principal": "p", "privileges": ["EXECUTE"]}]),
    ),
)
versions = st.one_of(st.just("1"), st.fixed_dictionaries({"alias": names}))
permissions = st.fixed_dictionaries(
    {"group_name": words, "permission_level": st.sampled_from(["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"])}
)
settings_of_all = some(
    tags=st.dictionaries(words, words, max_size=2),
    headroom_percent=st.integers(0, 1000),
    permissions=st.lists(permissions, max_size=2),
    notifications=st.fixed_dictionaries({"on_update_failure": st.just(["a@b.c"])}),
    timeouts=st.fixed_dictionaries({"create": st.sampled_from(["2h", "45m", "1h30m"])}),
    ai_gateway=mappings(
        {},
        some(
            usage_tracking_config=st.fixed_dictionaries({"enabled": st.booleans()}), rate_limits=st.just([{"calls": 1}])
        ),
    ),
)


@st.composite
def entities(draw: st.DrawFn) -> dict[str, Any]:
    model = draw(
        st.one_of(
            st.fixed_dictionaries({"model": models, "version": versions}),
            st.fixed_dictionaries({"register": registrations}),
        )
    )
    capacity = draw(
        st.one_of(st.fixed_dictionaries({"throughput": throughputs}), st.fixed_dictionaries({"workload": workloads}))
    )
    return {**model, **capacity}


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    task = st.sampled_from(["llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"])
    demand = st.fixed_dictionaries(
        {"requests_per_second": st.floats(0.1, 9), "input_tokens": amounts, "output_tokens": amounts}
    )
    waivers = st.just([{"policy": "p", "reason": "r", "owner": "o", "expires": "2027-01-31"}])
    own = some(
        description=words,
        demand=demand,
        waivers=waivers,
        route_optimized=st.booleans(),
        allow_legacy=st.booleans(),
        **settings_of_all,
    )
    entry = draw(mappings({"name": names, "task": task}, own))
    served = draw(entities())
    return {
        **entry,
        **draw(st.sampled_from([served, {"entities": [served]}, {"entities": [{**served, "traffic_percent": 100}]}])),
    }


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    listed = draw(st.lists(entries(), max_size=2, unique_by=lambda entry: entry["name"]))
    whole = {"version": 1, "models": listed}
    if draw(st.booleans()):
        whole["defaults"] = draw(mappings({}, settings_of_all))
    if listed and draw(st.booleans()):
        whole["overrides"] = {"dev": {listed[0]["name"]: draw(mappings({}, settings_of_all))}}
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


def verdicts(document: Any) -> tuple[list[str], list[str]]:
    """(ids of the problems that loading finds, what the schema has against the document)"""
    loaded = load_text(json.dumps(document, ensure_ascii=False), "models.yaml", None)
    by_schema = schema_problems(document, loaded.source)
    return [problem.id for problem in loaded.problems], [problem.render() for problem in by_schema]


@settings(PROPERTY, max_examples=60)
@given(documents())
def test_documents_that_are_valid_are_valid_to_both(document: dict[str, Any]) -> None:
    by_loading, by_schema = verdicts(document)
    assert set(by_loading) <= NOT_EXPRESSIBLE | {"endpoint-name"} and (by_schema == [] or "endpoint-name" in by_loading)


@settings(PROPERTY, max_examples=200)
@given(mutated())
def test_loading_and_schema_give_the_same_verdict(document: Any) -> None:
    by_loading, by_schema = verdicts(document)
    if by_schema:
        assert by_loading, by_schema
    found = set(by_loading) - NOT_EXPRESSIBLE
    if has_null(document.get("overrides") if isinstance(document, dict) else None):
        # A null in an override takes a key of the entry away: what is then missing shows only once both are merged.
        found -= {"one-of", "missing-key", "S4-version"}
    if found:
        assert by_schema, by_loading


def has_null(document: Any) -> bool:
    if isinstance(document, dict):
        return any(value is None or has_null(value) for value in document.values())
    return isinstance(document, list) and any(item is None or has_null(item) for item in document)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_valid_to_both_and_name_the_schema_in_their_first_line(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[0] == "# yaml-language-server: $schema=../models.schema.json"
    for stack in (None, "dev"):
        loaded = load_text(text, path.name, stack)
        assert loaded.problems == () and schema_problems(loaded.data, loaded.source) == ()


def test_schema_is_itself_a_valid_schema_of_2020_12() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


def test_committed_schema_is_current() -> None:
    committed = (ROOT / "models.schema.json").read_text(encoding="utf-8")
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
