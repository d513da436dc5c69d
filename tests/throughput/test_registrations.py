"""Which entries share a version that the fleet registers, and registrations that contradict each other."""

import json
from pathlib import Path

import pytest

from bandplan.serving.registration.checks.fleet_sources import source_problems, with_logged_types
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.loading import load_text
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput.aliases import pinned
from bandplan.serving.throughput.optimization_info import Unavailable
from bandplan.serving.throughput.registration_rules import placing_problems
from bandplan.serving.throughput.registrations import planned_models
from bandplan.serving.throughput.registry_answers import Absent, Existing
from bandplan.serving.throughput.sizing import size

from .conftest import Size, entry, ids, only_problem


def register(more: str = "", name: str = "ml.own.new", source: str = "runs:/1/model") -> str:
    return f"register: {{name: {name}, source: {source}{', ' if more else ''}{more}}}"


def fleet_of(*entries: str) -> tuple[Fleet, Source]:
    loaded = load_text("version: 1\nmodels:\n" + "".join(entries), "models.yaml", None)
    assert loaded.fleet is not None, loaded.problems
    return loaded.fleet, loaded.source


def test_entries_with_the_same_registration_share_one_version() -> None:
    fleet, _ = fleet_of(
        entry(name="one", model=register("alias: champion")),
        entry(name="two", model=register("alias: champion")),
        entry(name="other", model=register(name="ml.own.second")),
    )
    first, second = planned_models(fleet)
    (version,) = first.versions
    assert (version.key, version.task) == ("ml.own.new@champion", "llm/v1/chat")
    assert [user.name for user, _ in version.users] == ["one", "two"]
    assert [version.key for version in second.versions] == ["ml.own.second"]


def test_versions_of_one_model_are_told_apart_by_alias() -> None:
    fleet, _ = fleet_of(
        entry(name="one", model=register("alias: champion, comment: Ours")),
        entry(name="two", model=register("alias: challenger, owner: ana", source="runs:/2/model")),
    )
    (model,) = planned_models(fleet)
    assert [version.key for version in model.versions] == ["ml.own.new@champion", "ml.own.new@challenger"]
    assert (model.comment, model.owner, model.grants) == ("Ours", "ana", None)


@pytest.mark.parametrize(
    ("first", "second", "finding"),
    [
        ("", "alias: champion", "models/one registers the same version of ml.own.new"),
        ("alias: champion", "alias: prod", "models/one registers the same version of ml.own.new"),
        ("alias: c, comment: A", "alias: c, comment: B", "models/one gives ml.own.new a different comment"),
        ("alias: c, tags: {a: b}", "alias: c", "models/one registers another version of ml.own.new under the alias c"),
        ("", "description: x", "models/one registers another version of ml.own.new without an alias"),
    ],
)
def test_registrations_that_contradict_each_other_are_refused(
    sized: Size, first: str, second: str, finding: str
) -> None:
    problem = only_problem(
        sized(entry(name="one", model=register(first)) + entry(name="two", model=register(second))),
        "register-conflict",
    )
    assert (problem.path, problem.finding) == ("models/two/register", finding)


def test_one_model_spelled_in_two_ways_is_refused(sized: Size) -> None:
    both = entry(name="one", model=register("alias: a")) + entry(
        name="two", model=register("alias: b", name="ml.own.New", source="runs:/2/model")
    )
    assert only_problem(sized(both), "register-conflict").next_step == "spell it the same"


def test_one_checkpoint_for_two_tasks_makes_two_versions() -> None:
    fleet, _ = fleet_of(
        entry(name="one", model=register("alias: chat", source="./checkpoint")),
        entry(name="two", task="llm/v1/completions", model=register("alias: text", source="./checkpoint")),
    )
    (model,) = planned_models(fleet)
    assert [(version.key, version.task) for version in model.versions] == [
        ("ml.own.new@chat", "llm/v1/chat"),
        ("ml.own.new@text", "llm/v1/completions"),
    ]


