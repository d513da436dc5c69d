"""Engine behaviour that a client cannot set in its requests: which engine answers, and how long answers are."""

from collections.abc import Mapping

from bandplan.stub.json_object import Json
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.serving.rules import check_endpoint_name
from bandplan.stub.state.store import Store

OUTPUT_TOKENS = ("fixed", "sampled")
"""Rules for the length of answers to requests with a limit: the limit itself, or uniformly from 1 to the limit."""


class EngineSettings:
    """Stored settings by endpoint name; the endpoint need not exist yet.

    Those of the engine itself are by the name of an endpoint or a model, or `*`, and as they were sent:
    `bandplan.stub.inference.selection.settings` reads them.
    """

    def __init__(self, store: Store) -> None:
        self._collection: Collection[str] = Collection(store, "output_tokens", str, str)
        self._engines: Collection[Json] = Collection(store, "engine", dict, dict)

    @property
    def revision(self) -> int:
        """A number that increases whenever the choice of engines is set."""
        return self._engines.revision

    def engines(self) -> dict[str, Json]:
        """Return the settings of engines by name."""
        return dict(self._engines)

    def set_engines(self, wanted: Mapping[str, Json]) -> None:
        """Replace all settings of engines."""
        for name, _ in self._engines:
            if name not in wanted:
                self._engines.remove(name)
        for name, settings in wanted.items():
            self._engines.put(name, settings)

    def output_tokens(self, endpoint: str) -> str | None:
        """Return the rule of an endpoint, or None for the length that the engine chooses."""
        return self._collection.get(endpoint)

    def set_output_tokens(self, endpoint: str, rule: str | None) -> None:
        """Set the rule of an endpoint, or remove it (None). Raises Invalid."""
        check_endpoint_name(endpoint)
        if rule is None:
            self._collection.remove(endpoint)
        elif rule in OUTPUT_TOKENS:
            self._collection.put(endpoint, rule)
        else:
            raise Invalid(f"output_tokens: '{rule[:40]}' is not one of {', '.join(OUTPUT_TOKENS)}.")

    def own(self) -> Mapping[str, str]:
        """Return the rules of all endpoints that have one."""
        return dict(self._collection)
