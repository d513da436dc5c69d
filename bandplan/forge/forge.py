"""What a forge has to offer, whichever it is: the comments of a pull request, issues, and plans that were reviewed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bandplan.rest.clock import Clock

ReadText = Callable[[str], str]
"""Reads the text of a file by its path."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment. `created` sorts by age; `url` may be empty."""

    id: int
    body: str
    created: str
    author: str
    is_by_bot: bool
    url: str


class Comments(Protocol):
    """The comments of one pull request. Errors: ForgeError."""

    def comments(self) -> Iterator[Comment]:
        """All of them, over all pages."""
        ...

    def is_own(self, comment: Comment) -> bool:
        """Whether this job's account wrote it: anybody can write a comment that looks like ours."""
        ...

    def read(self, comment: Comment) -> Comment | None:
        """The comment as it is now; None when it is gone."""
        ...

    def create(self, body: str) -> None:
        """LostAnswer when it may have been created, or is to be created later."""
        ...

    def update(self, comment: Comment, body: str) -> None:
        """Does nothing when the comment is gone. LostAnswer as for `create`."""
        ...

    def delete(self, comment: Comment) -> None:
        """Does nothing when the comment is gone."""
        ...


@dataclass(frozen=True)
class Place:
    """A pull request's comments; `run` grows from one CI run to the next (0: not known), `commit` may be empty."""

    comments: Comments
    run: int
    commit: str


@dataclass(frozen=True)
class WantedIssue:
    """An issue as it should be. `body` begins with `marker`, by which the issue is found again."""

    title: str
    label: str
    marker: str
    body: str
    is_open: bool


IssueOutcome = Literal["opened", "rewritten", "as it should be", "closed", "none needed"]


class Issues(Protocol):
    """The issues of a repository. Errors: ForgeError."""

    def keep(self, wanted: WantedIssue) -> IssueOutcome:
        """Open, rewrite or close the one issue that has the marker."""
        ...


class ReviewedPlans(Protocol):
    """Plans that previews kept, for the commit that is being deployed. Errors: ForgeError."""

    def run_of_merge(self) -> int:
        """The newest preview run of the pull request whose merge is this commit; it must have succeeded."""
        ...

    def require_own_run(self, run: int) -> None:
        """NoPlan unless `run` is a preview of this commit, started by hand on this branch."""
        ...

    def plan(self, run: int, stack: str) -> bytes:
        """The plan that the run kept for the stack, as the file's bytes."""
        ...


@dataclass(frozen=True)
class TokenRequest:
    """The GET that a CI answers with an OpenID Connect token of the job, under `key` of a JSON object."""

    url: str
    secret: str = field(repr=False)
    key: str


class Forge(Protocol):
    """One forge, found by the variables that its CI sets. Errors of all: NotConfigured, with everything missing."""

    name: str
    sign: str
    """A variable that its CI sets for every job, and no other forge's."""

    identity_variables: tuple[str, ...]
    """What its CI sets in a job that may have a token of its own; empty where the job's own file names the variable."""

    identity_hint: str
    """What a job has to say so that it may have one."""

    def place(self, environ: Mapping[str, str], read_text: ReadText, pull_request: int | None, clock: Clock) -> Place:
        """The comments of `pull_request`, or of the one that this job is for."""
        ...

    def issues(self, environ: Mapping[str, str], clock: Clock) -> Issues:
        """The issues of the repository that this job is for."""
        ...

    def reviewed_plans(
        self, environ: Mapping[str, str], preview: str | None, most_bytes: int, clock: Clock
    ) -> ReviewedPlans:
        """The plans of at most `most_bytes` that `preview` kept; None: the workflow or job of the usual name."""
        ...

    def token_request(self, environ: Mapping[str, str], audience: str) -> TokenRequest | None:
        """How to ask for the job's token; `identity_variables` are set. None where there is nothing to ask."""
        ...
