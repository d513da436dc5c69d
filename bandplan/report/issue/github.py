"""One issue per stack on GitHub (docs.github.com/rest/issues/issues, read 2026-11)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from bandplan.report.comment.client import Client, Clock, require_set
from bandplan.report.comment.github_access import github_access, repository_name
from bandplan.report.errors import LostAnswer
from bandplan.report.issue.drift import DriftIssue

LABEL: Final = "drift"
MOST_PAGES: Final = 50

Outcome = Literal["opened", "rewritten", "as it should be", "closed", "none needed"]


class Issues:
    """The drift issues of a repository. Errors of every call: PostingError."""

    def __init__(self, client: Client, repository: str) -> None:
        self._client = client
        self._path = f"/repos/{repository}/issues"

    def keep(self, wanted: DriftIssue) -> Outcome:
        """Bring the stack's issue in line. Of duplicates, as two runs at once can open them, the oldest stays."""
        there = sorted(self._open(wanted.marker), key=lambda issue: int(issue["number"]))
        for issue in there if not wanted.is_drift else there[1:]:
            self._write("PATCH", f"{self._path}/{issue['number']}", {"state": "closed", "state_reason": "completed"})
        if not wanted.is_drift:
            return "closed" if there else "none needed"
        if not there:
            self._write("POST", self._path, {"title": wanted.title, "body": wanted.body, "labels": [LABEL]})
            return "opened"
        if same(str(there[0].get("body") or ""), wanted.body):
            return "as it should be"
        self._write("PATCH", f"{self._path}/{there[0]['number']}", {"body": wanted.body})
        return "rewritten"

    def _open(self, marker: str) -> Iterator[Mapping[str, Any]]:
        """Open issues that a job wrote and that begin with the marker; what people write is left alone."""
        for page in range(1, MOST_PAGES + 1):
            answer = self._client.call("GET", f"{self._path}?labels={LABEL}&state=open&per_page=100&page={page}")
            for issue in answer.items(self._path):
                is_own = (issue.get("user") or {}).get("type") == "Bot" and "pull_request" not in issue
                if is_own and str(issue.get("body") or "").startswith(marker):
                    yield issue
            if 'rel="next"' not in answer.headers.get("link", ""):
                return

    def _write(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        """A write whose answer was lost is sent once more when that does no harm: all but opening an issue."""
        try:
            self._client.call(method, path, body)
        except LostAnswer:
            if method == "POST":
                raise
            self._client.call(method, path, body)


def same(there: str, wanted: str) -> bool:
    """GitHub may keep other line ends, and drops white space at the end."""
    return there.replace("\r\n", "\n").rstrip() == wanted.rstrip()


def issues_of(environ: Mapping[str, str], clock: Clock) -> Issues:
    """By the variables of GitHub Actions. Errors: NotConfigured."""
    require_set(environ, "GITHUB_TOKEN", "GITHUB_REPOSITORY")
    repository = repository_name(environ)
    return Issues(github_access(environ).client(clock), repository)
