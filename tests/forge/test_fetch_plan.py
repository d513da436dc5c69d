"""The plan of a merged pull request: which run it is taken from, and what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.main import main
from bandplan.cli.saved_plan.plan import to_json
from bandplan.forge.artifact import only_file
from bandplan.forge.client import is_safe
from bandplan.forge.github import merged_pull
from tests.cli.test_saved_plan import plan
from tests.e2e.github import RepositoryFake, WorkflowRun, zipped
from tests.forge.forge_fake import NUMBER, TOKEN, GitLabFake, serving

MERGE, HEAD = "a" * 40, "b" * 40
ALLOWED = {"actions": "read", "contents": "read", "pull-requests": "read"}


def kept() -> dict[str, bytes]:
    return {"plan-prod": zipped({"plan.json": json.dumps(to_json(plan())).encode()})}


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RepositoryFake]:
    """Pull request 7 was merged as MERGE; the preview of its head, run 11, succeeded after run 10 had failed."""
    with serving(RepositoryFake(permissions=dict(ALLOWED))) as fake:
        assert isinstance(fake, RepositoryFake)
        merged = {"merged_at": "2026-11-01T00:00:00Z", "merge_commit_sha": MERGE}
        fake.pulls.append({"id": 1, "number": NUMBER, "base": {"ref": "main"}, "head": {"sha": HEAD}, **merged})
        fake.runs = [
            WorkflowRun(11, "preview.yml", "pull_request", HEAD, "change", "success", kept()),
            WorkflowRun(10, "preview.yml", "pull_request", HEAD, "change", "failure"),
        ]
        monkeypatch.chdir(tmp_path)
        for name, value in {
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPOSITORY": "org/repo",
            "GITHUB_SHA": MERGE,
            "GITHUB_REF_NAME": "main",
            "GITHUB_API_URL": fake.url,
        }.items():
            monkeypatch.setenv(name, value)
        yield fake


def fetch(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["fetch-plan", "--stack", "prod", "plan.json", *arguments])
    shown = capsys.readouterr()
    return status, shown.out + shown.err


def test_the_newest_preview_of_the_merged_head_gives_the_plan(
    github: RepositoryFake, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = fetch(capsys)
    assert status == 0, told
    assert json.loads(Path("plan.json").read_text()) == to_json(plan())
    assert "plan.json: the plan of run 11, made 2026-11-22T03:00:00Z of commit 0123456789: 1 step for prod" in told
    storage = [path for _, path in github.requests if path.startswith("/storage/")]
    assert len(storage) == 1
    assert TOKEN in github.tokens_seen
    assert "" in github.tokens_seen  # the storage that GitHub redirects to gets no token


def edit(github: RepositoryFake, what: str) -> None:
    first = github.runs[0]
    match what:
        case "pushed without a pull request":
            github.pulls.clear()
        case "merged elsewhere":
            github.pulls[0]["base"]["ref"] = "release"
        case "not merged":
            github.pulls[0]["merged_at"] = None
        case "never previewed":
            github.runs.clear()
        case "last preview failed":
            github.runs.append(WorkflowRun(12, "preview.yml", "pull_request", HEAD, "change", "failure"))
        case "no artifact":
            first.artifacts.clear()
        case "another artifact":
            first.artifacts = {"plan-dev": first.artifacts["plan-prod"]}
        case "two files":
            first.artifacts["plan-prod"] = zipped({"plan.json": b"{}", "more": b""})
        case "no archive":
            first.artifacts["plan-prod"] = b"PK\3\4 but not really"
        case "no plan":
            first.artifacts["plan-prod"] = zipped({"plan.json": b"{}"})
        case "no permission":
            github.permissions.pop("actions")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("pushed without a pull request", "commit aaaaaaaaaa does not merge a pull request into main"),
        ("merged elsewhere", "does not merge a pull request into main"),
        ("not merged", "does not merge a pull request into main"),
        ("never previewed", "preview.yml did not run for pull request 7"),
        ("last preview failed", "the last preview of pull request 7 (run 12) ended as failure"),
        ("no artifact", "run 11 has no artifact plan-prod, or it has expired"),
        ("another artifact", "run 11 has no artifact plan-prod, or it has expired"),
        ("two files", "artifact plan-prod: holds more than one plan"),
        ("no archive", "artifact plan-prod: is not a readable archive"),
        ("no plan", "plan.json: format: is not 'bandplan plan'"),
        (
            "no permission",
            "HTTP 403: Resource not accessible by integration; the job needs `permissions: {actions: read",
        ),
    ],
)
def test_what_is_no_reviewed_plan_is_refused_with_what_to_do(
    what: str, expected: str, github: RepositoryFake, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(github, what)
    status, told = fetch(capsys)
    assert status in (1, 2)
    assert expected in told
    assert what == "no plan" or what == "no permission" or "run the preview workflow by hand" in told


def test_a_run_by_hand_has_to_be_a_preview_of_this_very_commit(
    github: RepositoryFake, capsys: pytest.CaptureFixture[str]
) -> None:
    github.runs.append(WorkflowRun(20, "preview.yml", "workflow_dispatch", MERGE, "main", "success", kept()))
    assert fetch(capsys, "--run", "20")[0] == 0
    status, told = fetch(capsys, "--run", "11")
    assert status == 1
    assert "run 11: was not started by hand; is not on the branch main; is not for commit aaaaaaaaaa; run the" in told
    github.runs.append(WorkflowRun(21, "evil.yml", "workflow_dispatch", MERGE, "main", "success", kept()))
    assert "run 21: is not a run of preview.yml" in fetch(capsys, "--run", "21")[1]


def test_a_squashed_merge_is_found_among_several_pull_requests_of_a_commit() -> None:
    def pull(number: int, sha: str) -> dict[str, Any]:
        return {"number": number, "merged_at": "x", "merge_commit_sha": sha, "base": {"ref": "main"}}

    found = merged_pull([pull(1, "other"), pull(2, MERGE)], MERGE, "main")
    assert found is not None
    assert found["number"] == 2
    assert merged_pull([{"merged_at": 1, "base": "main"}], MERGE, "main") is None


def test_a_redirect_is_followed_over_https_or_on_this_machine_alone() -> None:
    assert is_safe("https://storage.example/x")
    assert is_safe("http://127.0.0.1:80/x")
    assert not is_safe("http://storage.example/x")
    assert not is_safe("file:///etc/passwd")
    assert only_file(zipped({"x": b"content"}), "plan-prod", 1_000, "run it again") == b"content"


class GitLabProjectFake(GitLabFake):
    """Merge request 7 of project 1, merged as MERGE; its pipelines with their jobs and plans."""

    def __init__(self) -> None:
        super().__init__()
        self.pipelines = [
            {"id": 11, "sha": HEAD, "status": "success", "source": "merge_request_event", "ref": "change"},
            {"id": 10, "sha": HEAD, "status": "failed", "source": "merge_request_event", "ref": "change"},
            {"id": 20, "sha": MERGE, "status": "running", "source": "web", "ref": "main"},
        ]

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, dict[str, str], Any]:
        base = "/api/v4/projects/1"
        if path == f"{base}/repository/commits/{MERGE}/merge_requests":
            return 200, {}, [{"iid": NUMBER, "state": "merged", "target_branch": "main"}]
        if path == f"{base}/merge_requests/{NUMBER}/pipelines":
            return 200, {}, self.pipelines
        if path.startswith(f"{base}/pipelines/") and path.endswith("/jobs"):
            names = ("preview: [dev]", "preview: [prod]", "other")
            return 200, {}, [{"id": 30 + place, "name": name, "status": "success"} for place, name in enumerate(names)]
        if path.startswith(f"{base}/pipelines/"):
            return 200, {}, next(one for one in self.pipelines if path == f"{base}/pipelines/{one['id']}")
        if path == f"{base}/jobs/31/artifacts/plan-prod.json":
            return 302, {"Location": f"{self.url.removesuffix('/api/v4')}/storage"}, None
        if path == "/storage":
            return 200, {}, json.dumps(to_json(plan())).encode()
        return 404, {}, {"message": "404 Not found"}


def test_on_gitlab_the_plan_is_that_of_the_merge_request_s_last_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = GitLabProjectFake()
    with serving(fake):
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
        for name, value in {
            "GITLAB_TOKEN": TOKEN,
            "CI_API_V4_URL": fake.url,
            "CI_PROJECT_ID": "1",
            "CI_COMMIT_SHA": MERGE,
            "CI_COMMIT_REF_NAME": "main",
        }.items():
            monkeypatch.setenv(name, value)
        status, told = fetch(capsys)
        assert status == 0, told
        assert "plan.json: the plan of run 11" in told
        assert json.loads(Path("plan.json").read_text()) == to_json(plan())
        assert fetch(capsys, "--run", "20")[0] == 0
        assert "pipeline 11: was not started by hand; is not on the branch main" in fetch(capsys, "--run", "11")[1]
        fake.pipelines[0]["status"] = "failed"
        assert "the last pipeline of merge request 7 (11) ended as failed" in fetch(capsys)[1]
