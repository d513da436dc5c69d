"""Notes of a merge request on GitLab (docs.gitlab.com/api/notes)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bandplan.report.comment.client import Answer, Client
from bandplan.report.comment.forge import Comment
from bandplan.report.errors import Refused

PAGE_SIZE: Final = 100
MOST_PAGES: Final = 500

_NEXT_STEPS: Final = {
    401: "the token is wrong or has expired; a CI_JOB_TOKEN may not write notes, so give a project access token",
    403: "the token may not write notes: it needs the scope `api` and the role Reporter or above",
    404: "no such merge request, or the token may not see it; check CI_PROJECT_ID and --pull-request",
}


class GitLab:
    """A `Forge` for merge request `iid` of project `project` (a number)."""

    def __init__(self, client: Client, project: int, iid: int) -> None:
        self._client = client
        self._path = f"/projects/{project}/merge_requests/{iid}/notes"
        self._username: str | None = None

    def comments(self) -> Iterator[Comment]:
        for page in range(1, MOST_PAGES + 1):
            path = f"{self._path}?per_page={PAGE_SIZE}&page={page}&sort=asc&order_by=created_at"
            answer = self._call("GET", path)
            yield from (_comment(item) for item in answer.items(path) if not item.get("system"))
            if not answer.headers.get("x-next-page", "").strip():
                return

    def is_own(self, comment: Comment) -> bool:
        if self._username is None:
            self._username = str((self._call("GET", "/user").body or {}).get("username") or "")
        return bool(self._username) and comment.author == self._username

    def read(self, comment: Comment) -> Comment | None:
        answer = self._call_unless_gone("GET", comment)
        return _comment(answer.body) if answer is not None and isinstance(answer.body, dict) else None

    def create(self, body: str) -> None:
        self._call("POST", self._path, {"body": body})

    def update(self, comment: Comment, body: str) -> None:
        self._call_unless_gone("PUT", comment, {"body": body})

    def delete(self, comment: Comment) -> None:
        self._call_unless_gone("DELETE", comment)

    def _call_unless_gone(self, method: str, comment: Comment, body: dict[str, str] | None = None) -> Answer | None:
        try:
            return self._client.call(method, f"{self._path}/{comment.id}", body)
        except Refused as refused:
            if refused.status != 404:
                raise _explained(refused) from refused
            return None

    def _call(self, method: str, path: str, body: dict[str, str] | None = None) -> Answer:
        try:
            return self._client.call(method, path, body)
        except Refused as refused:
            raise _explained(refused) from refused


def _comment(item: Mapping[str, Any]) -> Comment:
    author = item.get("author") or {}
    return Comment(
        id=int(item["id"]),
        body=str(item.get("body") or ""),
        created=str(item.get("created_at") or ""),
        author=str(author.get("username") or ""),
        is_by_bot=False,
        url="",
    )


def _explained(refused: Refused) -> Refused:
    step = _NEXT_STEPS.get(refused.status)
    return Refused(refused.status, f"{refused}; {step}") if step else refused
