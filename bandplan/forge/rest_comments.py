"""Comments over a forge's REST API: everything except whose they are and the form of one."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from bandplan.forge.client import Client, ForgeAnswer
from bandplan.forge.errors import Refused
from bandplan.forge.forge import Comment
from bandplan.forge.shape import records

PAGE_SIZE: Final = 100
MOST_PAGES: Final = 500


class RestComments(ABC):
    """`Comments` that are listed and created at one path, and read, updated and deleted below another."""

    update_method: ClassVar[str]
    order: ClassVar[str] = ""
    """What to add to the query of a list so that the oldest comment comes first."""

    next_steps: ClassVar[Mapping[int, str]]
    """What a user can do about a refusal, by its HTTP status."""

    def __init__(self, client: Client, path: str, path_of_one: str) -> None:
        self._client = client
        self._path = path
        self._path_of_one = path_of_one

    @abstractmethod
    def is_own(self, comment: Comment) -> bool: ...

    @abstractmethod
    def _comment(self, item: Mapping[str, Any]) -> Comment | None:
        """Return a listed item as a comment; None if the forge itself wrote it."""

    @abstractmethod
    def _has_next_page(self, answer: ForgeAnswer) -> bool: ...

    def comments(self) -> Iterator[Comment]:
        for page in range(1, MOST_PAGES + 1):
            path = f"{self._path}?per_page={PAGE_SIZE}&page={page}{self.order}"
            answer = self._call("GET", path)
            found = (self._comment(item) for item in records(answer.body, path, "comments", "id"))
            yield from (comment for comment in found if comment is not None)
            if not self._has_next_page(answer):
                return

    def read(self, comment: Comment) -> Comment | None:
        answer = self._call_unless_gone("GET", comment)
        if answer is None:
            return None
        (item,) = records([answer.body], self._path_of_one, "comments", "id")
        return self._comment(item)

    def create(self, body: str) -> None:
        self._call("POST", self._path, {"body": body})

    def update(self, comment: Comment, body: str) -> None:
        self._call_unless_gone(self.update_method, comment, {"body": body})

    def delete(self, comment: Comment) -> None:
        self._call_unless_gone("DELETE", comment)

    def _call_unless_gone(
        self, method: str, comment: Comment, body: dict[str, str] | None = None
    ) -> ForgeAnswer | None:
        try:
            return self._client.call(method, f"{self._path_of_one}/{comment.id}", body)
        except Refused as refused:
            if refused.status != 404:
                raise self._explained(refused) from refused
            return None

    def _call(self, method: str, path: str, body: dict[str, str] | None = None) -> ForgeAnswer:
        try:
            return self._client.call(method, path, body)
        except Refused as refused:
            raise self._explained(refused) from refused

    def _explained(self, refused: Refused) -> Refused:
        step = self.next_steps.get(refused.status)
        return Refused(refused.status, f"{refused}; {step}") if step else refused
