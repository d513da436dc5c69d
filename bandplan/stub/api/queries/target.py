"""The target of a query: a served entity, the engine that answers for it, and the limits of its model."""

from dataclasses import dataclass

from bandplan.stub.capacity.work import cached_tokens
from bandplan.stub.inference.engine import Engine
from bandplan.stub.state.refusals import BadRequest
from bandplan.stub.state.registry.catalogue import MOST_OUTPUT_TOKENS


@dataclass(frozen=True, slots=True)
class Target:
    """One served entity to query; `model` is its name. `context_tokens` is None for an unknown model, which has no
    limit.

    `output_tokens` is the endpoint's rule for the length of answers whose request sets a limit: `fixed` or `sampled`,
    None for the length that the engine chooses. `began` is when the query arrived, on the event loop's clock.
    `cached_percent` of every prompt counts as cached.
    """

    model: str
    engine: Engine
    headers: dict[str, str]
    context_tokens: int | None = None
    most_output_tokens: int = MOST_OUTPUT_TOKENS
    output_tokens: str | None = None
    sends_role_first: bool = False
    began: float | None = None
    cached_percent: float = 0.0

    def check_prompt(self, prompt_tokens: int) -> None:
        """Raise BadRequest if a prompt is too long for the model; an engine that only estimates judges that itself."""
        limit = self._context_tokens
        if limit is not None and prompt_tokens > limit and self.engine.is_count_exact:
            raise _refused(
                f"prompt token count ({prompt_tokens}) cannot exceed {limit}. Please reduce the length of input prompt."
            )

    def cached(self, prompt_tokens: int) -> int:
        """Return how many tokens of a prompt count as cached."""
        return cached_tokens(prompt_tokens, self.cached_percent)

    def output_limit(self, prompt_tokens: int, wanted: int | None) -> int:
        """Return the maximum number of tokens in an answer. Raises BadRequest if `wanted` is more."""
        self.check_prompt(prompt_tokens)
        if wanted is not None and wanted > self.most_output_tokens:
            raise _refused(
                f"max_tokens ({wanted}) cannot exceed {self.most_output_tokens}. "
                "Please reduce the length of max output tokens generated."
            )
        limit = self._context_tokens
        if limit is None:
            return wanted or self.most_output_tokens
        left = limit - prompt_tokens
        if left < (wanted or 1) and self.engine.is_count_exact:
            raise _refused(
                f"prompt token count ({prompt_tokens}) plus max_tokens ({wanted or 1}) cannot exceed "
                f"{limit}. Please reduce the length of input prompt or max output tokens generated."
            )
        if wanted is not None:
            return wanted
        # An estimate shortens no answer: the engine ends it at its own context.
        return min(self.most_output_tokens, left if self.engine.is_count_exact else limit)

    @property
    def _context_tokens(self) -> int | None:
        """The smaller of the model's and the engine's limit."""
        limits = [limit for limit in (self.context_tokens, self.engine.context_tokens) if limit is not None]
        return min(limits, default=None)


def _refused(finding: str) -> BadRequest:
    # In the words of a workspace about max_tokens (github.com/databricks/databricks-sdk-go issue 1183, 2025-03).
    return BadRequest(f"Bad request: rpc error: code = InvalidArgument desc = {finding}")
