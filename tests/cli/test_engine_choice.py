import pytest

from bandplan.cli.engines.choice import EngineName, choose_engine
from bandplan.cli.errors import UsageProblem

PULUMI = "/usr/bin/pulumi"


@pytest.mark.parametrize(
    ("asked", "stack", "pulumi", "chosen"),
    [
        (None, "local", PULUMI, "pulumi"),
        (None, "local", None, "embedded"),
        (None, "prod", PULUMI, "pulumi"),
        ("embedded", "local", PULUMI, "embedded"),
        ("embedded", "dev", PULUMI, "embedded"),
        ("pulumi", "local", PULUMI, "pulumi"),
    ],
)
def test_pulumi_is_taken_when_there_and_not_told_otherwise(
    asked: EngineName | None, stack: str, pulumi: str | None, chosen: str
) -> None:
    assert choose_engine(asked, stack, pulumi) == chosen


def test_pulumi_asked_for_and_missing_is_refused() -> None:
    with pytest.raises(UsageProblem, match="`pulumi` is not on PATH"):
        choose_engine("pulumi", "local", None)


def test_another_stack_never_falls_back_to_the_embedded_engine() -> None:
    with pytest.raises(UsageProblem, match="--stack prod"):
        choose_engine(None, "prod", None)
