"""No text of others steers a terminal: not from models.yaml, a workspace, a checkpoint or another file."""

import ast
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import bandplan.cli.main
from bandplan.cli.errors import CommandError
from bandplan.cli.main import COMMANDS, main
from bandplan.embedded.terminal import Door, drawing_board
from bandplan.wire.visible import visible
from tests.unhurried import UNHURRIED
from tests.workspace.fake_workspace import TOKEN, FakeWorkspace, Reply

ROOT = Path(__file__).resolve().parents[2]

STEERING = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x200B, 0x2010), *range(0x2028, 0x202F))]
STEERING += [chr(code) for code in (0x61C, 0x2060, *range(0x2066, 0x206A), 0xFEFF)]
"""C0, C1, DEL, marks of direction, what has no width, ends of lines that are no line feed."""

HOSTILE = "\x1b[31mRED\x1b]0;owned\x07 \u202egnp \x9b31m\x7f\u2066\u200b\u2028"
ESCAPED = HOSTILE.encode("unicode_escape").decode()

MODELS = f"""\
version: 1
models:
  - name: triage-chat
    task: llm/v1/chat
    model: system.ai.meta_llama_v3_1_8b_instruct
    version: "2"
    description: "{ESCAPED}"
    tags: {{purpose: "{ESCAPED}", "{ESCAPED}": v}}
    waivers: [{{policy: floor-zero, reason: "{ESCAPED}", owner: "{ESCAPED}", expires: 2099-01-31}}]
    throughput: {{tokens_per_second: {{min: 0, max: 970}}}}
  - name: wrong
    task: "{ESCAPED}"
    model: "{ESCAPED}"
    version: "{ESCAPED}"
    "{ESCAPED}": 1
    register: {{name: "a.b.{ESCAPED}", source: "{ESCAPED}"}}
    permissions: [{{user_name: "{ESCAPED}", permission_level: CAN_QUERY}}]
    throughput: {{bands: {{min: "{ESCAPED}", max: 1}}}}
"""


def steering(text: str) -> set[str]:
    """What of a text steers a terminal; line feeds and tabs are ours."""
    return set(text) & set(STEERING) - {"\n", "\t"}


@pytest.fixture(autouse=True)
def _streams_afterwards() -> Iterator[None]:
    before = sys.stdout, sys.stderr
    yield
    sys.stdout, sys.stderr = before


@pytest.mark.parametrize("character", [one for one in STEERING if one not in "\n\t"], ids=ascii)
def test_every_such_character_is_written_as_in_json(character: str) -> None:
    shown = visible(f"a{character}b")
    assert shown.isprintable() and not steering(shown)
    assert json.loads(f'"{shown}"') == f"a{character}b"


@UNHURRIED
@given(st.text())
def test_any_text_of_json_stays_the_same_json(text: str) -> None:
    written = visible(json.dumps({text: [text]}, ensure_ascii=False))
    assert not steering(written)
    assert json.loads(written) == {text: [text]}


def test_what_is_seen_stays() -> None:
    text = "5 → 6 ⚠️ Größe 日本語 🚀\n\tnext\n"
    assert visible(text) == text


def test_a_door_passes_on_all_that_is_not_writing() -> None:
    stream = io.StringIO()
    door = Door(stream)
    assert door.write("\x1bx") == 2
    door.writelines(["a", "\u202e"])
    door.flush()
    assert not door.isatty()
    assert stream.getvalue() == "\\u001bxa\\u202e"


@pytest.mark.parametrize("variable", ["GITHUB_ACTIONS", "TF_BUILD"])
def test_no_text_is_a_command_to_the_runner_of_a_ci_job(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        "x\n::add-mask::e",
        "  ::stop-commands::x",
        "a ##[set-output name=x]1",
        "##vso[task.setvariable variable=a]b",
    ]
    monkeypatch.setenv(variable, "true")
    stream = io.StringIO()
    Door(stream).write(json.dumps(texts, indent=1))
    assert json.loads(stream.getvalue()) == texts
    assert "##[" not in stream.getvalue() and "##vso[" not in stream.getvalue()
    for text in texts:
        stream = io.StringIO()
        Door(stream).write(text)
        assert not re.search(r"^\s*::|##(vso)?\[", stream.getvalue(), re.MULTILINE)
    stream = io.StringIO()
    Door(stream).write("urn:pulumi:local::bandplan::x\n## Title\n")
    assert stream.getvalue() == "urn:pulumi:local::bandplan::x\n## Title\n"


