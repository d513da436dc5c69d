"""Capacity settings of an endpoint: its own, else the scenario's, else the defaults."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from bandplan.stub.capacity.settings import Settings, SettingsError
from bandplan.stub.json_object import Json
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.serving.rules import check_endpoint_name
from bandplan.stub.state.store import Store


def check(settings: Json) -> None:
    """Raise Invalid for invalid settings, with a line for every problem."""
    try:
        Settings().changed(settings)
    except SettingsError as error:
        raise Invalid(str(error)) from error


class CapacitySettings:
    """Stored settings by endpoint name; the endpoint need not exist yet. `patterns` are a scenario's."""

    def __init__(self, store: Store, patterns: Mapping[str, Json] | None = None) -> None:
        self._patterns = dict(patterns or {})
        self._own: Collection[Json] = Collection(store, "capacity", dict, dict)

    def of(self, endpoint: str) -> Settings:
        return self._base(endpoint).changed(self._own.get(endpoint) or {})

    def own(self, endpoint: str) -> Json:
        """Return the endpoint's own settings."""
        return dict(self._own.get(endpoint) or {})

    def set(self, endpoint: str, wanted: Json) -> None:
        """Replace the endpoint's own settings; null is the default. Raises Invalid."""
        check_endpoint_name(endpoint)
        kept = {name: value for name, value in wanted.items() if value is not None}
        try:
            # Check with nulls, so that an unknown name is reported; then without them, as it will be stored.
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
