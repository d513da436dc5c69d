"""Reasons for which an engine cannot answer a query.

    EngineError
    |- EngineRefused      the engine cannot do what the query asks
    |- EngineUnavailable  the engine does not run, or not yet
    `- EngineFailed       the engine ended or reported an error while it worked on the query

Messages have no part of a prompt or an answer. `stub.api.queries.engine_errors` turns them into the platform's errors.
"""


class EngineError(Exception):
    """An engine cannot answer a query; the client gets the message unchanged."""


class EngineRefused(EngineError):
    """The engine cannot do what the query asks."""


class EngineUnavailable(EngineError):
    """The engine does not run, or not yet."""


class EngineFailed(EngineError):
    """The engine ended or reported an error while it worked on the query."""
