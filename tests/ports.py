"""Ports of this machine: one where nobody listens, and one that nobody gets by chance while it is free."""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

LOWEST, HIGHEST = 20_000, 32_000
"""Below the ports that the system gives to a socket that asks for any: from 32,768 on Linux, from 49,152 on macOS."""


@contextmanager
def nobody_listening() -> Iterator[int]:
    """Yield a port that refuses connections: it is bound, so that nobody else gets it, and nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])


def own_port() -> int:
    """Return a free port that stays free until this test uses it, or uses it again after a restart."""
    while True:
        port = random.SystemRandom().randint(LOWEST, HIGHEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
