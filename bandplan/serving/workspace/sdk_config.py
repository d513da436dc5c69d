"""The SDK's `Config` on a given environment. Importing this module imports the SDK (about 1 s of CPU)."""

import threading
from collections.abc import Mapping
from typing import Any

from databricks.sdk.config import Config

_LOCK = threading.Lock()


class EnvironConfig(Config):
    """A `Config` that reads its variables from a mapping, which lacks what belongs to other logins."""

    def __init__(self, environ: Mapping[str, str], **settings: Any) -> None:
        self._environ = environ
        super().__init__(**settings)

    def _load_from_env(self) -> None:
        # Not public; tests/workspace/test_sdk_login.py fails if the SDK no longer calls it.
        for attribute in Config.attributes():
            names = (attribute.env, *attribute.env_aliases) if attribute.env else ()
            text = next((self._environ[name] for name in names if self._environ.get(name)), None)
            if text is not None and attribute.name not in self._inner:
                setattr(self, attribute.name, text)


def configured(environ: Mapping[str, str], settings: Mapping[str, Any]) -> Config:
    """Return a `Config` that is signed in. Errors: those of the SDK, mostly ValueError."""
    with _LOCK:
        Config.attributes()  # the class looks them up once, and only in itself
        return EnvironConfig(environ, product="bandplan", product_version="0", **settings)
