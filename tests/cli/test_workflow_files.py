"""`bandplan check` on CI files: every command exists, with its options, and every stack is deployed."""

from pathlib import Path

import pytest

from bandplan.cli.workflow_files import calls_of, check_workflows

STACKS = ("dev", "local", "prod")
GITHUB = """\
jobs:
  preview:
    strategy:
      matrix:
        stack: ${{ fromJSON(vars.BANDPLAN_STACKS || '["dev", "prod"]') }}
    steps:
      - run: pip install -r requirements.txt
      - run: bandplan validate --stack "$STACK"
      - run: |
          bandplan preview --stack "$STACK" --json > preview.json || failed=$?
          .venv/bin/bandplan fetch-plan --stack "$STACK" ${RUN:+--run "$RUN"} plan.json
"""
GITLAB = """\
.stacks: {parallel: {matrix: [{STACK: [dev, prod]}]}}
preview:
  extends: .stacks
  before_script: [pip install -r requirements.txt]
  script:
    - if test -n "$CI"; then bandplan report --stack "$STACK=preview.json" --post > comment.md; fi
deploy:
  id_tokens: !reference [.stacks, id_tokens]
  variables: {STACK: $OTHER}
  script: bandplan up --stack dev --yes
"""


def write(root: Path, github: str = "", gitlab: str = "") -> None:
    if github:
        (root / ".github/workflows").mkdir(parents=True)
        (root / ".github/workflows/preview.yml").write_text(github)
    if gitlab:
        (root / ".gitlab-ci.yml").write_text(gitlab)


def problems(root: Path, stacks: tuple[str, ...] = STACKS) -> tuple[str, ...]:
    return check_workflows(root, stacks).problems


def test_project_without_workflows_has_nothing_to_check(tmp_path: Path) -> None:
    found = check_workflows(tmp_path, STACKS)
    assert (found.files, found.commands, found.problems) == (0, 0, ())


def test_sound_files_pass(tmp_path: Path) -> None:
    write(tmp_path, GITHUB, GITLAB)
    found = check_workflows(tmp_path, STACKS)
    assert (found.files, found.commands, found.problems) == (2, 5, ())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "bandplan validate",
            "bandplan validat",
            'preview.yml:8: `bandplan validat --stack "$STACK"`: no such command',
        ),
        ("--json", "--jsn", "does not take --jsn (did you mean --json?)"),
        ('["dev", "prod"]', '["dev", "prod", "qa"]', "stack qa: no such stack; add it with `bandplan stack new qa`"),
        ('["dev", "prod"]', '["dev"]', "stack prod: no workflow previews or deploys it"),
        ("    steps:", "    steps: [", ".github/workflows/preview.yml: cannot be read: "),
    ],
)
def test_each_mistake_is_named_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GITHUB
    write(tmp_path, GITHUB.replace(old, new))
    assert any(said in problem for problem in problems(tmp_path)), problems(tmp_path)


def test_values_of_variables_are_not_judged(tmp_path: Path) -> None:
    write(tmp_path, GITHUB.replace("--json", '--parallel "$N" --json'))
    assert problems(tmp_path) == ()


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        ("bandplan up --yes && bandplan drift", ["up --yes", "drift"]),
        ("x=$(bandplan validate --show) | cat", ["validate --show"]),
        ("bandplan preview \\\n  --json > a.json", ["preview    --json"]),
        ("echo bandplanner up; mybandplan up", []),
        ("pip install bandplan==0.1.0", []),
    ],
)
def test_calls_are_found_in_a_script(script: str, calls: list[str]) -> None:
    assert calls_of(script) == calls


def test_this_repositorys_own_files_pass() -> None:
    root = Path(__file__).parents[2]
    found = check_workflows(root, STACKS)
    assert found.problems == () and found.files >= 3
