"""What `bandplan rightsize` judges: an entry with its only entity, or one of the several that an entry has."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from bandplan.serving.spec.entity import Entity
from bandplan.serving.spec.entry import Entry


@dataclass(frozen=True)
class Subject:
    """`name` is that of the entry, or `ENTRY/ENTITY`."""

    name: str
    entry: Entry
    entity: Entity

    @property
    def is_one_of_several(self) -> bool:
        return len(self.entry.entities) > 1

    @property
    def share(self) -> Fraction:
        """The entity's share of the entry's demand."""
        return Fraction(self.entity.traffic_percent, 100)


def subjects_of(entries: Iterable[Entry]) -> list[Subject]:
    """Return every entity of the entries, in their order."""
    return [
        Subject(entry.name if len(entry.entities) == 1 else f"{entry.name}/{entity.served_name}", entry, entity)
        for entry in entries
        for entity in entry.entities
    ]
