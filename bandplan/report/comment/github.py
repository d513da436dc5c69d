"""Comments of a pull request on GitHub (docs.github.com/rest/issues/comments)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bandplan.report.comment.client import Answer, Client
from bandplan.report.comment.forge import Comment
from bandplan.report.errors import Refused

PAGE_SIZE: Final = 100
MOST_PAGES: Final = 500

_NEXT_STEPS: Final = {
    301: "the repository has another name now",
    401: "the token is wrong or has expired",
    403: (
        "the token may not write comments: give the job `permissions: {pull-requests: write}`; on a pull request from "
        "a fork it never may, so post from a `workflow_run` instead, or write the report to the job's summary"
    ),
    404: "no such pull request, or the token may not see it; check the repository and --pull-request",
    410: "comments are switched off here",
    422: "GitHub does not take this comment; a locked or spammed conversation takes none",
}


class GitHub:
    """A `Forge` for pull request `number` of `repository` (owner/name)."""

    def __init__(self, client: Client, repository: str, number: int) -> None:
        self._client = client
        self._repository = repository
        self._number = number
        self._login: str | None = None
        self._is_login_known = False

    def comments(self) -> Iterator[Comment]:
        for page in range(1, MOST_PAGES + 1):
            path = f"{self._of_pull_request}?per_page={PAGE_SIZE}&page={page}"
            answer = self._call("GET", path)
            yield from (_comment(item) for item in answer.items(path))
            if 'rel="next"' not in answer.headers.get("link", ""):
                return

    def is_own(self, comment: Comment) -> bool:
        login = self._own_login()
        return comment.author == login if login is not None else comment.is_by_bot

    def read(self, comment: Comment) -> Comment | None:
        answer = self._call_unless_gone("GET", comment)
        return _comment(answer.body) if answer is not None and isinstance(answer.body, dict) else None

    def create(self, body: str) -> None:
        self._call("POST", self._of_pull_request, {"body": body})

    def update(self, comment: Comment, body: str) -> None:
        self._call_unless_gone("PATCH", comment, {"body": body})

    def delete(self, comment: Comment) -> None:
        self._call_unless_gone("DELETE", comment)

    @property
    def _of_pull_request(self) -> str:
        return f"/repos/{self._repository}/issues/{self._number}/comments"

    def _own_login(self) -> str | None:
        """None for a token of an app, such as that of GitHub Actions: it may not ask who it is."""
        if not self._is_login_known:
            try:
                self._login = str(self._client.call("GET", "/user").body["login"])
            except Refused as refused:
                if refused.status not in (403, 404):
                    raise _explained(refused) from refused
            except (TypeError, KeyError):
                pass
            self._is_login_known = True
        return self._login

    def _call_unless_gone(self, method: str, comment: Comment, body: dict[str, str] | None = None) -> Answer | None:
        try:
            return self._client.call(method, f"/repos/{self._repository}/issues/comments/{comment.id}", body)
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
    user = item.get("user") or {}
    return Comment(
        id=int(item["id"]),
        body=str(item.get("body") or ""),
        created=str(item.get("created_at") or ""),
        author=str(user.get("login") or ""),
        is_by_bot=user.get("type") == "Bot",
        url=str(item.get("html_url") or ""),
    )


def _explained(refused: Refused) -> Refused:
    step = _NEXT_STEPS.get(refused.status)
    return Refused(refused.status, f"{refused}; {step}") if step else refused
