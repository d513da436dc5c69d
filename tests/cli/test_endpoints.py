from typing import Any

from bandplan.cli.endpoints import Row, capacity, lines, rows


def output(**changed: Any) -> dict[str, Any]:
    model = {"model": "system.ai.llama_v3_3_70b_instruct", "version": "1", "traffic_percent": 100}
    valid = {
        "name": "support-chat",
        "task": "llm/v1/chat",
        "family": "bands",
        "models": [model],
        "floor_tokens_per_second": 1960,
        "ceiling_tokens_per_second": 2940,
        "model_units": None,
        "url": "http://127.0.0.1:1/serving-endpoints/support-chat/invocations",
    }
    return {**valid, **changed}


def shown(endpoints: list[Row], states: dict[str, str], width: int | None = None) -> list[str]:
    return ["".join(line) for line in lines(endpoints, states, width=width)]


def test_narrow_terminal_says_once_how_urls_are_formed_and_shortens_names_in_the_middle() -> None:
    found = [output(), output(name="code", url="http://127.0.0.1:1/serving-endpoints/code/invocations")]
    assert shown(rows(found), {"support-chat": "READY", "code": "GONE"}, width=80) == [
        "ENDPOINT      MODEL                           TASK         TOKENS/S (IN +  STATE",
        "                                                           OUT)",
        "support-chat  system.ai.llama…0b_instruct v1  llm/v1/chat  1,960 to 2,940  READY",
        "code          system.ai.llama…0b_instruct v1  llm/v1/chat  1,960 to 2,940  GONE",
        "URL: http://127.0.0.1:1/serving-endpoints/ENDPOINT/invocations",
    ]


def test_band_is_shown_from_floor_to_ceiling() -> None:
    assert capacity(output()) == "1,960 to 2,940"


def test_numbers_that_came_through_pulumi_as_floats_are_shown_whole() -> None:
    assert capacity(output(floor_tokens_per_second=0.0, ceiling_tokens_per_second=980.0)) == "0 to 980"


def test_model_units_are_shown_instead_of_a_band() -> None:
    assert (
        capacity(output(model_units=50, floor_tokens_per_second=None, ceiling_tokens_per_second=None))
        == "50 model units"
    )


def test_endpoint_without_figures_shows_its_family() -> None:
    assert (
        capacity(output(family="workload", floor_tokens_per_second=None, ceiling_tokens_per_second=None)) == "workload"
    )


def test_table_has_a_line_for_each_model_with_its_share() -> None:
    models = [
        {"model": "m.a.x", "version": "2", "traffic_percent": 90},
        {"model": "m.a.y", "version": None, "traffic_percent": 10},
    ]
    assert shown(rows([output(models=models, url=None)]), {"support-chat": "READY"}) == [
        "ENDPOINT      MODEL           TASK         TOKENS/S (IN + OUT)  STATE  URL",
        "support-chat  m.a.x v2 (90%)  llm/v1/chat  1,960 to 2,940       READY",
        "              m.a.y (10%)",
    ]


def test_endpoint_of_which_no_state_is_known_says_so() -> None:
    assert " UNKNOWN  http://" in shown(rows([output()]), {})[1]


def test_s18_capacity_that_runs_short_says_what_runs_and_what_will_do() -> None:
    short = {"servedName": "llama-1", "unit": "tokens/s", "wanted": 3920.0, "accepted": 980.0, "runs": 1960.0}
    wanted = output(ceiling_tokens_per_second=3920, accepted_ceiling_tokens_per_second=980, shortfall=[short])
    assert rows([wanted])[0].capacity == "1,960 to 3,920, runs 1,960 (accepts 980)"
    assert rows([{**wanted, "shortfall": []}])[0].capacity == "1,960 to 3,920"


def test_s18_model_units_that_run_short_are_told_too() -> None:
    short = {"servedName": "a", "unit": "model units", "wanted": 100, "accepted": 50, "runs": 50}
    wanted = output(model_units=100, accepted_model_units=50, shortfall=[short])
    assert rows([wanted])[0].capacity == "100 model units, runs 50 (accepts 50)"
