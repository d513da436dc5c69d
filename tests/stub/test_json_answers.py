"""Answers in JSON: values that fit a schema, functions that are called."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bandplan.stub.api.queries.tools import read_called_tool
from bandplan.stub.inference.engine import Message
from bandplan.stub.inference.sample_json import MAX_VALUES, of_schema
from bandplan.stub.state.refusals import Invalid
from tests.stub.stub_client import StubClient

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 12},
        "age": {"type": "integer", "minimum": 18, "maximum": 99},
        "height": {"type": ["number", "null"], "maximum": 0.5},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "minItems": 2},
        "role": {"enum": ["admin", "user"]},
        "kind": {"const": "person"},
        "active": {"type": "boolean"},
        "pet": {"anyOf": [{"$ref": "#/$defs/pet"}, {"type": "null"}]},
        "home": {"allOf": [{"$ref": "#/$defs/place"}, {"properties": {"zip": {"type": "string"}}}]},
    },
    "required": ["name", "age", "tags", "role", "kind", "active", "pet", "home"],
    "additionalProperties": False,
    "$defs": {
        "pet": {"type": "object", "properties": {"species": {"type": "string"}}, "required": ["species"]},
        "place": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}

NODE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["value"],
        }
    },
}

SCHEMAS = {
    "person": PERSON,
    "holds_itself": NODE,
    "empty": {},
    "properties_without_type": {"properties": {"a": {"type": "string"}}},
    "object_of_anything": {"type": "object"},
    "bounds": {"type": "number", "minimum": 3.5},
    "whole_number_above_a_fraction": {"type": "integer", "minimum": 3.5},
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_value_fits_its_schema_and_is_the_same_every_time(schema: dict[str, Any]) -> None:
    value = of_schema(schema)
    Draft202012Validator(schema).validate(value)
    assert value == of_schema(schema)


def test_empty_schema_gives_an_object() -> None:
    assert isinstance(of_schema({}), dict)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 10**9, "items": {"type": "array", "minItems": 10**9, "items": {}}},
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"properties": {str(n): {"$ref": "#"} for n in range(50)}, "required": [str(n) for n in range(50)]},
        {"properties": {"a": []}, "required": [["a"]], "type": {"odd": 1}},
        {"properties": 1, "enum": [], "anyOf": [], "items": 1, "minLength": -1, "minimum": "x"},
        {"$ref": "#/nowhere"},
        {"allOf": [1, {"properties": 1}]},
    ],
)
def test_schema_that_asks_for_too_much_or_makes_no_sense_ends(schema: Any) -> None:
    assert len(json.dumps(of_schema(schema))) < 1000 * MAX_VALUES


def tool(name: str = "get_weather", **parameters: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def called(text: str = "hello", role: str = "user", **body: Any) -> str | None:
    found = read_called_tool(body, (Message(role, text),))
    return found.name if found else None


def test_function_is_called_when_it_is_demanded_or_asked_for_by_name() -> None:
    two = [tool(), tool("send_mail")]
    assert called(tools=two) is None
    assert called("please send mail now", tools=two) == "send_mail"
    assert called("call get_weather", tools=two) == "get_weather"
    assert called("call get_weather", tools=two, tool_choice="none") is None
    assert called(tools=two, tool_choice="required") == "get_weather"
    chosen = {"type": "function", "function": {"name": "send_mail"}}
    assert called(tools=two, tool_choice=chosen) == "send_mail"
    assert called("get_weather: 21 degrees", role="tool", tools=two, tool_choice="required") is None
    assert called("get_weather") is None


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ({"tools": [tool(str(n)) for n in range(33)]}, "at most 32"),
        ({"tools": [{"type": "magic"}]}, "tools/0/type: must be function"),
        ({"tools": [{"type": "function", "function": {}}]}, "name: is required"),
        ({"tools": [tool()], "tool_choice": "sometimes"}, "must be none, auto, required"),
        ({"tool_choice": "required"}, "'required' needs at least one tool"),
        ({"tools": [tool()], "tool_choice": {"function": {"name": "other"}}}, "'other' is not one of the tools"),
        ({"response_format": {"type": "xml"}}, "not one of text, json_object, json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "name: is required"),
    ],
)
def test_tools_and_forms_that_cannot_be_are_refused(client: StubClient, name: str, body: Any, finding: str) -> None:
    if "response_format" not in body:
        with pytest.raises(Invalid, match=finding):
            called(**body)
    client.create(name)
    messages = [{"role": "user", "content": "x"}]
    reply = client.send("POST", f"/serving-endpoints/{name}/invocations", {"messages": messages, **body})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert finding in reply.message


def test_call_of_a_function_that_was_cut_off_says_length(client: StubClient, name: str) -> None:
    client.create(name)
    messages = [{"role": "user", "content": "x"}]
    body = {"messages": messages, "tools": [tool(properties={"city": {"type": "string"}})], "tool_choice": "required"}
    path = f"/serving-endpoints/{name}/invocations"
    assert client.ok("POST", path, body)["choices"][0]["finish_reason"] == "tool_calls"
    assert client.ok("POST", path, {**body, "max_tokens": 2})["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ({}, "input: is required"),
        ({"input": []}, "input: is required"),
        ({"input": [{"content": "x"}]}, "input/0/role: is required"),
        ({"input": "x", "tools": [tool()]}, "tools: not supported"),
        ({"input": "x", "previous_response_id": "r"}, "previous_response_id: not supported"),
        ({"input": "x", "max_output_tokens": 0}, "must be at least 1"),
    ],
)
def test_responses_request_that_cannot_be_answered_is_refused(
    client: StubClient, name: str, body: dict[str, Any], finding: str
) -> None:
    client.create(name)
    reply = client.send("POST", "/serving-endpoints/responses", {"model": name, **body})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert finding in reply.message


def test_responses_take_messages_with_text_parts(client: StubClient, name: str) -> None:
    client.create(name)
    parts = [{"role": "user", "content": [{"type": "input_text", "text": "Say hello"}]}]
    answer = client.ok("POST", "/serving-endpoints/v1/responses", {"model": name, "input": parts})
    assert answer["output"][0]["content"][0]["text"].endswith("to: Say hello")
    assert answer["usage"]["input_tokens"] == 7  # 4 for the message + Say| hell|o
