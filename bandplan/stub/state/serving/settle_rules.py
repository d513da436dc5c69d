"""Which settle rule applies to an endpoint: its own, the scenario's, or the workspace's."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.serving.rules import check_endpoint_name
from bandplan.stub.state.serving.settle import Settle, parse
from bandplan.stub.state.store import Store


class SettleRules:
    """Stored rules by endpoint name; the endpoint need not exist yet. `patterns` are a scenario's."""

    def __init__(self, store: Store, default: Settle, patterns: Mapping[str, Settle] | None = None) -> None:
        self._default = default
        self._patterns = dict(patterns or {})
        self._collection: Collection[str] = Collection(store, "settle", str, str)

    def of(self, endpoint: str) -> Settle:
        own = self._collection.get(endpoint)
        if own is not None:
            return parse(own)
        for pattern, settle in self._patterns.items():
            if fnmatchcase(endpoint, pattern):
                return settle
        return self._default

    def set(self, endpoint: str, rule: str | None) -> None:
        """Set an endpoint's own rule, or remove it (None). Raises Invalid."""
        check_endpoint_name(endpoint)
        if rule is None:
            self._collection.remove(endpoint)
            return
        try:
            parse(rule)
        except ValueError as error:
            raise Invalid(f"rule: {str(error).removeprefix('--settle ')}.") from error
        self._collection.put(endpoint, rule)

    def own(self) -> dict[str, str]:
        """Return the endpoints' own rules."""
        return dict(self._collection)
