"""Questions of `bandplan init`, and its flags."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.errors import UsageProblem
from bandplan.cli.starter_answers import answers_of
from bandplan.starter.answers import Model, Stack


def flags(**given: Any) -> argparse.Namespace:
    names = ("project", "team", "cloud", "stack", "ci", "model")
    return argparse.Namespace(
        **{name: given.get(name) for name in names},
        from_workspace=given.get("from_workspace", False),
        register=given.get("register", False),
    )


def answering(*texts: str) -> Callable[[str, str], str]:
    """Give these answers in turn; "" takes the default."""
    left = list(texts)
    return lambda question, default: left.pop(0) or default


def test_each_wrong_answer_is_told_and_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    typed = ("our fleet", "fleet", "", "ibm", "azure", "dev local", "dev prod=https://prod.example.com/", "jenkins")
    ask = answering(*typed, "gitlab", "chat=system.ai.gtp-oss-20b", "chat=system.ai.gpt-oss-20b")
    answers, models = answers_of(flags(), Path("x"), ask)
    assert (answers.project, answers.team, answers.cloud, answers.ci) == ("fleet", "fleet", "azure", "gitlab")
    assert answers.stacks == (Stack("dev"), Stack("prod", "https://prod.example.com"))
    assert models == (Model("chat", "system.ai.gpt-oss-20b", "llm/v1/chat", "model_units"),)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "our fleet: may contain letters, digits, hyphens, underscores and periods"
    assert said[1] == "ibm: must be one of: aws, azure, gcp"
    assert said[2] == "local: every project has it; leave it out"
    assert said[3] == "jenkins: must be one of: github, gitlab, none" and len(said) == 5


def test_every_wrong_flag_is_told_at_once_and_nothing_is_asked_for_it() -> None:
    given = flags(project="a b", cloud="ibm", ci="jenkins", stack=["dev", "dev"], model=["x"], team="t")
    with pytest.raises(UsageProblem) as refused:
        answers_of(given, Path("x"), answering())
    assert len(str(refused.value).splitlines()) == 5, str(refused.value)
    assert str(refused.value).endswith(
        "--model x: write ENDPOINT=MODEL, such as support-chat=system.ai.llama_v3_3_70b_instruct"
    )


def test_defaults_are_taken_if_nobody_can_be_asked() -> None:
    answers, models = answers_of(flags(), Path("our fleet"), None)
    assert (answers.project, answers.stacks, answers.ci) == ("our-fleet", (Stack("dev"), Stack("prod")), "github")
    assert [one.name for one in models] == ["support-chat"]
