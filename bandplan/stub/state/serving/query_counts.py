"""How many queries the workspace is answering and has answered, for its own status. Not kept across restarts."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class QueryCounts:
    """Counts of queries; `by_status` also has a status that is never sent: 499 if the client left."""

    in_flight: int = 0
    by_status: Counter[int] = field(default_factory=Counter)

    def begin(self) -> None:
        self.in_flight += 1

    def end(self, status: int) -> None:
        self.in_flight -= 1
        self.by_status[status] += 1
