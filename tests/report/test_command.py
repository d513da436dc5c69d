"""`bandplan report` as it is called: files, standard input, exit status, and what is printed where."""

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bandplan.cli.main import main
from bandplan.report.comment import sticky
from bandplan.report.comment.body import MARKER
from tests.forge.forge_fake import TOKEN, Fault, ForgeFake
from tests.report.conftest import environment
from tests.report.previews import changed, document, entity, inputs
from tests.report.test_cases import DATA

CHANGED = json.dumps(document(*changed(before=inputs(), after=inputs("chat", entity(2, 6)))))
UNCHANGED = json.dumps(document())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with two previews; no variable of a CI."""
    (tmp_path / "prod.json").write_text(CHANGED)
    (tmp_path / "dev.json").write_text(UNCHANGED)
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN", "CI_API_V4_URL", "GITLAB_TOKEN", "GITHUB_EVENT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sticky, "SETTLE_SECONDS", 0.0)
    return tmp_path


def use(fake: ForgeFake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(fake).items():
        monkeypatch.setenv(name, value)


def test_a_file_gives_markdown_on_standard_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "prod.json"]) == 0
    assert capsys.readouterr().out.startswith("**<code>prod</code>** changes 1 endpoint: ")


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_a_preview_may_come_through_a_pipe(
    folder: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(UNCHANGED.encode()), isatty=lambda: False))
    assert main(["report", *arguments]) == 0
    assert capsys.readouterr().out == "Nothing changes in **<code>prod</code>**.\n"


def test_without_a_preview_it_says_how_to_give_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    assert main(["report"]) == 2
    assert "bandplan preview --json | bandplan report" in capsys.readouterr().err


def test_all_forms_are_written_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stacks = ["--stack", "eu=prod.json", "--stack", "us=dev.json"]
    assert main(["report", *stacks, "--json", "r.json", "--html", "r.html"]) == 0
    assert "**All 2 stacks**" in capsys.readouterr().out
    assert [stack["title"] for stack in json.loads((folder / "r.json").read_text())["stacks"]] == ["eu", "us"]
    assert (folder / "r.html").read_text().startswith("<!doctype html>")


def test_what_policies_found_comes_from_the_event_log(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = DATA / "policy-violation"
    given = ["--stack", f"prod={case / 'prod.json'}", "--events", f"prod={case / 'prod.events.jsonl'}"]
    assert main(["report", *given, "--prices", str(case / "prices.yaml")]) == 0
    assert capsys.readouterr().out == (case / "expected.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["gone.json"], "gone.json: No such file or directory"),
        (["."], ".: Is a directory"),
        (["bytes.json"], "bytes.json: not JSON: not UTF-8"),
        (["--stack", "prod.json"], "--stack: must be NAME=FILE"),
        (["prod.json", "--quiet-below", "tokens=5"], "--quiet-below tokens=5: unknown"),
        (["prod.json", "--prices", "prices.yaml"], "prices.yaml: currency: missing"),
        (["prod.json", "--artifact-url", "javascript:alert(1)"], "--artifact-url"),
        (["prod.json", "--artifact-url", "https://x/a b"], "--artifact-url"),
        (["prod.json", "--artifact-url", "https://[x"], "--artifact-url"),
        (["prod.json", "--events", "dev=log.jsonl"], "log.jsonl: this event log belongs to no stack"),
        (["prod.json", "--post"], "not posted: this is neither GitHub Actions nor GitLab CI"),
    ],
)
def test_wrong_arguments_are_told_with_exit_status_2(
    folder: Path, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bytes.json").write_bytes(b"\xff\xfe\x00")
    (folder / "prices.yaml").write_text("version: 1\nprices: []\n")
    (folder / "log.jsonl").write_text("")
    assert main(["report", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told_with_exit_status_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "prod.json", "--html", "no/such/folder.html"]) == 1
    assert "no/such/folder.html: No such file or directory" in capsys.readouterr().err


def test_post_writes_one_comment_and_says_where(
    folder: Path, fake: ForgeFake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(fake, monkeypatch)
    arguments = ["report", "--stack", "prod=prod.json", "--post", "--artifact-url", "https://ci.example.com/1"]
    assert main(arguments) == 0
    first = capsys.readouterr()
    assert first.err.startswith("comment created")
    assert "changes 1 endpoint" in first.out
    (body,) = fake.bodies()
    assert body.startswith(MARKER)
    assert "[Full report](<https://ci.example.com/1>)" in body
    assert main(arguments) == 0
    assert capsys.readouterr().err.startswith("comment is up to date")
    assert fake.writes() == ["POST"]


def test_post_of_nothing_is_silent(
    folder: Path, fake: ForgeFake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(fake, monkeypatch)
    assert main(["report", "dev.json", "--post"]) == 0
    assert capsys.readouterr().err == "nothing worth a comment\n"
    assert fake.comments == {}


def test_a_refusal_of_the_platform_is_exit_status_1_and_the_report_is_there_even_so(
    folder: Path, fake: ForgeFake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(fake, monkeypatch)
    fake.faults.append(Fault("GET", 401, {}, {"message": f"Bad credentials {TOKEN}"}))
    assert main(["report", "prod.json", "--post"]) == 1
    shown = capsys.readouterr()
    assert shown.out.startswith("**<code>prod</code>**")
    assert shown.err.startswith("error: not posted: GET ")
    assert TOKEN not in shown.err + shown.out


def test_it_loads_nothing_heavy_and_nothing_for_posting_without_a_post(folder: Path) -> None:
    names = ("pulumi", "pydantic", "yaml", "urllib3", "jsonschema", "rich", "grpc", "mlflow", "serving", "components")
    program = (
        "import sys\nfrom bandplan.cli.main import main\nmain(['report', 'prod.json', '--html', 'r.html', '--json', 'r.json'])\n"
        f"print([name for name in {names!r} if name in sys.modules], file=sys.stderr)"
    )
    root = str(Path(__file__).parents[2])
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": root}
    )
    assert ran.stderr.strip() == "[]"
