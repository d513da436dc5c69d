"""What a server can do, as found out at the start."""

from dataclasses import dataclass

LACKS = frozenset(
    {
        "audio",
        "best_of",
        "dimensions",
        "echo",
        "function_call",
        "functions",
        "guided_choice",
        "guided_grammar",
        "guided_json",
        "guided_regex",
        "modalities",
        "prediction",
        "prompt_logprobs",
        "reasoning",
        "reasoning_effort",
        "return_token_ids",
        "return_tokens_as_token_ids",
        "structured_outputs",
        "suffix",
        "thinking",
        "web_search_options",
    }
)
"""Fields that are not passed through, whatever the server."""

KNOWN_TO_VLLM = frozenset(
    {
        "add_generation_prompt",
        "add_special_tokens",
        "allowed_token_ids",
        "bad_words",
        "chat_template",
        "continue_final_message",
        "documents",
        "include_stop_str_in_output",
        "length_penalty",
        "logits_processors",
        "repetition_penalty",
        "skip_special_tokens",
        "spaces_between_special_tokens",
        "stop_token_ids",
        "truncate_prompt_tokens",
        "use_beam_search",
    }
)
"""Fields that vLLM knows, and that others mostly ignore without a word."""

KNOWN_TO = {
    "vllm": KNOWN_TO_VLLM,
    "sglang": frozenset(
        {
            "continue_final_message",
            "repetition_penalty",
            "skip_special_tokens",
            "spaces_between_special_tokens",
            "stop_token_ids",
        }
    ),
}
"""Which of these a server knows, by the owner of its model (documentation of vLLM 0.32 and SGLang, 2026-11)."""

KNOWN_LACKS = {"llamacpp": frozenset({"min_tokens"})}
"""What a server is known to ignore, which no query shows if the model never ends early.

llama.cpp of 2026-10 knows `ignore_eos`, and ended after one token with `logit_bias` on the end token and
`min_tokens: 4`.
"""

USAGE = "usage"
"""The name in `lacks` of a server that does not report its tokens."""

MAX_TOKENS = "max_tokens"
"""The name in `lacks` of a server that ignores limits: the workspace ends its answers."""


@dataclass(frozen=True, slots=True)
class Features:
    """What a server can do. `model` is the name of the model there.

    `lacks` has request fields that it does not know, out of `ignore_eos`, `min_tokens`, `logprobs`, `top_logprobs`,
    `max_tokens`, `stream_options`, and `usage`. `tokenizer` is the form of its route /tokenize: `vllm`, `llamacpp` or
    None.
    """

    model: str
    lacks: frozenset[str] = frozenset()
    context_tokens: int | None = None
    tokenizer: str | None = None
    limit_field: str = "max_tokens"
    has_chat: bool = True
    owner: str = ""

    @property
    def all_lacks(self) -> frozenset[str]:
        """The request fields that the engine refuses. Streams and limits are our own: `stream_options` and `max_tokens`
        are not among them.
        """
        own = self.lacks - {"stream_options", MAX_TOKENS, USAGE}
        return LACKS | own | (KNOWN_TO_VLLM - KNOWN_TO.get(self.owner, frozenset()))
