"""A token that expires before a run ends."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bandplan.bench.clients import Clients
from bandplan.bench.target import Secret


@dataclass(frozen=True, slots=True)
class Renewal:
    """Where the current token is read: `read` returns it, or None to keep the last one, and may block.

    Reading it every ten seconds is enough: a token is renewed at least half a minute before it expires.
    """

    read: Callable[[], str | None]
    every_seconds: float = 10.0


async def renew(renewal: Renewal, secret: Secret, clients: Clients) -> None:
    """Give each new token to the clients, until cancelled."""
    while True:
        await asyncio.sleep(renewal.every_seconds)
        token = await asyncio.to_thread(renewal.read)
        if token is not None and token != secret.value:
            secret = Secret(token)
            clients.renew(secret)