def test_one_checkpoint_for_two_tasks_without_aliases_is_refused(sized: Size) -> None:
    both = entry(name="one", model=register()) + entry(name="two", task="llm/v1/completions", model=register())
    assert ids(sized(both)) == ["register-conflict"]


@pytest.mark.parametrize(
    ("answer", "id", "words"),
    [
        (Absent("schema"), "S2-schema", ("the schema ml.own does not exist", "ask the owner of the catalog ml")),
        (Absent("catalog"), "S2-schema", ("the catalog ml does not exist", "ask a metastore admin")),
        (Unavailable("it is forbidden"), "schema-unseen", ("is unknown: it is forbidden", "USE SCHEMA")),
    ],
)
def test_s2_missing_schema_is_named_once_with_whom_to_ask(answer: object, id: str, words: tuple[str, str]) -> None:
    fleet, source = fleet_of(
        entry(name="one", model=register("alias: c")), entry(name="two", model=register("alias: c"))
    )
    (problem,) = placing_problems(fleet, {"ml.own.new": answer}, source)  # type: ignore[dict-item]
    assert (problem.id, problem.path) == (id, "models/one/register/name")
    assert words[0] in problem.finding and words[1] in problem.next_step


@pytest.mark.parametrize("answer", [Existing("ml.own.new"), Absent()])
def test_s2_model_that_is_there_or_can_be_made_is_no_problem(answer: object) -> None:
    fleet, source = fleet_of(entry(model=register()))
    assert placing_problems(fleet, {"ml.own.new": answer}, source) == []  # type: ignore[dict-item]


def write_checkpoint(folder: Path) -> None:
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere", "nowhere: no such folder"),
        ("runs:/x", "runs:/x: not a source"),
        ("models:/a.b/1", "models:/a.b/1: not a source"),
    ],
)
def test_source_that_is_not_there_is_refused_where_it_is_written(tmp_path: Path, source: str, words: str) -> None:
    fleet, file = fleet_of(entry(name="one", model=register(source=source)))
    (problem,) = source_problems(fleet, tmp_path, file)
    assert (problem.id, problem.path) == ("register-source", "models/one/register/source")
    assert problem.finding.startswith(words)


def test_source_that_is_there_is_no_problem_until_all_of_it_is_judged(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "checkpoint")
    fleet, file = fleet_of(entry(name="one", model=register(source="checkpoint")))
    assert source_problems(fleet, tmp_path, file) == []
    found = source_problems(fleet, tmp_path, file, thorough=True)
    assert {problem.id for problem in found} <= {"register-source", "source-doubtful"}
    assert any("checkpoint" in problem.finding and problem.id == "register-source" for problem in found)
    assert {problem.path for problem in found} == {"models/one/register/source"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (register("alias: a, comment: C"), register("alias: b", source="runs:/2/model")),  # said once
        (register("alias: a"), register("alias: b, owner: ana", source="runs:/2/model")),
        (register("alias: a, comment: C"), register("alias: b, comment: C", source="runs:/2/model")),  # said alike
        # logged here, so that what it is logged with makes another version of the same folder
        (
            register("alias: a, metadata: {x: y}", source="./checkpoint"),
            register("alias: b, metadata: {x: z}", source="./checkpoint"),
        ),
    ],
)
def test_registrations_that_agree_on_their_model_and_make_different_versions_are_allowed(
    first: str, second: str
) -> None:
    fleet, source = fleet_of(entry(name="one", model=first), entry(name="two", model=second))
    assert size(fleet, {}, source).problems == ()
    assert [version.key for version in planned_models(fleet)[0].versions] == ["ml.own.new@a", "ml.own.new@b"]


