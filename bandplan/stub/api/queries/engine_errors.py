"""Errors of an engine, as the platform's own."""

from bandplan.stub.inference.errors import EngineBusy, EngineError, EngineRefused, EngineUnavailable
from bandplan.stub.state.refusals import BadRequest, ModelFailed, NotReady, Refusal, TooManyRequests


def as_refusal(error: EngineError) -> Refusal:
    """Return the refusal that a client gets for `error`: 400 if the engine refused, 429 if it is busy, 503 if it is
    away, else 500."""
    match error:
        case EngineRefused():
            return BadRequest(str(error))
        case EngineBusy():
            return TooManyRequests(str(error), error.retry_after_seconds)
        case EngineUnavailable():
            return NotReady(str(error))
        case _:
            return ModelFailed(str(error))
