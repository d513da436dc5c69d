"""Errors of the stand-in provider.

ProviderError (plugin)
├── NotLocal             the workspace is not on a loopback address
├── Unreachable          nothing answers at host and port
├── AnswerLost           a request that must not be repeated may or may not have taken effect
├── Cancelled            the engine asked to stop
└── Refused              the workspace refused the request: `status`, `error_code`
    └── NotFound         404
NotSettled               a resource was written but is not ready; the provider turns it into plugin's InitFailed
"""

from typing import Any

from bandplan.plugin.errors import ProviderError


class NotLocal(ProviderError):
    """The workspace is not on a loopback address: this provider must never reach a real one."""


class Unreachable(ProviderError):
    """The connection was refused or timed out for longer than a restart takes."""


class AnswerLost(ProviderError):
    """The connection broke after a POST was sent."""


class Cancelled(ProviderError):
    """The deployment was interrupted."""


class Refused(ProviderError):
    """The workspace refused a request. `message` is its own; `is_repeat`: an earlier attempt may have taken effect."""

    def __init__(self, request: str, status: int, error_code: str, message: str, *, is_repeat: bool = False) -> None:
        super().__init__(f"{request}: {status} {error_code}: {message}")
        self.status = status
        self.error_code = error_code
        self.is_repeat = is_repeat


class NotFound(Refused):
    """The requested object does not exist."""


class NotSettled(Exception):
    """A resource was written but is not ready; `state` is what is known of it, `reasons` are for the user."""

    def __init__(self, resource_id: str, state: dict[str, Any], reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.resource_id = resource_id
        self.state = state
        self.reasons = reasons
