"""Checks of a job's environment: variables that must be set, a token that can be sent, and where it may be sent."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from bandplan.forge.errors import NotConfigured

THIS_MACHINE: Final = ("127.0.0.1", "localhost", "::1")

_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def checked_base_url(url: str, variable: str) -> str:
    """Return `url` if a token may be sent there: https, or this machine. Errors: NotConfigured."""
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0
    except ValueError:
        raise NotConfigured(f"{variable} is not a usable URL") from None
    is_this_machine = parts.hostname in THIS_MACHINE
    if (
        has_port
        and parts.hostname
        and not parts.username
        and (parts.scheme == "https" or (parts.scheme == "http" and is_this_machine))
    ):
        return url.rstrip("/")
    raise NotConfigured(f"{variable} is not an https URL; tokens are sent only over https")


def require_set(environ: Mapping[str, str], *names: str) -> None:
    """Raise NotConfigured with all of these variables that are missing or blank."""
    missing = [name for name in names if not environ.get(name, "").strip()]
    if missing:
        raise NotConfigured(f"{' and '.join(missing)} must be set in the environment")


def checked_token(token: str, variable: str) -> str:
    """Return `token` if it is valid in a header. Errors: NotConfigured."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise NotConfigured(f"{variable} is empty or not a token; give one that may write comments")
    return token


def event_of(environ: Mapping[str, str], read_text: Callable[[str], str], variable: str) -> Mapping[str, Any]:
    """Read the event that started the run from the JSON file that `variable` names; empty if there is none."""
    path = environ.get(variable)
    if not path:
        return {}
    try:
        event = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def at(value: Any, *keys: str) -> Any:
    """Return the value below `keys`; None if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def number(text: str | None) -> int:
    """Return the number in a variable; 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 15 else 0


def short_commit(text: Any) -> str:
    """Return the start of a commit's hash; empty for anything else."""
    return text[:12] if isinstance(text, str) and _COMMIT.fullmatch(text) else ""
