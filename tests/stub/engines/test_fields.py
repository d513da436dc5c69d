"""Every field of every form of query, on every kind of engine: honoured, passed on unchanged, or refused by name."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandplan.stub.api.control import description
from bandplan.stub.api.queries import engine_fields, forms
from bandplan.stub.api.queries.engine_fields import NEUTRAL
from bandplan.stub.api.queries.forms import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    LEGACY_PARAMS,
    LEGACY_VECTORS,
    RESPONSES,
    Form,
)
from bandplan.stub.api.queries.sampling import generations, read_sampling
from bandplan.stub.api.queries.target import Target
from bandplan.stub.inference import simulated
from bandplan.stub.inference.engine import Message
from bandplan.stub.inference.openai.features import Features
from bandplan.stub.inference.transformers_engine import engine as transformers_engine
from bandplan.stub.state.refusals import Invalid
from tests.stub.engines.fake_engine import FakeEngine
from tests.unhurried import UNHURRIED

# Fields that are documented somewhere, with a value that asks for something: the OpenAI protocol's chat, completions,
# embeddings and responses (2026-11), vLLM's further ones (0.32), and those of the platform's own reference.
VALUES: Mapping[str, Any] = {
    "add_generation_prompt": False, "add_special_tokens": False, "allowed_token_ids": [5],
    "audio": {"voice": "a", "format": "wav"}, "background": True, "bad_words": ["no"], "best_of": 2,
    "cache_salt": "s", "candidate_count": 2, "chat_template": "{{ messages }}", "chat_template_kwargs": {"a": 1},
    "client_request_id": "c", "context_management": [{"type": "compaction"}], "continue_final_message": True,
    "conversation": "conv_1", "dimensions": 64, "documents": [{"title": "t", "text": "x"}], "echo": True,
    "encoding_format": "base64", "frequency_penalty": 0.5, "function_call": "auto", "functions": [{"name": "f"}],
    "guided_choice": ["a"], "guided_grammar": "root ::= x", "guided_json": {"type": "object"}, "guided_regex": "a+",
    "ignore_eos": True, "include": ["reasoning.encrypted_content"], "include_reasoning": False,
    "include_stop_str_in_output": True, "instruction": "Represent:", "instructions": "Be brief", "kv_transfer_params": {"a": 1},
    "length_penalty": 2.0, "logit_bias": {"5": 1}, "logits_processors": ["x"], "max_completion_tokens": 9,
    "max_output_tokens": 9, "max_tokens": 9, "max_tool_calls": 3, "metadata": {"team": "a"}, "min_p": 0.1, "min_tokens": 2,
    "mm_processor_kwargs": {"a": 1}, "modalities": ["audio"], "n": 2, "parallel_tool_calls": False,
    "prediction": {"type": "content", "content": "x"}, "presence_penalty": 0.5, "previous_response_id": "resp_1",
    "priority": 3, "prompt_cache_key": "k", "prompt_cache_retention": "24h", "prompt_logprobs": 1,
    "reasoning": {"effort": "high"}, "reasoning_effort": "high", "repetition_penalty": 1.2, "request_id": "r",
    "response_format": {"type": "json_object"}, "return_token_ids": True, "return_tokens_as_token_ids": True,
    "safety_identifier": "s", "seed": 5, "service_tier": "priority", "skip_special_tokens": False,
    "spaces_between_special_tokens": False, "stop": ["zzz"], "stop_token_ids": [5], "store": True,
    "structured_outputs": {"choice": ["a"]}, "suffix": "end", "temperature": 0.5, "thinking": {"type": "enabled"},
    "text": {"verbosity": "low"}, "tool_choice": "required", "tools": [{"type": "function", "function": {"name": "f"}}],
    "top_k": 5, "top_p": 0.5, "truncate_prompt_tokens": 4, "truncation": "auto", "typical_p": 0.9,
    "usage_context": {"a": "b"}, "use_beam_search": True, "user": "me", "verbosity": "low", "vllm_xargs": {"a": 1},
    "web_search_options": {}, "no_field_of_anybody": 1,
}  # fmt: skip

SOME_SERVER = Features("m", owner="somebody", lacks=frozenset({"logprobs", "top_logprobs"}))
ENGINES = {
    "simulated": FakeEngine(kind="simulated", lacks=frozenset(), takes=simulated.TAKES, passes_further=False),
    "transformers": FakeEngine(kind="transformers", lacks=transformers_engine.LACKS, passes_further=False),
    "openai": FakeEngine(kind="openai", lacks=SOME_SERVER.all_lacks),
    "vllm": FakeEngine(kind="vllm", lacks=Features("m", owner="vllm").all_lacks),
}
FORMS = (CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES, LEGACY_PARAMS, LEGACY_VECTORS)


def refused(body: dict[str, Any], form: Form, kind: str) -> set[str]:
    """The fields that are refused; the refusal names the engine, and no field twice."""
    try:
        engine_fields.check(body, form, ENGINES[kind])
    except Invalid as error:
        assert f"the {kind} engine" in error.message
        lists = re.findall(r"(?:^|\. )([^:]+): not supported", error.message)
        names = [name for names in lists for name in names.split(", ")]
        assert len(names) == len(set(names))
        return {name.partition("/")[0] for name in names}
    return set()


@settings(UNHURRIED, max_examples=300)
@given(
    form=st.sampled_from(FORMS),
    kind=st.sampled_from(sorted(ENGINES)),
    names=st.lists(st.sampled_from(sorted(VALUES)), max_size=8, unique=True),
)
def test_no_field_is_dropped_without_a_word(form: Form, kind: str, names: list[str]) -> None:
    engine, body = ENGINES[kind], {name: VALUES[name] for name in names}
    told = refused(body, form, kind)
    taken = {name: value for name, value in body.items() if name not in told}
    sampling = read_sampling({**taken, "max_tokens": 9, "max_output_tokens": 9, "stop": None, "min_tokens": 0}, form)
    (made, *_) = generations(Target("m", engine, {}), (Message("user", "Hi"),), sampling, 1)
    for name, value in taken.items():
        if name in form.served or name in forms.WITHOUT_EFFECT | forms.FOR_THE_PLATFORM | engine.takes:
            continue
        assert made.extra.get(name) == value, f"{name} reaches no engine"
    assert all(name in body and body[name] == value for name, value in made.extra.items())
    assert not set(made.extra) & (forms.OF_SOME_FORM | forms.FOR_THE_PLATFORM | set(told))


# What each kind serves of the fields above, by hand; the table of docs/engines.md says the same.
ALL, NONE = "simulated transformers openai vllm", ""
NOT_TRANSFORMERS = "simulated openai vllm"
SERVED: Mapping[str, Mapping[str, str]] = {
    "chat": {
        "ignore_eos min_tokens seed stop n max_completion_tokens user metadata usage_context": ALL,
        "tools tool_choice response_format top_k min_p": NOT_TRANSFORMERS,
        "frequency_penalty presence_penalty logit_bias cache_salt": "openai vllm",
        "stop_token_ids bad_words repetition_penalty": "vllm",
        "echo suffix best_of functions max_output_tokens instructions dimensions": NONE,
    },
    "completions": {
        "seed n max_tokens": ALL,
        "response_format": NOT_TRANSFORMERS,
        "tools tool_choice include text echo suffix": NONE,
    },
    "embeddings": {
        "instruction encoding_format user": ALL,
        "dimensions truncate_prompt_tokens temperature top_k": NONE,
    },
    "responses": {
        "instructions max_output_tokens seed metadata user": ALL,
        "presence_penalty": "openai vllm",
        "tools store background truncation previous_response_id n max_tokens text include conversation": NONE,
    },
    "legacy": {
        "candidate_count max_tokens seed": ALL,
        "logit_bias": "openai vllm",
        "n tools response_format instruction": NONE,
    },
    "legacy embeddings": {"temperature max_tokens encoding_format top_k": NONE},
}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_field_is_served_by_the_engines_that_can(form: Form) -> None:
    expected = {name: set(kinds.split()) for names, kinds in SERVED[form.name].items() for name in names.split()}
    found = {name: {kind for kind in ENGINES if not refused({name: VALUES[name]}, form, kind)} for name in expected}
    assert found == expected


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize("kind", ENGINES)
def test_value_that_asks_for_nothing_is_taken_by_every_engine_in_every_form(form: Form, kind: str) -> None:
    assert refused({name: values[0] for name, values in NEUTRAL.items()}, form, kind) == set()
    assert refused(dict.fromkeys(VALUES), form, kind) == set()


def test_places_inside_of_fields_are_refused_too() -> None:
    call = {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}], "function_call": {"name": "f"}}
    message = {"role": "user", "content": "Hi", "name": "me", "refusal": None, "audio": {"id": "a"}}
    body = {"messages": [message, call], "stream_options": {"include_usage": True, "include_obfuscation": True}}
    with pytest.raises(Invalid) as raised:
        engine_fields.check(body, CHAT, ENGINES["transformers"])
    assert raised.value.message == (
        "messages/1/tool_calls: not supported by the transformers engine; leave it out or use another engine. "
        "messages/0/audio, messages/1/function_call, stream_options/include_obfuscation: not supported in chat requests, "
        "by the transformers engine or another; leave it out."
    )
    with pytest.raises(Invalid, match=r"^text/format: not supported by the transformers engine"):
        engine_fields.check({"text": {"format": {"type": "json_object"}}}, RESPONSES, ENGINES["transformers"])


@pytest.mark.parametrize(
    ("route", "form"),
    [("chat/completions", CHAT), ("completions", COMPLETIONS), ("embeddings", EMBEDDINGS), ("responses", RESPONSES)],
)
def test_description_of_the_api_has_every_field_that_is_served(route: str, form: Form) -> None:
    body = description.load()["requests"][f"POST /serving-endpoints/{route}"]["body"]
    assert form.served <= {name.rstrip("!") for name in body}


def test_values_can_be_written_as_json() -> None:
    assert json.loads(json.dumps(VALUES)) == VALUES
