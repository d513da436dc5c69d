"""How the engine answers for an endpoint, where a client cannot say it in its requests."""

from collections.abc import Mapping

from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.serving.rules import check_endpoint_name
from bandplan.stub.state.store import Store

OUTPUT_TOKENS = ("fixed", "sampled")
"""The length of answers to requests that name a limit: the limit, or one from 1 to the limit, each as likely."""


class EngineSettings:
    """Settings by endpoint name, kept; they may be set before the endpoint exists."""

    def __init__(self, store: Store) -> None:
        self._collection: Collection[str] = Collection(store, "output_tokens", str, str)

    def output_tokens(self, endpoint: str) -> str | None:
        """Return the rule of an endpoint, None for the length that the engine gives."""
        return self._collection.get(endpoint)

    def set_output_tokens(self, endpoint: str, rule: str | None) -> None:
        """Give an endpoint a rule, or take it away (None); raises Invalid."""
        check_endpoint_name(endpoint)
        if rule is None:
            self._collection.remove(endpoint)
        elif rule in OUTPUT_TOKENS:
            self._collection.put(endpoint, rule)
        else:
            raise Invalid(f"output_tokens: '{rule[:40]}' is not one of {', '.join(OUTPUT_TOKENS)}.")

    def own(self) -> Mapping[str, str]:
        """The rules that endpoints have."""
        return dict(self._collection)
