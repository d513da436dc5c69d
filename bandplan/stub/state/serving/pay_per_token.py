"""The platform's own endpoints, paid per token: built in, without a creator, not changeable."""

from collections.abc import Sequence

from bandplan.stub.state.registry.catalogs import PREINSTALLED_MS
from bandplan.stub.state.registry.catalogue import PayPerToken
from bandplan.stub.state.serving.configuration import Configuration, Route, ServedEntity
from bandplan.stub.state.serving.endpoint import Endpoint


def endpoints(listed: Sequence[PayPerToken]) -> dict[str, Endpoint]:
    """Return the endpoints by name; they have no creator, and their ids are internal and never shown."""
    return {one.name: _endpoint(one) for one in listed}


def _endpoint(one: PayPerToken) -> Endpoint:
    foundation_model = {"name": one.name, "display_name": one.title}
    entity = ServedEntity(one.name, one.model, "1" if one.model else "", {"foundation_model": foundation_model})
    return Endpoint(
        name=one.name,
        id=one.name,
        creator="",
        created_ms=PREINSTALLED_MS,
        updated_ms=PREINSTALLED_MS,
        task=one.task,
        config=Configuration(1, (entity,), (Route(one.name, one.name, 100),)),
    )
