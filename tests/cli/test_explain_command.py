from pathlib import Path

import pytest

from bandplan.cli.commands.explain import rules_of_the_file, rules_of_the_pack
from bandplan.cli.main import main


@pytest.fixture(autouse=True)
def outside_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_code_is_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    codes = [*rules_of_the_file(), *rules_of_the_pack()]
    assert listed == codes and len(codes) > 100
    for code in set(codes):
        assert main(["explain", code]) == 0
        assert capsys.readouterr().out.startswith(f"{code} (")


def test_error_names_its_rule_its_source_and_what_it_comes_before(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "s8-CHUNK"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "S8-chunk (error of models.yaml): bounds are whole chunks",
        "source: docs.databricks.com: Provisioned throughput Foundation Model APIs",
        "An error stops validate, preview and up before anything is changed; it cannot be waived.",
        "It comes before the platform's refusal of:",
        "  - bounds that are not whole chunks (caught by validate)",
    ]


def test_warning_shows_the_waiver_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "headroom-low"]) == 0
    assert "waivers: [{policy: headroom-low, reason: WHY, owner: WHO, expires: YYYY-MM-DD}]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("S8-chnk", "did you mean S8-chunk?"),
        ("S8", "codes that begin with it: S8-order, S8-chunk"),
        ("qqq", "`bandplan explain` lists them"),
    ],
)
def test_unknown_code_gets_the_nearest_one(code: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", code]) == 2
    assert capsys.readouterr().err == f"error: {code}: no such code; {said}\n"
