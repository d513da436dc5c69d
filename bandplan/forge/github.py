"""GitHub: comments of a pull request, issues, and plans that a workflow stored.

Source of paths: docs.github.com/rest, "Issue comments", "Issues", "Commits", "Workflow runs" and "Artifacts"; of
variables: docs.github.com, "Variables reference" of GitHub Actions (read 2026-11).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from bandplan.forge.artifact import fetched, only_file
from bandplan.forge.client import Client, ForgeAnswer
from bandplan.forge.environment import at, checked_base_url, checked_token, event_of, number, require_set, short_commit
from bandplan.forge.errors import ForgeError, LostAnswer, NoPlan, NotConfigured, Refused
from bandplan.forge.forge import Comment, IssueOutcome, Place, ReadText, TokenRequest, WantedIssue
from bandplan.forge.rest_comments import RestComments
from bandplan.forge.shape import part, record, records, text
from bandplan.rest.clock import Clock

MOST_PAGES_OF_ISSUES: Final = 50

_NEXT_STEPS: Final = {
    301: "the repository has been renamed",
    401: "the token is wrong or has expired",
    403: (
        "the token may not write comments: give the job `permissions: {pull-requests: write}`; a pull request from "
        "a fork never can, so post from a `workflow_run` instead, or write the report to the job's summary"
    ),
    404: "no such pull request, or the token may not see it; check the repository and --pull-request",
    410: "comments are disabled here",
    422: "GitHub rejects this comment; a locked or spammed conversation accepts none",
}

_FRESH: Final = (
    "run the preview workflow by hand on this branch, read its summary, and deploy that plan with its run's number "
    "(`bandplan docs gitops`, When a plan is refused)"
)

_REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}", re.ASCII)


class GitHub:
    """A `Forge`, by the variables that GitHub Actions sets."""

    name = "github"
    sign = "GITHUB_REPOSITORY"
    identity_variables: tuple[str, ...] = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    identity_hint = "the job needs `permissions: {id-token: write}`, which a pull request from a fork never has"

    def place(self, environ: Mapping[str, str], read_text: ReadText, pull_request: int | None, clock: Clock) -> Place:
        require_set(environ, "GITHUB_TOKEN", "GITHUB_REPOSITORY")
        repository = repository_name(environ)
        event = event_of(environ, read_text, "GITHUB_EVENT_PATH")
        found = pull_request or _of_ref(environ.get("GITHUB_REF", "")) or _of_event(event)
        if not found:
            raise NotConfigured("this run does not belong to a pull request; give its number with --pull-request")
        client = _client(environ, clock)
        head = at(event, "pull_request", "head", "sha") or environ.get("GITHUB_SHA", "")
        run = number(environ.get("GITHUB_RUN_ID"))
        return Place(GitHubComments(client, repository, found), run, short_commit(head))

    def issues(self, environ: Mapping[str, str], clock: Clock) -> "GitHubIssues":
        require_set(environ, "GITHUB_TOKEN", "GITHUB_REPOSITORY")
        repository = repository_name(environ)
        return GitHubIssues(_client(environ, clock), repository)

    def reviewed_plans(
        self, environ: Mapping[str, str], preview: str | None, most_bytes: int, clock: Clock
    ) -> "GitHubPlans":
        names = ("GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_REF_NAME")
        missing = [name for name in names if not environ.get(name, "").strip()]
        if missing:
            raise NotConfigured(f"fetch-plan runs in GitHub Actions: {', '.join(missing)} not set")
        name, client = repository_name(environ), _client(environ, clock)
        commit, branch = environ["GITHUB_SHA"], environ["GITHUB_REF_NAME"]
        return GitHubPlans(Repository(name, commit, branch, preview or "preview.yml"), most_bytes, client)

    def token_request(self, environ: Mapping[str, str], audience: str) -> TokenRequest:
        """Return the request for the job's token.

        Source: docs.github.com, "OpenID Connect reference", "Requesting the token" (read 2026-11).
        """
        address, secret = (environ[name].strip() for name in self.identity_variables)
        url = checked_base_url(address, self.identity_variables[0])
        separator = "&" if urlsplit(url).query else "?"
        return TokenRequest(f"{url}{separator}audience={quote(audience, safe='')}", secret, "value")


@dataclass(frozen=True)
class Repository:
    """Where to look. `name` is owner/name, `workflow` the preview's file name."""

    name: str
    commit: str
    branch: str
    workflow: str


