"""Request fields that an engine cannot honour: refused with a message, never silently ignored."""

from collections.abc import Mapping

from bandplan.stub.api.requests import Json
from bandplan.stub.inference.engine import Engine
from bandplan.stub.state.refusals import Invalid

NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "best_of": (1,),
    "echo": (False,),
    "frequency_penalty": (0,),
    "function_call": ("none",),
    "functions": ([],),
    "logit_bias": ({},),
    "modalities": (["text"], []),
    "presence_penalty": (0,),
    "reasoning": ({},),
    "reasoning_effort": ("none",),
    "repetition_penalty": (1,),
    "suffix": ("",),
    "thinking": ({"type": "disabled"},),
}
"""Values that request nothing, besides null: clients that write out every default send them."""


def check(body: Json, engine: Engine, place: str = "") -> None:
    """Raise Invalid with all fields that request something the engine does not support."""
    asked = [name for name in body if name in engine.lacks and _asks(name, body[name])]
    if asked:
        listed = ", ".join(place + name for name in asked)
        raise Invalid(f"{listed}: not supported by the {engine.kind} engine; leave it out or use another engine.")


def _asks(name: str, value: object) -> bool:
    return value is not None and value not in NEUTRAL.get(name, ())
