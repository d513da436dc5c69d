import pytest

from bandplan.serving.spec.loading import load_text
from bandplan.serving.spec.schema import schema_problems
from bandplan.serving.spec.show import to_yaml
from bandplan.serving.spec.throughput import BandThroughput, ModelUnitThroughput
from bandplan.serving.spec.workload import Workload

from .conftest import ENTRY, Load, OnlyProblem


def override(text: str) -> str:
    return f"overrides:\n  dev:\n    support-chat: {text}\n"


def test_override_is_merged_deeply_into_its_stack_and_no_other(load: Load) -> None:
    after = override("{throughput: {bands: {max: 9}}, tags: {env: dev}}")
    entries = ENTRY + "    tags: {team: a}\n"
    dev, prod = load(entries, after=after, stack="dev").fleet, load(entries, after=after, stack="prod").fleet
    assert dev is not None and prod is not None
    (of_dev,), (of_prod,) = dev.models, prod.models
    assert isinstance(of_dev.throughput, BandThroughput) and isinstance(of_prod.throughput, BandThroughput)
    assert (of_dev.throughput.bands.min, of_dev.throughput.bands.max) == (2, 9)
    assert of_dev.tags == {"team": "a", "env": "dev"}
    assert (of_prod.throughput.bands.max, of_prod.tags) == (3, {"team": "a"})


def test_override_with_throughput_of_another_kind_replaces_it_whole(load: Load) -> None:
    fleet = load(after=override("{throughput: {model_units: 50}}"), stack="dev").fleet
    assert fleet is not None and fleet.models[0].throughput == ModelUnitThroughput(model_units=50)


def throughput_with(base: str, over: str) -> object:
    """What the stack has; the schema takes whatever loads."""
    text = "version: 1\nmodels:\n" + ENTRY.replace("{bands: {min: 2, max: 3}}", base)
    assert base in text
    loaded = load_text(text + override(f"{{throughput: {over}}}"), "models.yaml", "dev")
    assert loaded.fleet is not None, loaded.problems
    assert schema_problems(loaded.data, loaded.source) == ()
    return loaded.fleet.models[0].throughput


BANDS, UNITS = "{bands: {min: 2, max: 3}}", "{model_units: 100, burst: false}"
WANTED = "{bands: {min: 2, want: 4, accept: 3}}"


@pytest.mark.parametrize(
    ("base", "over", "expected"),
    [
        (BANDS, "{bands: null, model_units: 50}", {"model_units": 50}),
        (UNITS, "{model_units: null, bands: {min: 1, max: 2}}", {"bands": {"min": 1, "max": 2}}),
        (UNITS, "{model_units: null, burst: null, bands: {min: 1, max: 2}}", {"bands": {"min": 1, "max": 2}}),
        (BANDS, "{burst: null, bands: {max: 4}}", {"bands": {"min": 2, "max": 4}}),
        (BANDS, "{bands: {want: 4, accept: 3}}", {"bands": {"min": 2, "want": 4, "accept": 3}}),
        (BANDS, "{bands: {max: null, want: 4, accept: 3}}", {"bands": {"min": 2, "want": 4, "accept": 3}}),
        (WANTED, "{bands: {max: 5}}", {"bands": {"min": 2, "max": 5}}),
        (WANTED, "{bands: {want: null, accept: null, max: 5}}", {"bands": {"min": 2, "max": 5}}),
        (WANTED, "{bands: {want: 6}}", {"bands": {"min": 2, "want": 6, "accept": 3}}),
    ],
)
def test_another_form_of_throughput_replaces_the_entrys_with_and_without_null_for_its_keys(
    base: str, over: str, expected: dict[str, object]
) -> None:
    found = throughput_with(base, over)
    assert isinstance(found, (BandThroughput, ModelUnitThroughput))
    assert found.model_dump(exclude_none=True) == expected


def test_override_with_a_workload_replaces_the_throughput(load: Load) -> None:
    fleet = load(after=override("{workload: {size: Small, parameters_billion: 7}}"), stack="dev").fleet
    assert fleet is not None and isinstance(fleet.models[0].entities[0].throughput, Workload)


def test_override_with_entities_replaces_the_one_model_and_the_other_way_round(load: Load) -> None:
    many = '{entities: [{model: a.b.c, version: "4", throughput: {bands: {min: 1, max: 1}}}]}'
    fleet = load(after=override(many), stack="dev").fleet
    assert fleet is not None and [entity.model for entity in fleet.models[0].entities] == ["a.b.c"]


