"""The token in the process that runs MLflow, which its parent replaces as it expires."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping

from bandplan.serving.workspace.identity import TOKEN, TOKEN_TYPE


class ProcessToken:
    """The token in the environment of this process, for our client, for MLflow and for the SDK that it uploads with.

    MLflow reads the environment for every request. Clients of the SDK keep the token that they were made with, so
    `follow` makes them send the newest one.
    """

    auth_type = TOKEN_TYPE

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._environ = environ
        self._all = {environ[TOKEN]}

    def __repr__(self) -> str:
        return "ProcessToken()"

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._environ[TOKEN]}"}

    def renew(self, line: bytes) -> None:
        """Take the token in a line of `renewal_line`; any other line is ignored."""
        try:
            token = json.loads(line)["token"]
        except (ValueError, TypeError, KeyError):
            return
        self._all.add(token)
        self._environ[TOKEN] = token

    def newest(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of a request with the newest token, if they have one of ours."""
        kind, _, token = headers.get("Authorization", "").partition(" ")
        is_ours = kind == "Bearer" and token in self._all
        return {**headers, **self.headers()} if is_ours else dict(headers)

    def follow(self) -> None:
        """Make every client of the SDK in this process send the newest token.

        Read in databricks-sdk 0.156: its clients call `Config.authenticate`, which keeps the token that it read.
        """
        from databricks.sdk.config import Config

        read_first = Config.authenticate

        def authenticate(config: Config) -> dict[str, str]:
            return self.newest(read_first(config))

        Config.authenticate = authenticate  # type: ignore[assignment, method-assign]
