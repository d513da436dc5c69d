"""Why the Databricks SDK passed over a login: it says so in its log alone, at the level of debugging.

Read in databricks-sdk 0.156 (`credentials_provider.py`, `oidc_token_supplier.py`).
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_LOGGER: Final = "databricks.sdk"
_ATTEMPT: Final = "Attempting to configure auth: "
_FAILURES: Final = ("missing", "failed")


class Attempts(logging.Handler):
    """Collects the reasons that the SDK logs while it looks for a login, on the thread that made this."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._thread = threading.get_ident()
        self._login = ""
        self._errors: list[tuple[str, str]] = []
        self._remarks: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the reason in a record, if it has one."""
        if record.thread != self._thread:
            return
        text = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if text.startswith(_ATTEMPT):
            self._login = text.removeprefix(_ATTEMPT)
        elif self._login and isinstance(error, OSError | ValueError):
            self._errors.append((self._login, str(error)))
        elif self._login and error is None and any(word in text.lower() for word in _FAILURES):
            self._remarks.append((self._login, text))

    def reasons(self, wanted: str) -> list[str]:
        """Return why `wanted` was passed over, or, if it is "", what went wrong in the logins that are set up."""
        if wanted:
            return [text for login, text in (*self._errors, *self._remarks) if login == wanted]
        return [f"{login}: {text}" for login, text in self._errors]


@contextmanager
def attempts() -> Iterator[Attempts]:
    """Collect the reasons that the SDK logs, and print nothing of its log."""
    logger = logging.getLogger(_LOGGER)
    found = Attempts()
    level = logger.level
    logger.propagate = False
    logger.addHandler(found)
    logger.setLevel(logging.DEBUG)
    try:
        yield found
    finally:
        logger.setLevel(level)
        logger.removeHandler(found)