def test_override_with_a_registration_replaces_model_and_version(load: Load) -> None:
    fleet = load(after=override("{register: {name: a.b.c, source: runs:/1/m}}"), stack="dev").fleet
    assert fleet is not None and fleet.models[0].entities[0].model == "a.b.c"


def test_null_in_an_override_removes_the_key(load: Load) -> None:
    fleet = load(ENTRY + "    description: x\n", after=override("{description: null}"), stack="dev").fleet
    assert fleet is not None and fleet.models[0].description is None


def test_null_is_no_value_where_the_entry_has_no_mapping(load: Load) -> None:
    demand = "    demand: {requests_per_second: 1, input_tokens: 10, output_tokens: 10}\n"
    entry = ENTRY.replace("{bands: {min: 2, max: 3}}", "auto") + demand
    fleet = load(entry, after=override("{throughput: {bands: {min: 1, max: 2, want: null}}}"), stack="dev").fleet
    assert fleet is not None and isinstance(fleet.models[0].throughput, BandThroughput)
    assert fleet.models[0].throughput.model_dump(exclude_none=True) == {"bands": {"min": 1, "max": 2}}


def test_list_in_an_override_is_replaced_whole(load: Load) -> None:
    entries = (
        ENTRY
        + "    permissions: [{group_name: a, permission_level: CAN_VIEW}, {group_name: b, permission_level: CAN_VIEW}]\n"
    )
    fleet = load(
        entries, after=override("{permissions: [{group_name: c, permission_level: CAN_MANAGE}]}"), stack="dev"
    ).fleet
    assert fleet is not None and [one.group_name for one in fleet.models[0].permissions] == ["c"]


@pytest.mark.parametrize("stack", ["dev", "prod", None])
def test_wrong_override_is_reported_for_every_stack_at_its_own_place(
    load: Load, only_problem: OnlyProblem, stack: str | None
) -> None:
    loaded = load(after=override("{throughput: {bands: {max: 1}}}"), stack=stack)
    problem = only_problem(loaded, "S8-order", (10, 46))
    assert problem.path == "overrides/dev/support-chat/throughput/bands/max"


@pytest.mark.parametrize(
    ("written", "id", "path", "step"),
    [
        ("task: null", "S21-task", "/task", "remove `task: null`"),
        ("throughput: null", "one-of", "", "remove `throughput: null`"),
        ("model: null", "one-of", "", "remove `model: null`"),
        ("version: null", "S4-version", "/model", "remove `version: null`"),
        ("throughput: {bands: null}", "missing-key", "/throughput", "remove `bands: null`"),
        ("throughput: {bands: {max: null}}", "missing-key", "/throughput/bands/max", "remove `max: null`"),
        ("throughput: {bands: {max: many}}", "type", "/throughput/bands/max", "write `max: 2`"),
        ("throughput: {bands: {min: 7}}", "S8-order", "/throughput/bands/max", "write max: 7, or a smaller min"),
        ("throughputs: {bands: {max: 7}}", "unknown-key", "/throughputs", "did you mean throughput?"),
        ("throughput: auto", "S17-auto-demand", "/throughput", "add `demand: "),
        ("tags: {a: 1}", "type", "/tags/a", 'write it in quotes: "1"'),
    ],
)
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_what_an_override_makes_wrong_names_its_stack_and_is_placed_in_it(
    load: Load, only_problem: OnlyProblem, written: str, id: str, path: str, step: str, stack: str
) -> None:
    text = f"overrides:\n  dev:\n    support-chat:\n      description: x\n      {written}\n"
    problem = only_problem(load(after=text, stack=stack), id)
    assert (problem.path, problem.line) == (f"overrides/dev/support-chat{path}", 12)
    assert problem.next_step.startswith(step)


def test_what_is_wrong_without_the_override_is_said_once_and_not_of_the_override(
    load: Load, only_problem: OnlyProblem
) -> None:
    after = "overrides:\n  dev: {support-chat: {description: x}}\n  prod: {support-chat: {tags: {a: b}}}\n"
    problem = only_problem(load(ENTRY.replace("llm/v1/chat", "chat"), after=after), "S21-task", (4, 11))
    assert problem.path == "models/support-chat/task"


def test_two_stacks_with_one_mistake_are_two_problems(load: Load) -> None:
    after = "overrides:\n  dev: {support-chat: {task: null}}\n  prod: {support-chat: {task: null}}\n"
    assert [problem.path for problem in load(after=after).problems] == [
        "overrides/dev/support-chat/task",
        "overrides/prod/support-chat/task",
    ]


def test_override_of_an_unknown_entry_is_refused_with_a_suggestion(load: Load, only_problem: OnlyProblem) -> None:
    loaded = load(after="overrides: {dev: {suport-chat: {description: x}}}\n", stack="dev")
    assert only_problem(loaded, "unknown-override").next_step == "did you mean support-chat?"


