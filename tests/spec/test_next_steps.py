"""What a message says to write is right when it is written: wrong text, message, text again without a problem."""

import pytest

from bandplan.serving.spec.loading import load_text

from .conftest import ENTRY, Load, OnlyProblem

EVERY_KIND = """\
version: 1
allow_legacy: true
models:
  - name: support-chat
    task: llm/v1/chat
    model: ml.chat.tuned
    version: "7"
    route_optimized: true
    throughput: {tokens_per_second: {min: 980, max: 1960}}
    demand: {requests_per_second: 2, input_tokens: 2048, output_tokens: 256}
    headroom_percent: 20
    timeouts: {create: 2h}
    rollout: {steps: [15, 100], hold_minutes: 30, stop_if: {error_rate: 0.02, ttft_seconds: 2.5}}
    waivers: [{policy: floor-zero, reason: a demo, owner: ana@example.com, expires: 2027-01-31}]
  - name: split
    task: llm/v1/completions
    entities:
      - {model: ml.chat.one, version: "1", traffic_percent: 90, throughput: {model_units: 51}}
      - {model: ml.chat.two, version: "1", traffic_percent: 10, throughput: {model_units: 50}}
  - name: old
    task: llm/v1/completions
    model: ml.chat.mpt
    version: "1"
    workload: {size: Small, parameters_billion: 7}
"""
BAND = "throughput: {tokens_per_second: {min: 980, max: 1960}}"


