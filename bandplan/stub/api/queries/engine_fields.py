"""Request fields that an engine cannot honour: refused with a message, never silently ignored."""

from collections.abc import Mapping

from bandplan.stub.inference.engine import Engine
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid

NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "best_of": (1,),
    "echo": (False,),
    "frequency_penalty": (0,),
    "function_call": ("none",),
    "functions": ([],),
    "ignore_eos": (False,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "min_p": (0,),
    "min_tokens": (0,),
    "modalities": (["text"], []),
    "presence_penalty": (0,),
    "reasoning": ({},),
    "reasoning_effort": ("none",),
    "repetition_penalty": (1,),
    "response_format": ({"type": "text"},),
    "suffix": ("",),
    "thinking": ({"type": "disabled"},),
    "tools": ([],),
    "top_k": (0, -1),
    "top_logprobs": (0,),
}
"""Values that request nothing, besides null: clients that write out every default send them."""


def check(body: Json, engine: Engine, place: str = "") -> None:
    """Raise Invalid with all fields that request something the engine does not support."""
    asked = [name for name in body if name in engine.lacks and _asks(name, body[name])]
    if "tools" in engine.lacks:
        asked += _calls(body.get("messages"))
    if asked:
        raise unsupported(", ".join(place + name for name in asked), engine)


def unsupported(names: str, engine: Engine) -> Invalid:
    """Return the refusal of fields that an engine does not support."""
    return Invalid(f"{names}: not supported by the {engine.kind} engine; leave it out or use another engine.")


def _calls(messages: object) -> list[str]:
    """Return the places of function calls and their results in a conversation: without them it is another one."""
    rows = messages if isinstance(messages, list) else []
    return [
        f"messages/{at}/{key}"
        for at, row in enumerate(rows)
        if isinstance(row, dict)
        for key in ("tool_calls", "tool_call_id", "function_call")
        if row.get(key)
    ]


def _asks(name: str, value: object) -> bool:
    return value is not None and value not in NEUTRAL.get(name, ())
