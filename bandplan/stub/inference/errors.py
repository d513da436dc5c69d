"""Reasons for which an engine cannot answer a query.

    EngineError
    |- EngineRefused      the engine cannot do what the query asks
    |- EngineUnavailable  the engine does not run, or not yet
    |- EngineBusy         the engine accepts no more queries at the moment
    `- EngineFailed       the engine ended or reported an error while it worked on the query

Messages have no part of a prompt or an answer. `stub.api.queries.engine_errors` turns them into the platform's errors.
"""


class EngineError(Exception):
    """An engine cannot answer a query; the client gets the message unchanged."""


class EngineRefused(EngineError):
    """The engine cannot do what the query asks."""


class EngineUnavailable(EngineError):
    """The engine does not run, or not yet."""


class EngineBusy(EngineError):
    """The engine accepts no more queries; one after `retry_after_seconds` may be accepted."""

    def __init__(self, message: str, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class EngineFailed(EngineError):
    """The engine ended or reported an error while it worked on the query."""
