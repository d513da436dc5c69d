"""Request fields that are not served: refused with a message, never silently ignored."""

import json
import math
from collections.abc import Iterator, Mapping

from bandplan.stub.api.queries.forms import CHAT, FOR_THE_PLATFORM, OF_SOME_FORM, RESPONSES, WITHOUT_EFFECT, Form
from bandplan.stub.api.requests import json_object
from bandplan.stub.inference.engine import Engine
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid

LOGPROBS = "message.output_text.logprobs"
"""The value in `include` of a responses request that requests log probabilities; `top_logprobs` requests them too."""

NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "add_generation_prompt": (True,),
    "allowed_token_ids": ([],),
    "background": (False,),
    "bad_words": ([],),
    "best_of": (1,),
    "chat_template_kwargs": ({},),
    "continue_final_message": (False,),
    "detokenize": (True,),
    "documents": ([],),
    "echo": (False,),
    "encoding_format": ("float",),
    "frequency_penalty": (0,),
    "function_call": ("none",),
    "functions": ([],),
    "ignore_eos": (False,),
    "include_stop_str_in_output": (False,),
    "length_penalty": (1,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "min_p": (0,),
    "min_tokens": (0,),
    "modalities": (["text"], []),
    "n": (1,),
    "presence_penalty": (0,),
    "priority": (0,),
    "reasoning": ({},),
    "reasoning_effort": ("none",),
    "repetition_penalty": (1,),
    "response_format": ({"type": "text"},),
    "return_token_ids": (False,),
    "return_tokens_as_token_ids": (False,),
    "service_tier": ("auto", "default"),
    "skip_special_tokens": (True,),
    "spaces_between_special_tokens": (True,),
    "stop": ([], ""),
    "stop_token_ids": ([],),
    "store": (False,),
    "stream": (False,),
    "stream_options": ({},),
    "suffix": ("",),
    "thinking": ({"type": "disabled"},),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_k": (0, -1),
    "top_logprobs": (0,),
    "truncate_prompt_tokens": (-1,),
    "truncation": ("disabled",),
    "use_beam_search": (False,),
    "verbosity": ("medium",),
}
"""Values that request nothing, besides null: clients that write out every default send them."""

MESSAGE_FIELDS = frozenset({"annotations", "content", "id", "name", "refusal", "role", "tool_call_id", "tool_calls"})
"""Fields of a message of a conversation that reach the engine, or change no answer."""

NESTED: Mapping[tuple[str, str], frozenset[str]] = {
    (form, "stream_options"): frozenset({"continuous_usage_stats", "include_usage"})
    for form in ("chat", "completions", "responses")
} | {("responses", "text"): frozenset({"format"})}
"""Known fields of objects: all others must request nothing."""


def check(body: Json, form: Form, engine: Engine, place: str = "") -> None:
    """Raise Invalid with all fields that request something which the engine, or no engine, can serve in this form."""
    unserved = [name for name, value in body.items() if not is_served(name, form, engine) and _asks(name, value)]
    of_engine = [name for name in unserved if _depends_on_engine(name, form)]
    of_form = [name for name in unserved if not _depends_on_engine(name, form)]
    of_engine += _content_of_engine(body, form, engine)
    of_form += _nested(body, form)
    said = []
    if of_engine:
        said.append(unsupported(", ".join(place + name for name in of_engine), engine).message)
    if of_form:
        names = ", ".join(place + name for name in of_form)
        said.append(
            f"{names}: not supported in {form.name} requests, by the {engine.kind} engine or another; leave it out."
        )
    if said:
        raise Invalid(" ".join(said))


def expanded(body: Json) -> Json:
    """Return a body with the fields of `extra_params` beside its own. Raises Invalid if one is given twice.

    The API reference has it as a map of strings; a value that is JSON, such as "0.9", counts as what it says.
    """
    extra = json_object(body, "extra_params") or {}
    if twice := [name for name in extra if body.get(name) is not None]:
        raise Invalid(f"extra_params: {', '.join(twice)} must not be given twice.")
    own = {name: value for name, value in body.items() if name != "extra_params"}
    return own | {name: _decoded(value) for name, value in extra.items()}


def is_served(name: str, form: Form, engine: Engine) -> bool:
    """Whether a field of a request is honoured, changes no answer, or is passed on to a server that judges it."""
    if name in engine.lacks:
        return False
    if name in form.served or name in WITHOUT_EFFECT or name in FOR_THE_PLATFORM:
        return True
    if not _may_pass(name, form):
        return False
    return engine.passes_further or name in engine.takes


def unsupported(names: str, engine: Engine) -> Invalid:
    """Return the refusal of fields that an engine does not support."""
    return Invalid(f"{names}: not supported by the {engine.kind} engine; leave it out or use another engine.")


def _depends_on_engine(name: str, form: Form) -> bool:
    """Whether another engine could serve a field that this one cannot."""
    return name in form.served or _may_pass(name, form)


def _may_pass(name: str, form: Form) -> bool:
    """Whether a field may be one of an engine: it is none of this form or of another one."""
    return form.passes and name not in OF_SOME_FORM and name not in form.own


def _content_of_engine(body: Json, form: Form, engine: Engine) -> Iterator[str]:
    """Yield the places inside of fields that another engine could serve."""
    if form is CHAT and "tools" in engine.lacks:
        # Function calls and their results: without them it is another conversation.
        yield from (
            f"{at}/{key}" for at, row in _messages(body) for key in ("tool_calls", "tool_call_id") if row.get(key)
        )
    text = body.get("text")
    if form is RESPONSES and "response_format" in engine.lacks and isinstance(text, dict):
        wanted = text.get("format")
        if isinstance(wanted, dict) and wanted.get("type") != "text":
            yield "text/format"


def _nested(body: Json, form: Form) -> Iterator[str]:
    """Yield the places inside of fields that no engine serves."""
    if form is CHAT:
        yield from (
            f"{at}/{key}" for at, row in _messages(body) for key in row if row[key] and key not in MESSAGE_FIELDS
        )
    for (name, field), known in NESTED.items():
        value = body.get(field)
        if name == form.name and isinstance(value, dict):
            yield from (f"{field}/{key}" for key in value if key not in known and value[key] and _asks(key, value[key]))
    include = body.get("include")
    if form is RESPONSES and isinstance(include, list):
        yield from (f"include/{value[:80]}" for value in include if isinstance(value, str) and value != LOGPROBS)


def _messages(body: Json) -> Iterator[tuple[str, Json]]:
    rows = body.get("messages")
    for at, row in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(row, dict):
            yield f"messages/{at}", row


def _decoded(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        decoded = json.loads(value, parse_constant=str)
    except (ValueError, RecursionError):
        return value
    return value if isinstance(decoded, float) and math.isinf(decoded) else decoded


def _asks(name: str, value: object) -> bool:
    return value is not None and value not in NEUTRAL.get(name, ())
