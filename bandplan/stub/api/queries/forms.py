"""The forms of a query with the request fields of each: the one table of what is served, and by what."""

from dataclasses import dataclass

SAMPLING = frozenset(
    {"ignore_eos", "max_completion_tokens", "max_tokens", "min_tokens", "seed", "stop", "temperature", "top_p"}
)
STREAM = frozenset({"stream", "stream_options"})
LEGACY_INPUTS = ("dataframe_split", "dataframe_records", "instances", "inputs")


@dataclass(frozen=True, slots=True)
class Form:
    """One form of query, by its name in messages.

    `served` has the fields that the workspace reads; each engine honours them unless its `lacks` has them. Other fields
    reach an engine that passes further fields on, if the form `passes` them. `own` has further fields of the form,
    which no engine can serve.
    """

    name: str
    served: frozenset[str]
    passes: bool = True
    own: frozenset[str] = frozenset()
    limit_field: str = "max_tokens"
    choices_field: str | None = "n"


CHAT = Form(
    "chat",
    SAMPLING | STREAM
    | {"logprobs", "messages", "model", "n", "response_format", "tool_choice", "tools", "top_logprobs"},
)  # fmt: skip
COMPLETIONS = Form("completions", SAMPLING | STREAM | {"logprobs", "model", "n", "prompt", "response_format"})
EMBEDDINGS = Form("embeddings", frozenset({"encoding_format", "input", "instruction", "model"}), passes=False)
RESPONSES = Form(
    "responses",
    (SAMPLING - {"max_tokens", "max_completion_tokens"}) | STREAM
    | {"include", "input", "instructions", "max_output_tokens", "model", "text", "top_logprobs"},
    own=frozenset({"background", "context_management", "conversation", "previous_response_id", "store", "truncation"}),
    limit_field="max_output_tokens",
    choices_field=None,
)  # fmt: skip
LEGACY = Form("legacy", frozenset({"model", "params", *LEGACY_INPUTS}), passes=False)
LEGACY_PARAMS = Form("legacy", SAMPLING | {"candidate_count"}, choices_field="candidate_count")
LEGACY_VECTORS = Form("legacy embeddings", frozenset(), passes=False)
"""The parameters of a legacy request to an embeddings model, which takes none."""

FORMS = (CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES, LEGACY, LEGACY_PARAMS, LEGACY_VECTORS)

OF_SOME_FORM = frozenset[str]().union(*(form.served for form in FORMS))
"""Fields that the workspace reads in one of the forms, so that an engine never gets them as further ones."""

WITHOUT_EFFECT = frozenset(
    {
        "max_tool_calls",
        "metadata",
        "parallel_tool_calls",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "user",
    }
)
"""Fields of the OpenAI protocol that change no answer, on any engine; they are passed on where others are."""

FOR_THE_PLATFORM = frozenset({"client_request_id", "usage_context"})
"""Fields that only the platform itself records."""


def kept_here(form: Form) -> frozenset[str]:
    """Return the fields that are not for an engine, even if it passes further fields on."""
    own = OF_SOME_FORM | form.own | FOR_THE_PLATFORM
    # A responses request becomes one for chat, which does not have all of its fields.
    return own | WITHOUT_EFFECT if form is RESPONSES else own