@pytest.mark.parametrize(
    ("right", "wrong", "meant"),
    [
        ("max: 1960", "max: 1_960", "max: 1960"),
        ("max: 1960", "max: '1,960'", "max: 1960"),
        ("max: 1960", "max: 1.96e3", "max: 1960"),
        ("max: 1960", "max: 01960", "max: 1960"),
        ("max: 1960", "max: 1.96k", "max: 1960"),
        ("max: 1960", "max: 2K", "max: 2000"),
        ("max: 1960", 'max: "1960"', "max: 1960"),
        ("max: 1960", "max: 0x7A8", "max: 1960"),
        ("max: 1960", "max: 1960.5", "max: 1960"),
        ("min: 980", "min: -0.5", "min: 0"),
        ("min: 980", "min: 980.0", "min: 980"),
        ("model_units: 51", "model_units: 50.5", "model_units: 51"),
        ("model_units: 51", "model_units: 0.5", "model_units: 1"),
        ("requests_per_second: 2", "requests_per_second: '0,5'", "requests_per_second: 0.5"),
        ("requests_per_second: 2", "requests_per_second: '2'", "requests_per_second: 2"),
        ("requests_per_second: 2", "requests_per_minute: 90", "requests_per_second: 1.5"),
        ("requests_per_second: 2", "requests_per_hour: 1800", "requests_per_second: 0.5"),
        ("input_tokens: 2048", "input_tokens: 2k", "input_tokens: 2000"),
        ("parameters_billion: 7", "parameters_billion: 7B", "parameters_billion: 7"),
        ("headroom_percent: 20", "headroom_percent: 30%", "headroom_percent: 30"),
        ("headroom_percent: 20", "headroom_percent: 0.3", "headroom_percent: 30"),
        ("traffic_percent: 90", "traffic_percent: 0.9", "traffic_percent: 90"),
        ("traffic_percent: 90", "traffic_percent: 90%", "traffic_percent: 90"),
        ("hold_minutes: 30", "hold_minutes: 45m", "hold_minutes: 45"),
        ("15", "15%", "15"),
        ("error_rate: 0.02", "error_rate: 3%", "error_rate: 0.03"),
        ("ttft_seconds: 2.5", "ttft_seconds: 500ms", "ttft_seconds: 0.5"),
        ("route_optimized: true", "route_optimized: yes", "route_optimized: true"),
        ("route_optimized: true", "route_optimized: Off", "route_optimized: false"),
        ("route_optimized: true", "route_optimized: 1", "route_optimized: true"),
        ("create: 2h", "create: 90min", 'create: "1h30m"'),
        ("create: 2h", "create: 2 hours", 'create: "2h"'),
        ("create: 2h", "create: 1.5h", 'create: "1h30m"'),
        ("create: 2h", "create: 30", "create: 30m"),
        ("2027-01-31", "2027-1-31", "2027-01-31"),
        ("2027-01-31", "2027-01-31T00:00:00Z", "2027-01-31"),
        ("model: ml.chat.tuned", "model: chat.tuned", "model: ml.chat.tuned"),
        ("model: ml.chat.tuned", "model: ai.llama", "model: system.ai.llama"),
        ("model: ml.chat.tuned", "model: ml/chat/tuned", "model: ml.chat.tuned"),
        ("model: ml.chat.tuned", "model: gte_large_en_v1_5", "model: system.ai.gte_large_en_v1_5"),
        ("model: ml.chat.tuned", "model: meta-llama/Llama-3.3-70B", "model: system.ai.llama_v3_3_70b_instruct"),
        ("model: ml.chat.tuned", "model: 'ml.chat.tuned '", "model: ml.chat.tuned"),
        ("model: ml.chat.tuned", "model: models:/ml.chat.tuned/3", "model: ml.chat.tuned"),
        ('version: "7"', "version: v3", 'version: "3"'),
        ('version: "7"', "version: “12”", 'version: "12"'),
        ('version: "7"', "version: '12.0'", 'version: "12"'),
        ('version: "7"', 'version: "@champion"', "version: {alias: champion}"),
        ('version: "7"', "version: champion", "version: {alias: champion}"),
        ('version: "7"', "version: latest", 'version: "1"'),
        (BAND, "throughput: Auto", "throughput: auto"),
        (BAND, "throughput: {max: 3, min: 2}", "throughput: {bands: {max: 3, min: 2}}"),
    ],
)
def test_next_step_is_what_was_meant_and_is_right_when_pasted_in(right: str, wrong: str, meant: str) -> None:
    assert EVERY_KIND.count(right) == 1
    (problem,) = load_text(EVERY_KIND.replace(right, wrong), "models.yaml", None).problems
    assert meant in problem.next_step, problem.render()
    assert load_text(EVERY_KIND.replace(right, meant), "models.yaml", None).problems == ()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mine", "ml.search.mine"),
        ("chat.mine", "ml.chat.mine"),
        ("chat/mine", "ml.chat.mine"),
        ("ml/chat/mine", "ml.chat.mine"),
        ("ml.chat.my model", "ml.chat.my_model"),
        ("ml.chat.mine.v1.5", "ml.chat.mine_v1_5"),
        ("models:/ml.chat.mine/3", "ml.chat.mine"),
        ("models:/ml.chat.mine@champion", "ml.chat.mine"),
        ("ml..mine", "ml.search.gte_finetuned"),
        ("x" * 400, f"ml.search.{'x' * 255}"),
    ],
)
@pytest.mark.parametrize("key", ["name", "owner: me, name"])
def test_name_to_register_is_suggested_with_three_levels(name: str, meant: str, key: str) -> None:
    registered = f"register: {{{key}: '{name}', source: runs:/1/m}}"
    text = EVERY_KIND.replace('model: ml.chat.mpt\n    version: "1"', registered)
    problem = next(one for one in load_text(text, "models.yaml", None).problems if one.id == "S2-name")
    assert problem.next_step.endswith(f"`name: {meant}`"), problem.render()
    mended = load_text(text.replace(f"'{name}'", meant), "models.yaml", None)
    assert all(one.id != "S2-name" for one in mended.problems)


@pytest.mark.parametrize(
    ("wrong", "unsaid"),
    [
        ("max: 1e99", "1960"),  # out of range: no number is near
        ("max: -3", "-3"),
        ("max: 0", "max: 0"),
        ("max: many", "many"),
        ("max: 5m", "max: 5`"),  # minutes? millions? not guessed
    ],
)
def test_no_number_is_guessed_that_was_not_written(wrong: str, unsaid: str) -> None:
    (problem, *_) = load_text(EVERY_KIND.replace("max: 1960", wrong), "m", None).problems
    assert unsaid not in problem.next_step


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [("Model: ", "model"), ("entity_name: ", "model"), ("model_name: ", "model"), ("modle: ", "model")],
)
def test_mistyped_key_is_one_problem_and_its_follow_ups_are_not_said(
    load: Load, only_problem: OnlyProblem, mistyped: str, meant: str
) -> None:
    problem = only_problem(load(ENTRY.replace("model: ", mistyped)), "unknown-key", (5, 5))
    assert problem.next_step == f"did you mean {meant}?"


