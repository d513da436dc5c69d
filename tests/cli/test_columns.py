"""Tables fit the terminal, whatever the names in them; away from a terminal nothing is cut."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bandplan.bench.compare import Difference
from bandplan.bench.compare import table as compared
from bandplan.bench.table import head
from bandplan.cli import columns
from bandplan.cli.columns import described, table
from bandplan.cli.commands import doctor, policy
from bandplan.cli.diagnosis import Finding
from bandplan.cli.endpoints import Row, lines
from bandplan.cli.local_fleet import fleet_lines
from bandplan.cli.main import main
from bandplan.embedded.layout import hanging, shortened, width_of, wrapped
from bandplan.usage.text import rows
from tests.cli.test_local_fleet import BUSY
from tests.unhurried import UNHURRIED
from tests.usage.test_verdict import verdict

LONG = "product-search-embeddings-for-the-european-market-and-beyond-2"
"""A name of 62 characters; an endpoint's name has at most 63."""
WIDE = "データ分析チャット🚀" * 4
MODEL = "a_catalog_of_the_platform_team.models_in_production.llama_v3_3_70b_instruct_finetuned v1234 (100%)"


def text_of(found: Sequence[Sequence[str]]) -> list[str]:
    return ["".join(line) for line in found]


@pytest.mark.parametrize("width", [80, 60, 132])
@pytest.mark.parametrize("name", [LONG, WIDE, "chat"])
def test_table_of_endpoints_fits(name: str, width: int) -> None:
    row = Row(name, (MODEL, MODEL), "llm/v1/embeddings", "1,234,567 to 9,876,543, runs 1 (accepts 2)", "")
    engines = {name: "transformers (/srv/weights/llama-3.3-70b-instruct): starting"}
    for found in (lines([row], {}, engines, width), lines([row], {name: "IN_PROGRESS"}, None, width)):
        assert max(map(cell_len, text_of(found))) <= width
        assert name[:4] in "".join(text_of(found))


@pytest.mark.parametrize("name", [LONG, "chat"])
def test_status_of_the_local_workspace_fits(name: str) -> None:
    assert max(map(cell_len, fleet_lines([{**BUSY, "name": name}], 80))) <= 80


@pytest.mark.parametrize("name", [LONG, WIDE])
def test_table_of_bands_fits(name: str) -> None:
    found = table(rows([replace(verdict(), endpoint=name)]), 80, cuts=(0, 5))
    assert max(map(cell_len, text_of(found))) <= 80


