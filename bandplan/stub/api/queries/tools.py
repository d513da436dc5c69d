"""Function calling and JSON answers on the wire: which function a simulated answer calls, and its form.

A model would decide by itself whether to call a function. Here the rule is simple: the function that `tool_choice`
demands; else the first whose name appears in the last message, with spaces or underscores; after the result of a
function, none.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from bandplan.stub.api.requests import json_object, objects, required_text, text
from bandplan.stub.inference.engine import Call, Message, Token
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid

MAX_TOOLS = 32
"""Maximum number of functions in one request (docs.databricks.com, function calling on Databricks)."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the answer may call; `parameters` is a JSON schema."""

    name: str
    parameters: Json


def read_called_tool(body: Json, messages: tuple[Message, ...]) -> Tool | None:
    """Return the function that the answer calls, or None for an answer in text. Raises Invalid."""
    tools = _read_tools(body)
    wanted = _read_choice(body, tools)
    if wanted == "none" or not tools or messages[-1].role == "tool":
        return None
    if isinstance(wanted, Tool):
        return wanted
    if wanted == "required":
        return tools[0]
    asked = messages[-1].content.lower().replace(" ", "_")
    return next((tool for tool in tools if tool.name.lower().replace(" ", "_") in asked), None)


def read_functions(body: Json) -> Json:
    """Return the functions of a request for a model that decides itself whether to call one. Raises Invalid."""
    _read_choice(body, _read_tools(body))
    return {key: body[key] for key in ("tools", "tool_choice") if body.get(key)}


def show_calls(tokens: Sequence[Token]) -> list[Json]:
    """Show the function calls of an answer, put together from their parts."""
    calls: dict[int, Json] = {}
    for call in (token.call for token in tokens):
        if call is not None:
            shown = calls.setdefault(call.position, show_call(call.id or new_call_id(), call.name or "", ""))
            shown["function"]["arguments"] += call.arguments
    return [calls[index] for index in sorted(calls)]


def show_part(call: Call) -> Json:
    """Show a part of a function call in a stream; the first one has the id and the name."""
    if call.name is None:
        return {"index": call.position, "function": {"arguments": call.arguments}}
    return {"index": call.position, **show_call(call.id or new_call_id(), call.name, call.arguments)}


def read_json_schema(body: Json) -> Json | None:
    """Read the schema that `response_format` sets ({}: any object); None for plain text. Raises Invalid."""
    form = json_object(body, "response_format")
    if form is None:
        return None
    match required_text(form, "type", "response_format/"):
        case "text":
            return None
        case "json_object":
            return {}
        case "json_schema":
            stated = json_object(form, "json_schema", "response_format/") or {}
            required_text(stated, "name", "response_format/json_schema/")
            return json_object(stated, "schema", "response_format/json_schema/") or {}
        case kind:
            raise Invalid(f"response_format/type: '{kind[:40]}' is not one of text, json_object, json_schema.")


def show_call(call_id: str, name: str, arguments: str) -> Json:
    """Show a function call of an answer; `arguments` is JSON as text."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def new_call_id() -> str:
    return f"call_{uuid.uuid4()}"


def _read_tools(body: Json) -> list[Tool]:
    rows = objects(body, "tools")
    if len(rows) > MAX_TOOLS:
        raise Invalid(f"tools: {len(rows)} functions; one request takes at most {MAX_TOOLS}.")
    tools = []
    for index, row in enumerate(rows):
        if row.get("type", "function") != "function":
            raise Invalid(f"tools/{index}/type: must be function.")
        function = json_object(row, "function", f"tools/{index}/") or {}
        name = required_text(function, "name", f"tools/{index}/function/")
        tools.append(Tool(name, json_object(function, "parameters", f"tools/{index}/function/") or {}))
    return tools


def _read_choice(body: Json, tools: list[Tool]) -> Tool | str:
    value = body.get("tool_choice")
    if not isinstance(value, dict):
        choice = text(body, "tool_choice") or "auto"
        if choice not in ("none", "auto", "required"):
            raise Invalid("tool_choice: must be none, auto, required or a function.")
        if choice == "required" and not tools:
            raise Invalid("tool_choice: 'required' needs at least one tool.")
        return choice
    name = required_text(json_object(value, "function", "tool_choice/") or {}, "name", "tool_choice/function/")
    chosen = next((tool for tool in tools if tool.name == name), None)
    if chosen is None:
        raise Invalid(f"tool_choice: '{name[:80]}' is not one of the tools.")
    return chosen