def test_mistyped_required_keys_of_inner_mappings_are_one_problem_each(load: Load) -> None:
    loaded = load(ENTRY + "    permissions: [{group: a, level: CAN_QUERY}]\n    demand: {input_token: 1}\n")
    assert [(one.id, one.path.rsplit("/", 1)[1], one.next_step) for one in loaded.problems] == [
        ("unknown-key", "group", "did you mean group_name?"),
        ("unknown-key", "level", "did you mean permission_level?"),
        ("one-of", "demand", "add requests_per_second"),
        ("missing-key", "output_tokens", "add `output_tokens: 256`"),
        ("unknown-key", "input_token", "did you mean input_tokens?"),
    ]


@pytest.mark.parametrize("key", ["min_provisioned_throughput: 980", "provisioned_model_units: 50"])
def test_words_of_the_api_are_answered_with_the_line_to_write(load: Load, only_problem: OnlyProblem, key: str) -> None:
    loaded = load(ENTRY.replace("throughput: {bands: {min: 2, max: 3}}", key))
    assert only_problem(loaded, "unknown-key", (7, 5)).next_step in (
        "write `throughput: {tokens_per_second: {min: 980, max: 1960}}` with your numbers",
        "write `throughput: {model_units: 50}` with your numbers",
    )


def test_key_of_another_kind_of_throughput_is_not_suggested_again_and_leaves_no_entry_half_read(
    load: Load, only_problem: OnlyProblem
) -> None:
    loaded = load(ENTRY.replace("max: 3}", "max: 3}, burst: true"))
    assert only_problem(loaded, "unknown-key").next_step == "remove it; it does not go with the keys beside it"
    assert loaded.checkable is not None and loaded.checkable.models == ()


def test_removing_a_line_is_not_advised_where_the_key_is_needed(load: Load) -> None:
    for needed in ("name", "task", "version", "model", "throughput"):
        lines = [f"{line.split(':')[0]}:" if f"{needed}:" in line else line for line in ENTRY.splitlines()]
        (problem,) = load("\n".join(lines) + "\n").problems
        assert "remove" not in problem.next_step, problem.render()
    (optional,) = load(ENTRY + "    description:\n").problems
    assert optional.next_step.endswith("or remove the line")


def test_models_that_are_no_list_are_never_answered_with_an_empty_fleet() -> None:
    for text in ("version: 1\n", "version: 1\nmodels:\n", "version: 1\nmodels: {chat: {}}\n"):
        (problem,) = load_text(text, "models.yaml", None).problems
        assert "name: " in problem.next_step and "[]" not in problem.next_step


WHOLE = 'model: a.b.c, version: "1", throughput: {bands: {min: 1, max: 2}}'
DEMAND = "demand: {requests_per_second: 1, input_tokens: 1, output_tokens: 1}"


@pytest.mark.parametrize(
    ("keys", "is_sized"),
    [
        (WHOLE, True),
        (f"entities: [{{{WHOLE}}}]", True),
        ("model: a.b.c, version: {alias: a}, throughput: {bands: {min: 1, max: 2}}", True),
        (f'model: a.b.c, version: "1", throughput: auto, {DEMAND}', True),
        (f'entities: [{{model: a.b.c, version: "1", throughput: auto}}], {DEMAND}', True),
        (f"{WHOLE}, tgs: {{a: b}}", True),
        ('model: a.b.c, version: "1"', False),
        ("model: a.b.c, throughput: {bands: {min: 1, max: 2}}", False),
        ('version: "1", throughput: {bands: {min: 1, max: 2}}', False),
        ('modle: a.b.c, version: "1", throughput: {bands: {min: 1, max: 2}}', False),
        ('model: a.b.c, version: "1", throughput: auto', False),
        ('entities: [{model: a.b.c, version: "1", throughput: auto}]', False),
        (f"{WHOLE}, entities: [{{{WHOLE}}}]", False),
        (f"{WHOLE}, workload: {{size: Small, parameters_billion: 7}}", False),
        ('entities: [{model: a.b.c, version: "1"}]', False),
        ("entities: [{model: a.b.c, throughput: {bands: {min: 1, max: 2}}}]", False),
        ("entities: [a]", False),
    ],
)
def test_entry_is_sized_besides_its_problems_only_when_it_names_its_models_and_capacity(
    load: Load, keys: str, is_sized: bool
) -> None:
    checkable = load(f"  - {{name: a, task: llm/v1/chat, {keys}}}\n").checkable
    assert checkable is not None
    assert [len(entry.entities) for entry in checkable.models] == ([1] if is_sized else [])
