"""What is asked of an engine depends on what it can do: lengths, fields that it lacks, limits of its own."""

from typing import Any

import pytest

from bandplan.stub.api.queries.sampling import generations, prompt_tokens_of, read_sampling
from bandplan.stub.api.queries.target import Target
from bandplan.stub.inference.engine import Generation, Message
from bandplan.stub.state.refusals import BadRequest, Invalid
from tests.stub.engines.fake_engine import FakeEngine

HELLO = (Message("user", "Hello"),)


def asked(engine: FakeEngine, body: dict[str, Any], prompt_tokens: int = 10, **target: Any) -> Generation:
    return generations(Target("m", engine, {}, **target), HELLO, read_sampling(body), prompt_tokens)[0]


def test_endpoints_rule_for_lengths_has_no_effect_where_the_engine_cannot_go_on() -> None:
    forced = asked(FakeEngine(lacks=frozenset()), {"max_tokens": 9}, output_tokens="fixed")
    assert forced.ignore_eos
    assert not asked(FakeEngine(lacks=frozenset({"ignore_eos"})), {"max_tokens": 9}, output_tokens="fixed").ignore_eos


def test_smaller_context_of_model_and_engine_is_the_limit() -> None:
    engine = FakeEngine(is_count_exact=True, context_tokens=100)
    assert asked(engine, {}, 30, context_tokens=1000).max_tokens == 70  # 100 - 30
    assert asked(engine, {}, 30, context_tokens=50).max_tokens == 20  # 50 - 30
    with pytest.raises(BadRequest, match=r"\(101\) cannot exceed 100"):
        asked(engine, {}, 101)


def test_prompt_that_is_only_estimated_is_left_to_the_engine_to_refuse() -> None:
    estimating = FakeEngine(is_count_exact=False, context_tokens=100)
    assert asked(estimating, {"max_tokens": 60}, 90).max_tokens == 60


def test_estimate_shortens_no_answer() -> None:
    estimating = FakeEngine(is_count_exact=False, context_tokens=100)
    # 101 tokens may be 60 for the engine, which ends the answer at its own context.
    assert [asked(estimating, {}, estimate).max_tokens for estimate in (10, 99, 101)] == [100, 100, 100]
    assert asked(estimating, {}, 10, most_output_tokens=40).max_tokens == 40


def test_limit_of_the_request_is_told_apart_from_a_default() -> None:
    assert not asked(FakeEngine(), {"max_tokens": 5}).has_default_limit
    assert asked(FakeEngine(), {}).has_default_limit


def test_fields_that_mean_nothing_here_reach_an_engine_that_passes_them_on() -> None:
    body = {"top_k": 5, "colour": "red", "temperature": 1, "user": None}
    assert asked(FakeEngine(), body).extra == {"top_k": 5, "colour": "red"}
    assert asked(FakeEngine(passes_further=False), body).extra == {}


def test_log_probabilities_that_an_engine_lacks_are_refused_however_they_are_asked_for() -> None:
    engine = FakeEngine(lacks=frozenset({"logprobs"}))
    sampling = read_sampling({})
    with pytest.raises(Invalid, match="logprobs: not supported by the fake engine"):
        generations(Target("m", engine, {}), HELLO, type(sampling)(top_logprobs=0), 10)


@pytest.mark.parametrize(
    ("reported", "counted", "total"),
    [
        ([None], [7], 7),
        ([11], [7], 11),
        ([11, 11, None, None], [7, 9], 20),  # two choices each: 11 for the first prompt, 9 counted for the second
    ],
)
def test_prompts_are_counted_once_each_by_the_engine_or_else_here(
    reported: list[int | None], counted: list[int], total: int
) -> None:
    assert prompt_tokens_of(reported, counted) == total
