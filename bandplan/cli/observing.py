"""Read the metrics export of endpoints once a minute, and store each minute; what cannot be read stays a gap."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bandplan.rest.clock import Clock
from bandplan.serving.workspace.errors import NotConfigured, NotFound, WorkspaceError
from bandplan.serving.workspace.metrics import samples
from bandplan.usage.scrape import Scrape, scrape_of

MOST_AT_ONCE = 16
"""Requests in flight; a choice, as for the table of endpoints."""

NOT_DEPLOYED = "the workspace has no such endpoint; run `bandplan up`"
NOT_EXPORTED = "its export counts no requests yet"

Read = Callable[[str], str]
"""Returns the text of an endpoint's metrics export. Errors: WorkspaceError."""


@dataclass(frozen=True)
class Look:
    """One reading of all endpoints: what each showed, and in words why others showed nothing."""

    minute: int
    scrapes: Mapping[str, Scrape]
    missing: Mapping[str, str] = field(default_factory=dict)


def look(read: Read, names: Sequence[str], minute: int) -> Look:
    """Read the exports of all endpoints, several at once. Errors: NotConfigured."""

    def one(name: str) -> Scrape | str:
        try:
            return scrape_of(samples(read(name))) or NOT_EXPORTED
        except NotConfigured:
            raise  # no endpoint can be read, today or in a minute
        except NotFound:
            return NOT_DEPLOYED
        except WorkspaceError as error:
            return str(error)

    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(names)), thread_name_prefix="observe") as pool:
        found = dict(zip(names, pool.map(one, names), strict=True))
    return Look(
        minute,
        {name: got for name, got in found.items() if isinstance(got, Scrape)},
        {name: got for name, got in found.items() if isinstance(got, str)},
    )


def watch(
    read: Read,
    names: Sequence[str],
    keep: Callable[[int, Mapping[str, Scrape]], object],
    clock: Clock,
    told: Callable[[Look], None],
    *,
    seconds: float = 0.0,
    every: float = 60.0,
) -> int:
    """Look now, and again after every `every` seconds for `seconds`; return how many looks saw anything.

    `keep` stores the exports of a look's minute.

    A look that takes longer than `every` skips the ones that it delayed; they are gaps.

    Errors: BadUsage, NotConfigured.
    """
    begun = clock.monotonic()
    seen = tick = 0
    while True:
        found = look(read, names, int(clock.wall() // 60))
        if found.scrapes:
            keep(found.minute, found.scrapes)
            seen += 1
        told(found)
        tick = max(tick + 1, int((clock.monotonic() - begun) // every) + 1)
        due = tick * every
        if due > seconds:
            return seen
        clock.sleep(max(0.0, begun + due - clock.monotonic()))
