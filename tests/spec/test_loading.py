from pathlib import Path

import pytest

from bandplan.serving.spec.loading import MAX_BYTES, load, load_text

from .conftest import ENTRY, Load, OnlyProblem, rendered


def test_valid_file_loads(load: Load) -> None:
    loaded = load()
    assert loaded.problems == ()
    assert loaded.fleet is not None and [entry.name for entry in loaded.fleet.models] == ["support-chat"]


def test_file_that_is_not_there_is_a_problem_not_an_exception(tmp_path: Path) -> None:
    loaded = load(tmp_path / "models.yaml", None)
    assert loaded.fleet is None
    assert [problem.id for problem in loaded.problems] == ["file"]
    assert "No such file" in loaded.problems[0].finding


def test_folder_in_place_of_the_file_is_a_problem(tmp_path: Path) -> None:
    assert [problem.id for problem in load(tmp_path, None).problems] == ["file"]


def test_text_that_is_not_utf_8_is_placed_at_its_first_wrong_byte(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_bytes(b"version: 1\nmodels: [] # caf\xe9\n")
    (problem,) = load(path, None).problems
    assert (problem.id, problem.line, problem.column) == ("file", 2, 17)
    assert "0xe9" in problem.finding


def test_utf_16_is_refused_and_a_utf_8_mark_is_not(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text("version: 1\nmodels: []\n", encoding="utf-16")
    assert [problem.id for problem in load(path, None).problems] == ["file"]
    path.write_text("version: 1\nmodels: []\n", encoding="utf-8-sig")
    assert load(path, None).problems == ()


def test_file_of_5_mb_is_refused_and_one_byte_less_is_read(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    start = b"version: 1\nmodels: []\n#"
    path.write_bytes(start + b"x" * (MAX_BYTES - len(start)))
    (problem,) = load(path, None).problems
    assert problem.id == "file" and "5 MB" in problem.finding
    path.write_bytes(start + b"x" * (MAX_BYTES - len(start) - 1))
    assert load(path, None).problems == ()


@pytest.mark.parametrize("text", ["- 1\n", "just text\n", "3\n"])
def test_file_that_is_not_a_mapping_is_refused(text: str) -> None:
    assert [problem.id for problem in load_text(text, "models.yaml", None).problems] == ["type"]


def test_problem_is_rendered_as_place_severity_id_path_finding_rule_and_next_step() -> None:
    loaded = load_text(f"version: 1\nmodels:\n{ENTRY.replace('max: 3', 'max: 1')}", "models.yaml", None)
    assert rendered(loaded.problems) == (
        "models.yaml:7:39: error S8-order models/support-chat/throughput/bands/max: max 1 is less than min 2; "
        "max is at least min, and more than 0; write max: 2, or a smaller min"
    )


def test_every_problem_of_the_file_comes_in_one_go_in_the_order_of_the_file() -> None:
    text = """\
version: 2
defaults: {tag: {team: a}}
models:
  - name: support chat
    taks: llm/v1/chat
    model: system.llama
    version: latest
    throughput: {band: {min: 2, max: 3}}
  - name: pt
    task: llm/v1/caht
    model: a.b.c
    version: "1"
    version: "2"
    throughput: {bands: {min: 3, max: 2}, model_units: 3}
  - 7
overrides:
  dev: {suport: {headroom_percent: 5}, pt: {headroom_percent: -5}}
"""
    loaded = load_text(text, "models.yaml", "dev")
    assert [(problem.line, problem.id) for problem in loaded.problems] == [
        (1, "value"),
        (2, "unknown-key"),
        (4, "endpoint-name"),
        (5, "unknown-key"),  # `taks`; that `task` is missing is not said besides
        (6, "S2-name"),
        (7, "S4-version"),
        (8, "unknown-key"),
        (9, "endpoint-name"),
        (10, "S21-task"),
        (13, "duplicate-key"),
        (14, "S1-both"),
        (14, "S8-order"),
        (15, "type"),
        (17, "unknown-override"),
        (17, "value"),
    ]


def test_entry_that_is_wrong_aside_from_its_capacity_is_still_checkable(load: Load) -> None:
    loaded = load(ENTRY + "    tags: {a: 1}\n    colour: red\n")
    assert sorted(problem.id for problem in loaded.problems) == ["type", "unknown-key"]
    assert loaded.fleet is None and loaded.checkable is not None
    assert [entry.name for entry in loaded.checkable.models] == ["support-chat"]


@pytest.mark.parametrize(
    ("old", "new"), [("min: 2", "min: -2"), ('version: "1"', "version: latest"), ("throughput", "thruput")]
)
def test_entry_whose_capacity_is_unclear_is_not_checkable(load: Load, old: str, new: str) -> None:
    loaded = load(ENTRY.replace(old, new))
    assert loaded.checkable is not None and loaded.checkable.models == ()


def test_wrong_defaults_are_reported_once_and_not_for_every_entry(load: Load, only_problem: OnlyProblem) -> None:
    entries = ENTRY + ENTRY.replace("support-chat", "other")
    loaded = load(entries, top="defaults: {tags: {team: 3}}\n")
    assert "quotes" in only_problem(loaded, "type", (2, 25)).next_step


def test_wrong_permission_in_the_defaults_is_reported_even_without_entries() -> None:
    text = "version: 1\ndefaults: {permissions: [{permission_level: CAN_QUERY}]}\nmodels: []\n"
    (problem,) = load_text(text, "models.yaml", None).problems
    assert (problem.id, problem.path) == ("one-of", "defaults/permissions/0")


def test_defaults_are_under_every_entry_and_an_entry_wins(load: Load) -> None:
    top = "defaults: {tags: {team: a, env: x}, timeouts: {create: 1h30m}, headroom_percent: 7}\n"
    loaded = load(ENTRY + "    tags: {env: y}\n", top=top)
    assert loaded.fleet is not None
    (entry,) = loaded.fleet.models
    assert entry.tags == {"team": "a", "env": "y"}
    assert entry.headroom_percent == 7
    assert (
        entry.timeouts is not None
        and entry.timeouts.create_seconds == 90 * 60
        and entry.timeouts.update_seconds is None
    )
