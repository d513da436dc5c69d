"""Drift as one issue per stack on GitHub: opened once, rewritten in place, closed; and what its text says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.main import main
from bandplan.report.drift_issue import drift_issue
from bandplan.report.errors import BadInput
from tests.e2e.github import RepositoryFake
from tests.forge.forge_fake import TOKEN, serving


def field(name: str = "config/max", verdict: str = "real", deployed: Any = 3920, live: Any = 4900) -> dict[str, Any]:
    return {"field": name, "verdict": verdict, "deployed": deployed, "live": live, "note": ""}


def document(*fields: dict[str, Any], stack: str = "prod", drift: bool = True) -> str:
    endpoint = {"name": "chat", "drift": drift, "reason": "", "fields": list(fields)}
    return json.dumps({"format": 1, "stack": stack, "drift": drift, "endpoints": [endpoint], "models": []})


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RepositoryFake]:
    with serving(RepositoryFake(permissions={"issues": "write"})) as fake:
        assert isinstance(fake, RepositoryFake)
        monkeypatch.chdir(tmp_path)
        for name, value in {"GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": "org/repo", "GITHUB_API_URL": fake.url}.items():
            monkeypatch.setenv(name, value)
        yield fake


def keep(text: str, capsys: pytest.CaptureFixture[str]) -> str:
    Path("drift.json").write_text(text)
    assert main(["drift-issue", "drift.json"]) == 0
    return capsys.readouterr().err.strip()


def test_an_issue_is_opened_once_rewritten_in_place_and_closed(
    github: RepositoryFake, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(field())
    assert keep(document(drift=False), capsys) == "issue: none needed"
    assert keep(found, capsys) == "issue: opened"
    assert keep(found, capsys) == "issue: as it should be"
    assert keep(document(field(live=5880)), capsys) == "issue: rewritten"
    assert keep(document(field(), stack="dev"), capsys) == "issue: opened"
    assert keep(document(drift=False), capsys) == "issue: closed"
    assert [(issue["title"], issue["state"]) for issue in github.issues.values()] == [
        ("Drift in prod", "closed"),
        ("Drift in dev", "open"),
    ]
    assert github.writes() == ["POST", "PATCH", "POST", "PATCH"]


def test_what_people_write_is_left_alone_and_a_second_issue_of_a_job_is_closed(
    github: RepositoryFake, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(document(field()), capsys)
    copied = {**github.issues[1], "number": 2, "id": 9002, "user": {"login": "someone", "type": "User"}}
    github.issues[2] = copied
    github.issues[3] = {**github.issues[1], "number": 3, "id": 9003}
    assert keep(document(field()), capsys) == "issue: as it should be"
    assert [issue["state"] for issue in github.issues.values()] == ["open", "open", "closed"]


def test_the_text_tells_what_really_moved_and_nothing_of_it_becomes_markup_or_a_secret() -> None:
    token = "dapi" + "0123456789abcdef" * 2
    fields = [field(), field("ready", "autoscaler"), field("tags/<b>", deployed=None, live=f"@all {token} -->")]
    issue = drift_issue(document(*fields), "drift.json")
    assert issue.body.count("-->") == 1
    assert issue.body.startswith(issue.marker + "\n")
    assert "<code>config/max</code>: deployed <code>3920</code>, now <code>4900</code>" in issue.body
    assert "autoscaler" not in issue.body
    assert "ready" not in issue.body
    assert "<b>" not in issue.body
    assert token not in issue.body


def test_very_much_drift_stays_below_the_length_of_an_issue() -> None:
    long = [field(f"config/{'x' * 200}{number}", live="y" * 500) for number in range(50)]
    whole = json.loads(document(*long))
    whole["endpoints"] = [{**whole["endpoints"][0], "name": f"endpoint-{number}"} for number in range(1000)]
    body = drift_issue(json.dumps(whole), "drift.json").body
    assert len(body) <= 65_536
    assert "more lines" in body


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 2}', '{"format": 1, "stack": "x", "drift": 1, "endpoints": []}']
)
def test_what_is_no_result_of_drift_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"drift\.json"):
        drift_issue(text, "drift.json")
    (tmp_path / "drift.json").write_text(text)
    assert main(["drift-issue", str(tmp_path / "drift.json")]) == 2
