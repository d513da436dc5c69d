"""How long a configuration update stays IN_PROGRESS: a number of reads, a time, until a request, or not at all."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settle:
    """A settle rule: an update settles after `reads` reads and `milliseconds`; both 0 means immediately.

    A manual one settles only on request. There is no background thread: an update settles when it is read. The time is
    the workspace's own (`bandplan.stub.state.clock`).
    """

    reads: int = 1
    milliseconds: int = 0
    is_manual: bool = False

    @property
    def is_at_once(self) -> bool:
        return self.reads == 0 and self.milliseconds == 0 and not self.is_manual


def parse(text: str) -> Settle:
    """Parse `reads:N`, `ms:N`, `manual` or `at-once`. Raises ValueError stating what is allowed."""
    if text == "at-once":
        return Settle(reads=0)
    if text == "manual":
        return Settle(reads=0, is_manual=True)
    kind, _, count = text.partition(":")
    if kind in ("reads", "ms") and count.isascii() and count.isdigit() and len(count) <= 9:
        return Settle(reads=int(count)) if kind == "reads" else Settle(reads=0, milliseconds=int(count))
    raise ValueError(f"--settle {text}: not a settle rule; use reads:N, ms:N, manual or at-once")
