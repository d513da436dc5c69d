"""What a platform with pull requests has to offer, GitHub and GitLab alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment. `created` sorts by age; `url` may be empty."""

    id: int
    body: str
    created: str
    author: str
    is_by_bot: bool
    url: str


class Forge(Protocol):
    """The comments of one pull request. Errors: PostingError."""

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
