"""What the files of a team's repository depend on: the answers to `bandplan init`, which the repository records."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

Cloud = Literal["aws", "azure", "gcp"]
CLOUDS: Final[tuple[Cloud, ...]] = ("aws", "azure", "gcp")

Ci = Literal["github", "gitlab", "none"]
CI_SYSTEMS: Final[tuple[Ci, ...]] = ("github", "gitlab", "none")

LOCAL: Final = "local"


@dataclass(frozen=True)
class Stack:
    """A stack and the URL of its workspace; "" leaves that to DATABRICKS_HOST."""

    name: str
    host: str = ""

    @property
    def is_production(self) -> bool:
        """Whether its policies stop a deployment instead of advising."""
        return self.name.startswith("prod")


@dataclass(frozen=True)
class Model:
    """A first entry: `kind` is how the model is sold, "bands" or "model_units"."""

    name: str
    model: str
    task: str
    kind: str
    version: str = "1"


@dataclass(frozen=True)
class Answers:
    """Everything that a generated file depends on, besides the version of bandplan.

    `registers`: the requirements contain the extra `register`.
    """

    project: str
    team: str
    cloud: Cloud
    ci: Ci
    stacks: tuple[Stack, ...]
    registers: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def with_stack(self, stack: Stack, before: str | None = None) -> "Answers":
        """Return the answers with a further stack, deployed right before `before`.

        By default it is deployed last, or before the first production stack unless it is one itself.
        """
        names = [one.name for one in self.stacks]
        production = [one.name for one in self.stacks if one.is_production]
        if before is None and production and not stack.is_production:
            before = production[0]
        place = names.index(before) if before in names else len(names)
        return replace(self, stacks=(*self.stacks[:place], stack, *self.stacks[place:]))


class NotAnswers(Exception):
    """A record of answers does not have the expected form; the message says what is wrong."""


def read_answers(document: Any) -> Answers:
    """Return the answers in a record. Errors: NotAnswers."""
    if not isinstance(document, Mapping):
        raise NotAnswers("answers: must be an object")
    stacks = document.get("stacks")
    if not isinstance(stacks, list):
        raise NotAnswers("answers.stacks: must be a list")
    return Answers(
        project=_text(document, "project"),
        team=_text(document, "team"),
        cloud=_one_of(document, "cloud", CLOUDS),
        ci=_one_of(document, "ci", CI_SYSTEMS),
        stacks=tuple(Stack(_text(one, "name"), _text(one, "host")) for one in stacks),
        registers=document.get("registers") is True,
    )


def _text(document: Any, key: str) -> str:
    value = document.get(key) if isinstance(document, Mapping) else None
    if not isinstance(value, str):
        raise NotAnswers(f"answers.{key}: must be a text")
    return value


def _one_of(document: Mapping[str, Any], key: str, values: tuple[Any, ...]) -> Any:
    value = document.get(key)
    if value not in values:
        raise NotAnswers(f"answers.{key}: must be one of: {', '.join(values)}")
    return value
