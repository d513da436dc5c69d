"""Why a request is not admitted. The texts are the platform's where it publishes them."""

TOO_MANY_CONCURRENT = (
    "Too many concurrent requests. Consider increasing the provisioned concurrency of the served entity."
)
TOO_MANY_PARALLEL = (
    "Exceeded max number of parallel requests. Please contact your Databricks representative to increase the limit"
)
"""Both texts are from the debugging guide of model serving (docs.databricks.com, copy of 2026-06-18)."""

NOTHING_RUNS = "The served entity has no compute running, and none can be started now."
"""Our own text: the platform documents the 503 while nothing serves, but not its message."""


class Refused(Exception):
    """A request was refused; retrying after `retry_after_seconds` may succeed."""

    def __init__(self, message: str, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_seconds = retry_after_seconds


class TooMany(Refused):
    """More requests than the queue holds, or than the workspace accepts per second: 429."""


class NothingRuns(Refused):
    """Nothing serves, and nothing will start: 503."""
