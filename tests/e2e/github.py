"""A repository on GitHub: comments and issues, runs of workflows with their artifacts, and a token per job."""

import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.forge.forge_fake import GitHubFake

REPOSITORY = "org/repo"


@dataclass
class WorkflowRun:
    id: int
    workflow: str
    event: str
    head_sha: str
    head_branch: str
    conclusion: str = ""
    artifacts: dict[str, bytes] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "path": f".github/workflows/{self.workflow}",
            "event": self.event,
            "head_sha": self.head_sha,
            "head_branch": self.head_branch,
            "status": "completed",
            "conclusion": self.conclusion,
        }


@dataclass
class RepositoryFake(GitHubFake):
    """`permissions` are those of the job that is running; what it lacks is refused as GitHub does."""

    runs: list[WorkflowRun] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    permissions: dict[str, str] = field(default_factory=dict)

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, dict[str, str], Any]:
        path = unquote(path).removeprefix(f"/repos/{REPOSITORY}")
        scope, level = needed(method, path)
        if scope and self.permissions.get(scope) not in (level, "write"):
            return 403, {}, {"message": "Resource not accessible by integration"}
        if found := re.fullmatch(r"/commits/(\w+)/pulls", path):
            return 200, {}, [pull for pull in self.pulls if found[1] in (pull["merge_commit_sha"], pull["head"]["sha"])]
        if found := re.fullmatch(r"/actions/workflows/([\w.]+)/runs", path):
            wanted = (found[1], query["event"][0], query["head_sha"][0])
            runs = [run.document() for run in self.runs if (run.workflow, run.event, run.head_sha) == wanted]
            return 200, {}, {"total_count": len(runs), "workflow_runs": runs}
        if found := re.fullmatch(r"/actions/runs/(\d+)(/artifacts)?", path):
            run = next((run for run in self.runs if run.id == int(found[1])), None)
            if run is None:
                return 404, {}, {"message": "Not Found"}
            return 200, {}, self.listed(run, query) if found[2] else run.document()
        if found := re.fullmatch(r"/actions/artifacts/(\d+)/zip", path):
            return 302, {"Location": f"{self.url}/storage/{found[1]}"}, {}
        if found := re.fullmatch(r"/storage/(\d+)", path):
            return 200, {}, self.archive(int(found[1]))
        if path == "/issues" or re.fullmatch(r"/issues/\d+", path):
            return self.issue(method, path, query, body)
        return super().answer(method, f"/repos/{REPOSITORY}{path}", query, body)

    def listed(self, run: WorkflowRun, query: dict[str, list[str]]) -> dict[str, Any]:
        names = [name for name in run.artifacts if name == query["name"][0]]
        place = list(run.artifacts).index
        return {"artifacts": [{"id": run.id * 100 + place(name), "name": name, "expired": False} for name in names]}

    def archive(self, number: int) -> bytes:
        run = next(run for run in self.runs if run.id == number // 100)
        return list(run.artifacts.values())[number % 100]

    def issue(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, dict[str, str], Any]:
        if method == "GET":
            labels = set(query["labels"])
            return (
                200,
                {},
                [one for one in self.issues.values() if one["state"] == "open" and labels <= set(one["labels"])],
            )
        if method == "POST":
            number = len(self.issues) + 1
            author = {"login": self.OWN, "type": "Bot"}
            self.issues[number] = {"id": 9000 + number, "number": number, "state": "open", "user": author, **body}
            return 201, {}, self.issues[number]
        issue = self.issues[int(path.rsplit("/", 1)[1])]
        issue.update(body)
        return 200, {}, issue


def needed(method: str, path: str) -> tuple[str, str]:
    """(permission, level) that a request needs."""
    level = "read" if method == "GET" else "write"
    if path.startswith("/actions/"):
        return "actions", level
    if path.startswith("/issues/") and "/comments" in path:
        return "pull-requests", level
    if path.startswith("/issues"):
        return "issues", level
    return ("pull-requests", level) if path.endswith("/pulls") else ("", "")


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def only(archive: bytes) -> Any:
    """The JSON in the archive's one file."""
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        (name,) = files.namelist()
        return json.loads(files.read(name))
