"""The interface of every forge: the comments of a pull request, issues, and reviewed plans."""

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
        """Yield all comments, over all pages."""
        ...

    def is_own(self, comment: Comment) -> bool:
        """Report whether this job's account wrote it: anyone can write a comment that looks like ours."""
        ...

    def read(self, comment: Comment) -> Comment | None:
        """Read the current comment; None if it no longer exists."""
        ...

    def create(self, body: str) -> None:
        """Create a comment. LostAnswer if it may have been created, or may be created later."""
        ...

    def update(self, comment: Comment, body: str) -> None:
        """Update a comment, if it still exists. LostAnswer as for `create`."""
        ...

    def delete(self, comment: Comment) -> None:
        """Delete a comment, if it still exists."""
        ...


@dataclass(frozen=True)
class Place:
    """A pull request's comments; `run` grows from one CI run to the next (0: unknown), `commit` may be empty."""

    comments: Comments
    run: int
    commit: str


@dataclass(frozen=True)
class WantedIssue:
    """An issue as it should be. `body` begins with `marker`, which identifies the issue."""

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
    """Plans stored by previews, for the commit that is being deployed. Errors: ForgeError."""

    def run_of_merge(self) -> int:
        """Return the newest preview run of the pull request merged by this commit; it must have succeeded."""
        ...

    def require_own_run(self, run: int) -> None:
        """Raise NoPlan unless `run` is a preview of this commit, started by hand on this branch."""
        ...

    def plan(self, run: int, stack: str) -> bytes:
        """Return the plan that the run stored for the stack, as the file's bytes."""
        ...


@dataclass(frozen=True)
class TokenRequest:
    """The GET request that a CI answers with an OpenID Connect token of the job, under `key` of a JSON object."""

    url: str
    secret: str = field(repr=False)
    key: str


class Forge(Protocol):
    """One forge, recognized by the variables that its CI sets.

    Every method may raise NotConfigured, which lists everything that is missing.
    """

    name: str
    sign: str
    """A variable that only this forge's CI sets, for every job."""

    identity_variables: tuple[str, ...]
    """Variables that its CI sets in a job that may have its own token; empty if the job's own file names the variable.
    """

    identity_hint: str
    """What a job must declare to get a token."""

    def place(self, environ: Mapping[str, str], read_text: ReadText, pull_request: int | None, clock: Clock) -> Place:
        """Return the comments of `pull_request`, or of the one that this job runs for."""
        ...

    def issues(self, environ: Mapping[str, str], clock: Clock) -> Issues:
        """Return the issues of the repository that this job runs for."""
        ...

    def reviewed_plans(
        self, environ: Mapping[str, str], preview: str | None, most_bytes: int, clock: Clock
    ) -> ReviewedPlans:
        """Return the plans of at most `most_bytes` that `preview` stored; None: the usual workflow or job."""
        ...

    def token_request(self, environ: Mapping[str, str], audience: str) -> TokenRequest | None:
        """Return how to request the job's token; `identity_variables` are set. None if there is nothing to request."""
        ...