class GitHubComments(RestComments):
    """`Comments` of pull request `number` of `repository` (owner/name)."""

    update_method = "PATCH"
    next_steps = _NEXT_STEPS

    def __init__(self, client: Client, repository: str, number: int) -> None:
        issues = f"/repos/{repository}/issues"
        super().__init__(client, f"{issues}/{number}/comments", f"{issues}/comments")
        self._login: str | None = None
        self._is_login_known = False

    def is_own(self, comment: Comment) -> bool:
        login = self._own_login()
        return comment.author == login if login is not None else comment.is_by_bot

    def _own_login(self) -> str | None:
        """Return our login; None for a token of an app, such as that of GitHub Actions, which may not look it up."""
        if not self._is_login_known:
            try:
                user = self._client.call("GET", "/user").body
                self._login = text(user, "login") or None if isinstance(user, dict) else None
            except Refused as refused:
                if refused.status not in (403, 404):
                    raise self._explained(refused) from refused
            self._is_login_known = True
        return self._login

    def _comment(self, item: Mapping[str, Any]) -> Comment:
        user = part(item, "user")
        return Comment(
            id=item["id"],
            body=text(item, "body"),
            created=text(item, "created_at"),
            author=text(user, "login"),
            is_by_bot=user.get("type") == "Bot",
            url=text(item, "html_url"),
        )

    def _has_next_page(self, answer: ForgeAnswer) -> bool:
        return _has_next_page(answer)


