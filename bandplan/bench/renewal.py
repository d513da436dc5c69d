"""A token that expires before a run ends."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bandplan.bench.clients import Clients
from bandplan.bench.target import Secret


@dataclass(frozen=True, slots=True)
class Renewal:
    """The token to send now, for one that expires before the run ends: `read` may block, None: keep the last one.

    Ten seconds between two looks, as a token is renewed at least half a minute before it expires.
    """

    read: Callable[[], str | None]
    every_seconds: float = 10.0


async def renew(renewal: Renewal, secret: Secret, clients: Clients) -> None:
    """Send the token of the moment, until cancelled."""
    while True:
        await asyncio.sleep(renewal.every_seconds)
        token = await asyncio.to_thread(renewal.read)
        if token is not None and token != secret.value:
            secret = Secret(token)
            clients.renew(secret)
