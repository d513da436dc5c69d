"""What of an endpoint's capacity is set: its own settings, the scenario's, else the defaults."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from bandplan.stub.capacity.settings import Settings, SettingsError
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.serving.configuration import Json
from bandplan.stub.state.serving.rules import check_endpoint_name
from bandplan.stub.state.store import Store


def check(settings: Json) -> None:
    """Raise Invalid for settings that cannot be taken, with a line for every problem."""
    try:
        Settings().changed(settings)
    except SettingsError as error:
        raise Invalid(str(error)) from error


class CapacitySettings:
    """Settings by endpoint name, kept; they may be set before the endpoint exists. `patterns` are a scenario's."""

    def __init__(self, store: Store, patterns: Mapping[str, Json] | None = None) -> None:
        self._patterns = dict(patterns or {})
        self._own: Collection[Json] = Collection(store, "capacity", dict, dict)

    def of(self, endpoint: str) -> Settings:
        return self._base(endpoint).changed(self._own.get(endpoint) or {})

    def own(self, endpoint: str) -> Json:
        """Return the settings that the endpoint has of its own."""
        return dict(self._own.get(endpoint) or {})

    def set(self, endpoint: str, wanted: Json) -> None:
        """Give an endpoint these settings of its own, and no others; null is the default. Raises Invalid."""
        check_endpoint_name(endpoint)
        kept = {name: value for name, value in wanted.items() if value is not None}
        try:
            # With its nulls, so that a name that does not exist is told; without them, as it will be taken.
            self._base(endpoint).changed(wanted)
            self._base(endpoint).changed(kept)
        except SettingsError as error:
            raise Invalid(str(error)) from error
        if kept:
            self._own.put(endpoint, kept)
        else:
            self._own.remove(endpoint)

    def _base(self, endpoint: str) -> Settings:
        for pattern, settings in self._patterns.items():
            if fnmatchcase(endpoint, pattern):
                return Settings().changed(settings)
        return Settings()