def test_override_cannot_rename(load: Load, only_problem: OnlyProblem) -> None:
    assert "rename" in only_problem(load(after=override("{name: other}"), stack="dev"), "unknown-key").finding


@pytest.mark.parametrize("text", ["overrides: []\n", "overrides: {dev: 3}\n", "overrides: {dev: {support-chat: 3}}\n"])
def test_overrides_that_are_not_mappings_are_refused(load: Load, only_problem: OnlyProblem, text: str) -> None:
    only_problem(load(after=text, stack="dev"), "type")


def test_place_of_a_value_is_where_it_was_written(load: Load) -> None:
    after = override("{throughput: {bands: {max: 9}}}")
    source = load(top="defaults: {tags: {team: a}}\n", after=after, stack="dev").source
    assert source.place("models/support-chat/throughput/bands/max") == (11, 46)  # the override
    assert source.place("models/support-chat/throughput/bands/min") == (8, 31)  # the entry
    assert source.place("models/support-chat/tags/team") == (2, 25)  # the defaults
    assert source.place("models/support-chat/demand/input_tokens") == (4, 5)  # nowhere: the entry itself
    assert source.place(["models", 0, "task"]) == (5, 11)
    assert source.place("models/nobody/task") == (3, 1)


def test_shown_fleet_loads_to_the_same_entries_with_everything_merged_in(load: Load) -> None:
    top = "region: us-east-1\nallow_legacy: true\ndefaults: {tags: {team: a}, timeouts: {create: 2h}}\n"
    entries = ENTRY + "    demand: {requests_per_second: 2, input_tokens: 1, output_tokens: 1}\n"
    entries += "    waivers: [{policy: p, reason: r, owner: o, expires: 2027-01-31}]\n"
    fleet = load(entries, top=top, after=override("{throughput: auto}"), stack="dev").fleet
    assert fleet is not None
    shown = to_yaml(fleet)
    again = load_text(shown, "models.yaml", None)
    assert again.problems == () and again.fleet is not None
    assert again.fleet.models == fleet.models
    assert (again.fleet.region, again.fleet.allow_legacy) == ("us-east-1", True)
    assert "overrides" not in shown and "throughput: auto" in shown and "null" not in shown


def test_null_in_an_override_removes_a_default_too(load: Load) -> None:
    fleet = load(top="defaults: {tags: {team: a}}\n", after=override("{tags: null}"), stack="dev").fleet
    assert fleet is not None and fleet.models[0].tags == {}


def test_null_for_a_key_that_no_entry_has_is_refused(load: Load, only_problem: OnlyProblem) -> None:
    entries = ENTRY + "    demand: {requests_per_second: 1, input_tokens: 1, output_tokens: 1}\n"
    problem = only_problem(load(entries, after=override("{demand: {input_tokns: null}}")), "unknown-key")
    assert problem.next_step == "did you mean input_tokens?"


def test_null_for_a_key_that_the_entry_has_not_is_allowed(load: Load) -> None:
    loaded = load(after=override("{description: null, tags: {a: null}, demand: null}"), stack="dev")
    assert loaded.problems == ()
    assert schema_problems(loaded.data, loaded.source) == ()


def test_entry_stands_by_itself_even_where_defaults_or_an_override_would_complete_it(load: Load) -> None:
    top = "defaults: {ai_gateway: {usage_tracking_config: {enabled: true}}}\n"
    loaded = load(ENTRY + "    ai_gateway: {usage_tracking_config: {}}\n", top=top)
    assert [problem.id for problem in loaded.problems] == ["missing-key"]
    loaded = load(ENTRY.replace(", max: 3", ""), after=override("{throughput: {bands: {max: 3}}}"), stack="dev")
    assert [problem.id for problem in loaded.problems] == ["missing-key"]


def test_entry_written_where_the_stack_should_be_is_one_problem(load: Load, only_problem: OnlyProblem) -> None:
    loaded = load(after="overrides:\n  support-chat: {throughput: {bands: {max: 9}}, tags: {a: b}}\n")
    assert only_problem(loaded, "unknown-override", (9, 3)).next_step == (
        "write the stack first: `dev: {support-chat: ...}`"
    )


def test_name_of_an_override_that_no_endpoint_can_have_is_placed_at_that_name(load: Load) -> None:
    loaded = load(after="overrides:\n  dev: {a/b: {description: x}}\n")
    assert [(one.id, one.line, one.column) for one in loaded.problems] == [("value", 9, 9), ("unknown-override", 9, 9)]
