"""Endpoints as JSON text, encoded once and reused as long as their content stays the same."""

from collections.abc import Callable

from starlette.responses import Response

from bandplan.stub.api.answers import encode
from bandplan.stub.json_object import Json
from bandplan.stub.state.behaviour import Behaviour
from bandplan.stub.state.serving.endpoint import Endpoint

MOST_KEPT = 10_000
"""Maximum number of texts kept, including those of deleted endpoints; all are dropped beyond it. Arbitrary."""


class Encoded:
    """The text of an endpoint by its name. Endpoints and behaviours are immutable, so a change is a new object."""

    def __init__(self, show: Callable[[Endpoint], Json]) -> None:
        self._show = show
        self._kept: dict[str, tuple[Endpoint, Behaviour, bytes]] = {}
        self._last: tuple[tuple[Endpoint, ...], Behaviour, bytes] | None = None

    def text(self, endpoint: Endpoint, behaviour: Behaviour) -> bytes:
        kept = self._kept.get(endpoint.name)
        if kept is not None and kept[0] is endpoint and kept[1] is behaviour:
            return kept[2]
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        made = encode(self._show(endpoint))
        self._kept[endpoint.name] = (endpoint, behaviour, made)
        return made

    def list(self, endpoints: tuple[Endpoint, ...], behaviour: Behaviour) -> bytes:
        """Return the text of a list of endpoints, reusing that of the last list."""
        if self._last is None or self._last[0] is not endpoints or self._last[1] is not behaviour:
            texts = b",".join([self.text(endpoint, behaviour) for endpoint in endpoints])
            self._last = (endpoints, behaviour, b'{"endpoints":[' + texts + b"]}")
        return self._last[2]


def answer(text: bytes) -> Response:
    return Response(text, media_type="application/json")