def test_what_draws_may_use_escape_sequences_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", Door(stream))
    drawing_board().write("\x1b[1A\r\u202e\x9b")
    assert stream.getvalue() == "\x1b[1A\r\\u202e\\u009b"


@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_a_command_says_goes_through_the_door(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Saying:
        def configure(self, parser: object) -> None: ...

        def run(self, arguments: object) -> int:
            print(HOSTILE)
            print(HOSTILE, file=sys.stderr)
            sys.stdout.write(HOSTILE)
            json.dump([HOSTILE], sys.stdout, ensure_ascii=False)
            raise CommandError(f"file: {HOSTILE}")

    monkeypatch.setattr(bandplan.cli.main, "load_command", lambda _: Saying())
    assert main([name]) == 1
    said = capsys.readouterr()
    assert "RED" in said.out and "error: file: " in said.err
    assert not steering(said.out + said.err)


def test_wrong_arguments_are_shown_and_steer_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["preview", f"--{HOSTILE}"])
    said = capsys.readouterr().err
    assert "RED" in said and not steering(said)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: bandplan\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text("config: {}\n")
    (tmp_path / "models.yaml").write_text(MODELS)
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    config = {"architectures": [HOSTILE], "model_type": HOSTILE, "auto_map": {"AutoModel": HOSTILE}}
    (checkpoint / "config.json").write_text(json.dumps(config))
    (checkpoint / f"model{HOSTILE[:4]}.safetensors").write_bytes(b"x")
    for name in ("BANDPLAN_MODELS", "DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ["validate", "--stack", "dev", "--show"],
        ["validate", "--stack", "dev"],
        ["preview", "--stack", "dev", "--offline", "--json"],
        ["policy", "test", "--stack", "dev"],
        ["migrate", "--stack", "dev"],
        ["rollback", HOSTILE, "--stack", "dev"],
        ["log-model", "checkpoint", "--task", "llm/v1/chat", "--check"],
        ["log-model", HOSTILE, "--task", "llm/v1/chat", "--check"],
        ["report", "models.yaml"],
        ["report", HOSTILE],
        ["drift-issue", "models.yaml"],
        ["-C", HOSTILE, "validate"],
    ],
    ids=lambda command: ascii(" ".join(command))[:40],
)
def test_a_hostile_file_steers_no_terminal(
    project: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        main(command)
    except SystemExit:
        pass
    said = capsys.readouterr()
    assert said.out + said.err
    assert not steering(said.out + said.err)


@pytest.mark.parametrize("status", [200, 400, 403, 404, 500])
def test_a_hostile_workspace_steers_no_terminal(
    status: int, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "models.yaml").write_text(MODELS[: MODELS.index("  - name: wrong")])
    answer = {"error_code": HOSTILE, "message": HOSTILE, "endpoints": [{"name": HOSTILE, "creator": HOSTILE}]}
    workspace = FakeWorkspace()
    workspace.in_turn(Reply(status, answer))
    monkeypatch.setenv("DATABRICKS_HOST", workspace.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    main(["validate", "--stack", "dev", "--refresh"])
    workspace.close()
    said = capsys.readouterr()
    assert said.out + said.err and not steering(said.out + said.err)


def test_shown_yaml_loads_to_the_same_texts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '"a\\u202eb\\u200b"'
    shown = MODELS[: MODELS.index("  - name: wrong")].replace(f'"{ESCAPED}"', text)
    (project / "models.yaml").write_text(shown)
    main(["validate", "--stack", "dev", "--show"])
    out = capsys.readouterr().out
    (entry,) = yaml.safe_load(out)["models"]
    assert not steering(out)
    assert entry["description"] == entry["tags"]["purpose"] == "a\u202eb\u200b"
    assert entry["tags"]["a\u202eb\u200b"] == "v"


def test_nothing_goes_round_the_door() -> None:
    """Standard output and error are reached by their names in `sys` alone, never by what lies below them."""
    around = re.compile(r"(__stdout__|__stderr__|\bstd(out|err)\.buffer\b|\bstd(out|err)\.stream\b)")
    found = []
    for room in ("cli", "embedded", "serving", "report", "drift", "adoption", "policies", "components"):
        for file in sorted((ROOT / "bandplan" / room).rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            names = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
            found += [f"{file.relative_to(ROOT)}: {name}" for name in names if around.search(name)]
    assert found == []