class GitHubIssues:
    """`Issues` of a repository."""

    def __init__(self, client: Client, repository: str) -> None:
        self._client = client
        self._path = f"/repos/{repository}/issues"

    def keep(self, wanted: WantedIssue) -> IssueOutcome:
        """Open, rewrite or close the issue. Of duplicates, which two concurrent runs can open, the oldest stays."""
        there = sorted(self._open(wanted), key=lambda issue: issue["number"])
        for issue in there if not wanted.is_open else there[1:]:
            self._write("PATCH", f"{self._path}/{issue['number']}", {"state": "closed", "state_reason": "completed"})
        if not wanted.is_open:
            return "closed" if there else "none needed"
        if not there:
            self._write("POST", self._path, {"title": wanted.title, "body": wanted.body, "labels": [wanted.label]})
            return "opened"
        if _is_same(text(there[0], "body"), wanted.body):
            return "as it should be"
        self._write("PATCH", f"{self._path}/{there[0]['number']}", {"body": wanted.body})
        return "rewritten"

    def _open(self, wanted: WantedIssue) -> Iterator[Mapping[str, Any]]:
        """Yield open issues that a job wrote and that begin with the marker; what people write is left alone."""
        for page in range(1, MOST_PAGES_OF_ISSUES + 1):
            label = quote(wanted.label, safe="")
            answer = self._client.call("GET", f"{self._path}?labels={label}&state=open&per_page=100&page={page}")
            for issue in records(answer.body, self._path, "issues", "number"):
                is_own = part(issue, "user").get("type") == "Bot" and "pull_request" not in issue
                if is_own and text(issue, "body").startswith(wanted.marker):
                    yield issue
            if not _has_next_page(answer):
                return

    def _write(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        """Resend a write whose answer was lost if that does no harm: all writes except opening an issue."""
        try:
            self._client.call(method, path, body)
        except LostAnswer:
            if method == "POST":
                raise
            self._client.call(method, path, body)


class GitHubPlans:
    """`ReviewedPlans` of a repository: runs of the preview's workflow, and their artifacts."""

    def __init__(self, repository: "Repository", most_bytes: int, client: Client) -> None:
        self._repository = repository
        self._most_bytes = most_bytes
        self._client = client

    def run_of_merge(self) -> int:
        """Return the newest preview run of the pull request merged by this commit; it must have succeeded."""
        repository = self._repository
        pulls = self._listed(f"/commits/{quote(repository.commit, safe='')}/pulls?per_page=100", "", "number")
        pull = merged_pull(pulls, repository.commit, repository.branch)
        if pull is None:
            raise NoPlan(
                f"no plan: commit {repository.commit[:10]} does not merge a pull request into {repository.branch}; "
                f"{_FRESH}"
            )
        head = quote(text(part(pull, "head"), "sha"), safe="")
        workflow = quote(repository.workflow, safe="")
        path = f"/actions/workflows/{workflow}/runs?event=pull_request&head_sha={head}&per_page=100"
        runs = self._listed(path, "workflow_runs", "id")
        if not runs:
            raise NoPlan(f"no plan: {repository.workflow} did not run for pull request {pull['number']}; {_FRESH}")
        newest = max(runs, key=lambda run: int(run["id"]))
        if newest.get("conclusion") != "success":
            how = newest.get("conclusion") or newest.get("status")
            raise NoPlan(
                f"no plan: the last preview of pull request {pull['number']} (run {newest['id']}) ended as {how}; "
                f"{_FRESH}"
            )
        return int(newest["id"])

    def require_own_run(self, run: int) -> None:
        """Raise NoPlan unless `run` is a preview of this commit, started by hand on this branch."""
        repository = self._repository
        path = f"/actions/runs/{run}"
        found = record(self._get(path), path, "a run")
        is_preview = str(found.get("path", "")).split("@")[0] == f".github/workflows/{repository.workflow}"
        wrong = [
            finding
            for is_wrong, finding in (
                (not is_preview, f"is not a run of {repository.workflow}"),
                (found.get("event") != "workflow_dispatch", "was not started by hand"),
                (found.get("head_branch") != repository.branch, f"is not on the branch {repository.branch}"),
                (found.get("head_sha") != repository.commit, f"is not for commit {repository.commit[:10]}"),
                (found.get("conclusion") != "success", "did not succeed"),
            )
            if is_wrong
        ]
        if wrong:
            raise NoPlan(f"run {run}: {'; '.join(wrong)}; {_FRESH}")

    def plan(self, run: int, stack: str) -> bytes:
        """Return the only file of the run's artifact `plan-STACK`."""
        name = f"plan-{stack}"
        path = f"/actions/runs/{run}/artifacts?name={quote(name, safe='')}&per_page=100"
        listed = self._listed(path, "artifacts", "id")
        there = [one for one in listed if one.get("name") == name and not one.get("expired")]
        if not there:
            raise NoPlan(f"no plan: run {run} has no artifact {name}, or it has expired; {_FRESH}")
        newest = max(there, key=lambda one: int(one["id"]))
        path = f"/repos/{self._repository.name}/actions/artifacts/{int(newest['id'])}/zip"
        archive = fetched(self._client, path, self._most_bytes, _FRESH)
        return only_file(archive, name, self._most_bytes, _FRESH)

    def _listed(self, path: str, key: str, number: str) -> list[dict[str, Any]]:
        """Return the list of the answer, or of its `key`, if not empty; each item has an integer `number`."""
        what = key.replace("_", " ") or "pull requests"
        body = self._get(path)
        return records(record(body, path, f"a list of {what}").get(key) if key else body, path, what, number)

    def _get(self, path: str) -> Any:
        try:
            return self._client.call("GET", f"/repos/{self._repository.name}{path}").body
        except ForgeError as error:
            hint = "the job needs `permissions: {actions: read, contents: read, pull-requests: read}`"
            raise NoPlan(f"no plan: {error}; {hint}") from error


def repository_name(environ: Mapping[str, str]) -> str:
    """Return owner/name from GITHUB_REPOSITORY, which is set. Errors: NotConfigured."""
    name = environ["GITHUB_REPOSITORY"]
    if not _REPOSITORY.fullmatch(name):
        raise NotConfigured("GITHUB_REPOSITORY is not of the form owner/name")
    return name


def _client(environ: Mapping[str, str], clock: Clock) -> Client:
    """Return a client with GITHUB_TOKEN, which is set, at GITHUB_API_URL. Errors: NotConfigured."""
    token = checked_token(environ["GITHUB_TOKEN"], "GITHUB_TOKEN")
    base_url = checked_base_url(environ.get("GITHUB_API_URL") or "https://api.github.com", "GITHUB_API_URL")
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    return Client(base_url, headers, token, clock, environ)


def merged_pull(pulls: Sequence[dict[str, Any]], commit: str, branch: str) -> dict[str, Any] | None:
    """Return the pull request that `commit` merged, whichever merge method was used."""
    merged = [pull for pull in pulls if pull.get("merged_at") and part(pull, "base").get("ref") == branch]
    exact = [pull for pull in merged if pull.get("merge_commit_sha") == commit]
    found: list[dict[str, Any]] = exact or merged
    return found[0] if found else None


def _has_next_page(answer: ForgeAnswer) -> bool:
    return 'rel="next"' in answer.headers.get("link", "")


def _is_same(there: str, wanted: str) -> bool:
    """Compare texts; GitHub may store other line endings, and drops trailing white space."""
    return there.replace("\r\n", "\n").rstrip() == wanted.rstrip()


def _of_ref(ref: str) -> int:
    found = re.fullmatch(r"refs/pull/(\d{1,18})/(?:merge|head)", ref)
    return int(found[1]) if found else 0


def _of_event(event: Mapping[str, Any]) -> int:
    """Return the pull request of an event: of a pull request, of a comment on one, or of a run that one started."""
    numbers = [at(event, "pull_request", "number")]
    if at(event, "issue", "pull_request") is not None:
        numbers.append(at(event, "issue", "number"))
    started = at(event, "workflow_run", "pull_requests")
    if isinstance(started, list) and len(started) == 1:
        numbers.append(at(started[0], "number"))
    return next((one for one in numbers if isinstance(one, int) and one > 0), 0)
