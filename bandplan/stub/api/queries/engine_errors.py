"""Errors of an engine, as the platform's own."""

from bandplan.stub.inference.errors import EngineError, EngineRefused, EngineUnavailable
from bandplan.stub.state.refusals import BadRequest, ModelFailed, NotReady, Refusal


def as_refusal(error: EngineError) -> Refusal:
    """Return the refusal that a client gets for `error`: 400 if the engine refused, 503 if it is away, else 500."""
    match error:
        case EngineRefused():
            return BadRequest(str(error))
        case EngineUnavailable():
            return NotReady(str(error))
        case _:
            return ModelFailed(str(error))
