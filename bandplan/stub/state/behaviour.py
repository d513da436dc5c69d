"""How the workspace behaves where the platform's behaviour is unverified, or where clients need both variants.

Each default lets the published clients work without a perpetual difference; a test can switch to the other.
"""

from dataclasses import asdict, dataclass, fields, replace

from bandplan.stub.json_object import Json
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.store import Store

KEY = "behaviour"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Behaviour switches; docs/stub.md says what is known about each."""

    shows_burst_scaling: bool = True
    shows_budget_policy: bool = False
    shows_config_while_creating: bool = False
    fills_in_table_prefix: bool = False
    resets_scale_to_zero: bool = False
    adds_new_fields: bool = False
    stays_ready_while_updating: bool = True
    keeps_failed_config: bool = True
    lists_pay_per_token: bool = False
    repoints_stale_routes: bool = False
    accepts_unknown_models: bool = False
    answers_409_to_used_names: bool = False
    sends_role_chunk_first: bool = False
    sends_retry_after_on_capacity: bool = True


class Behaviours:
    """The current behaviour; changes are stored."""

    def __init__(self, store: Store) -> None:
        self._collection: Collection[Json] = Collection(store, "behaviour", dict, dict)
        kept = self._collection.get(KEY) or {}
        self.now = Behaviour(**{name: value for name, value in kept.items() if name in names()})

    def switch(self, wanted: Json) -> None:
        """Set the given switches and leave the rest. Raises Invalid for an unknown switch."""
        for name, value in wanted.items():
            if name not in names():
                raise Invalid(f"{name[:80]}: is not one of {', '.join(names())}.")
            if not isinstance(value, bool):
                raise Invalid(f"{name}: must be true or false.")
        self._keep(replace(self.now, **wanted))

    def reset(self) -> None:
        self._keep(Behaviour())

    def _keep(self, behaviour: Behaviour) -> None:
        self._collection.put(KEY, asdict(behaviour))
        self.now = behaviour


def names() -> tuple[str, ...]:
    return tuple(field.name for field in fields(Behaviour))