@pytest.mark.parametrize(
    ("source", "metadata"), [("runs:/1/model", "{x: y}"), ("models:/ml.own.x/3", "{x: y}"), ("./checkpoint", "{}")]
)
@pytest.mark.parametrize(
    ("alias", "follow"), [("alias: a, ", "`version: {alias: a}`"), ("", "`model: ml.own.new` and one alias")]
)
def test_one_version_made_twice_is_refused_with_the_alias_to_follow(
    sized: Size, source: str, metadata: str, alias: str, follow: str
) -> None:
    first = register(f"{alias}tags: {{a: b}}", source=source)
    second = register(f"alias: other, metadata: {metadata}", source=source)
    problem = only_problem(sized(entry(name="one", model=first) + entry(name="two", model=second)), "register-conflict")
    assert problem.finding == "models/one registers the same version of ml.own.new" and follow in problem.next_step


def test_follower_is_no_second_maker_even_when_it_comes_first_and_has_another_task() -> None:
    following = "model: ml.own.new, version: {alias: champion}"
    fleet, source = fleet_of(
        entry(name="follower", task="llm/v1/completions", model=following),
        entry(name="maker", model=register("alias: champion, grants: [{principal: apps, privileges: [EXECUTE]}]")),
    )
    whole = pinned(fleet, {})
    assert size(whole, {}, source).problems == ()
    (model,) = planned_models(whole)
    assert [(version.key, version.task) for version in model.versions] == [("ml.own.new@champion", "llm/v1/chat")]
    assert model.grants is not None and model.grants[0].principal == "apps"


def write_embedding_model(folder: Path, model_type: str | None) -> None:
    """An MLmodel of an embedding model; what else MLflow writes does not matter for its type."""
    metadata = {"task": "llm/v1/embeddings", **({"model_type": model_type} if model_type else {})}
    folder.mkdir()
    (folder / "MLmodel").write_text(json.dumps({"flavors": {"transformers": {}}, "metadata": metadata}))


@pytest.mark.parametrize(
    ("logged_with", "asked", "ids", "place"),
    [
        ("gte-large", "", ["gte-unnormalised"], "register/name"),
        ("gte-large", "metadata: {model_type: GTE-large}", ["gte-unnormalised"], "register/name"),
        ("bge-large", "", [], ""),
        (
            "gte-large",
            "metadata: {model_type: bge-large}",
            ["S23-model-type", "gte-unnormalised"],
            "metadata/model_type",
        ),
        ("bge-large", "metadata: {model_type: gte-large}", ["S23-model-type"], "register/metadata/model_type"),
        (None, "", ["S23-model-type"], "register"),
        (None, "metadata: {model_type: gte-large}", ["S23-model-type"], "register"),
    ],
)
@pytest.mark.parametrize("is_split", [False, True])
def test_s23_model_type_is_that_of_the_mlmodel_file(
    tmp_path: Path, logged_with: str | None, asked: str, ids: list[str], place: str, is_split: bool
) -> None:
    write_embedding_model(tmp_path / "logged", logged_with)
    registering = register(asked, source="logged")
    text = entry(name="one", task="llm/v1/embeddings", model=registering)
    if is_split:
        entity = f"{{{registering}, throughput: {{bands: {{min: 1, max: 1}}}}}}"
        text = f"  - {{name: one, task: llm/v1/embeddings, entities: [{entity}]}}\n"
    fleet, file = fleet_of(text)
    problems = size(with_logged_types(fleet, tmp_path), {}, file).problems
    assert sorted(problem.id for problem in problems) == sorted(ids)
    assert all(problem.path.endswith(place) for problem in problems if problem.id == ids[0])


def test_fleet_without_mlflow_folders_is_left_as_it_is(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "checkpoint")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "MLmodel").write_text("[")
    sources = ("checkpoint", "odd", "nowhere", "runs:/1/m")
    for source in sources:
        fleet, _ = fleet_of(entry(name="one", model=register(source=source)))
        assert with_logged_types(fleet, tmp_path) == fleet
    fleet, _ = fleet_of(entry(name="one"))
    assert with_logged_types(fleet, tmp_path) is fleet