def test_tables_of_the_benchmark_fit() -> None:
    widest = Difference("1,024 in flight", "output_tokens_per_second", 123456.7, 98765.4, -0.2, -0.301, -0.105)
    assert max(map(len, compared([widest, replace(widest, low=-0.301, high=0.105)]).splitlines())) <= 80
    assert len(head(80)) <= 80 and len(head(None)) == 100


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int], None]:
    """Make every command believe that its output goes to a terminal of some width."""
    root = tmp_path / LONG
    (root / "stacks").mkdir(parents=True)
    (root / "Pulumi.yaml").write_text("name: fleet\nruntime: python\n")
    (root / "models.yaml").write_text("version: 1\nmodels: []\n")
    for stack in ("production-of-europe", "production-of-america", "local"):
        (root / "stacks" / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
        (root / "stacks" / f"policies.{stack}.json").write_text("{}")
    monkeypatch.chdir(root)

    def to(width: int) -> None:
        for module in (columns, doctor, policy):
            monkeypatch.setattr(module, "terminal_width", lambda stream=None: width)

    return to


@pytest.mark.parametrize("width", [80, 60, 30])
@pytest.mark.parametrize(
    "command",
    [("policy", "list"), ("explain",), ("version",), ("docs",), (), ("stack", "ls", "--engine", "embedded")],
    ids=" ".join,
)
def test_table_of_a_command_fits(
    narrow: Callable[[int], None], capsys: pytest.CaptureFixture[str], command: tuple[str, ...], width: int
) -> None:
    narrow(width)
    assert main(list(command)) == 0
    printed = capsys.readouterr().out.splitlines()
    facts = [line for line in printed if not line.startswith(("next: ", "`bandplan"))]
    assert max(map(cell_len, facts)) <= width


RULE = "inference-table-missing"


@pytest.mark.parametrize(
    ("stacks", "form"),
    [
        (2, [f"{RULE}  mandatory  mandatory  Requests and responses are logged", " " * 47 + "to a table."]),
        (
            4,
            [
                f"{RULE}  mandatory  mandatory  mandatory  mandatory",
                "    Requests and responses are logged to a table.",
            ],
        ),
        (7, [RULE, "  stack 0  mandatory"]),
    ],
)
def test_descriptions_give_way_to_names(stacks: int, form: list[str]) -> None:
    heading = ("RULE", *(f"STACK {number}" for number in range(stacks)), "")
    row = (RULE, *("mandatory" for _ in range(stacks)), "Requests and responses are logged to a table.")
    found = text_of(described([heading, row], 80))
    assert max(map(cell_len, found)) <= 80
    start = next(at for at, line in enumerate(found) if line.startswith(RULE))
    assert [line.rstrip() for line in found[start : start + 2]] == form
    assert text_of(described([heading, row], None))[1].endswith("logged to a table.")


def test_findings_of_the_doctor_fit(narrow: Callable[[int], None], capsys: pytest.CaptureFixture[str]) -> None:
    narrow(80)
    doctor.show(Finding("error", "workspace of dev", f"https://example.com: {LONG} " * 3, f"run `{LONG}` " * 4))
    assert max(map(cell_len, capsys.readouterr().out.splitlines())) <= 80


def test_steps_of_a_ladder_fit() -> None:
    heading = ("CHUNKS", "TOKENS/S", "REQUESTS/S OF 100,000/10,000", "SECONDS OF 2,048/256", "")
    found = table([heading, ("1,024", "1,003,520", "12,345.67", "0.00", "123,456.78 USD/h")], 80, right=range(5))
    assert max(map(cell_len, text_of(found))) <= 80
    assert "123,456.78 USD/h" in text_of(found)[-1]


@UNHURRIED
@given(
    st.lists(st.tuples(*[st.text(max_size=90)] * 3), min_size=1, max_size=5),
    st.integers(30, 120),
    st.sampled_from([None, 0, 2]),
)
def test_any_table_fits(cells: list[tuple[str, str, str]], width: int, wraps: int | None) -> None:
    found = table([("NAME", "WHAT IT IS", ""), *cells], width, cuts=(0, 1), wraps=wraps)
    for line in text_of(found):
        assert "\n" not in line and (cell_len(line) <= width or "://" in line)


@UNHURRIED
@given(st.text(st.characters(categories=["L", "N", "So"]), max_size=90), st.integers(6, 40))
def test_shortened_text_keeps_both_ends(text: str, room: int) -> None:
    cut = shortened(text, room)
    assert width_of(cut) <= room
    assert cut == text or (cut.count("…") > text.count("…") - 1 and cut[0] == text[0])


@UNHURRIED
@given(
    st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20), min_size=1), st.integers(20, 60)
)
def test_wrapped_text_keeps_every_word(words: list[str], room: int) -> None:
    found = wrapped(" ".join(words), room)
    assert "".join(found).replace(" ", "") == "".join(words)
    assert all(width_of(line) <= room for line in found)


def test_url_is_never_broken() -> None:
    url = "http://127.0.0.1:40001/serving-endpoints/" + LONG + "/invocations"
    assert wrapped(f"see {url}", 40) == ["see", url]


def test_nothing_is_cut_away_from_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    whole = text_of(table([("NAME", "WHAT"), (LONG * 3, "x " * 200)], None))
    assert LONG * 3 in whole[1] and "…" not in whole[1]
    assert columns.terminal_width() is None


def test_command_to_copy_stays_on_one_line() -> None:
    assert wrapped("to see it run `bandplan stub status` now", 26) == ["to see it run", "`bandplan stub status` now"]
    assert wrapped("an ` alone breaks nothing here", 12) == ["an ` alone", "breaks", "nothing here"]


def test_continued_lines_are_indented() -> None:
    assert hanging("  one two three four", 14) == ["  one two", "    three four"]
    assert hanging("  one two three four", None) == ["  one two three four"]
