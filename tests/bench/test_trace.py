"""Traces of the public formats, and rows that are wrong."""

import gzip
from pathlib import Path

import pytest

from bandplan.bench.problem import BenchProblem
from bandplan.bench.trace import Arrival, read_lengths, read_trace

AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:15:51.2224670,879,55
"""
BURST_GPT = """Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,472,18,490,Conversation log
45,ChatGPT,1087,230,1317,Conversation log
"""
BURST_GPT_3 = """Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type
19440110.0,1722ac82-0a46-4bf0-aa08-89794e7a2b3f,43,GPT-4,906,446,1352,Conversation log
19440161.0,d5983bf9-4b48-497b-892b-a58995247443,2,ChatGPT,36,29,65,Conversation log
19440192.5,,,ChatGPT,300,0,300,API log
"""
"""The columns of its second release; rows of the API have no session, and a failed request has no response tokens."""


def trace(folder: Path, text: str, name: str = "trace.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_azure(tmp_path: Path) -> None:
    rows = read_trace(trace(tmp_path, AZURE))
    assert [(one.input_tokens, one.output_tokens) for one in rows] == [(374, 44), (396, 109), (879, 55)]
    assert [one.at for one in rows] == pytest.approx([0.0, 4.314579, 4.541877], abs=1e-5)


def test_burst_gpt_and_the_first_rows_alone(tmp_path: Path) -> None:
    assert read_trace(trace(tmp_path, BURST_GPT)) == [Arrival(0.0, 472, 18), Arrival(40.0, 1087, 230)]
    assert len(read_trace(trace(tmp_path, BURST_GPT), 1)) == 1


def test_burst_gpt_of_the_second_release_with_a_failed_request(tmp_path: Path) -> None:
    rows = read_trace(trace(tmp_path, BURST_GPT_3))
    assert rows == [Arrival(0.0, 906, 446), Arrival(51.0, 36, 29), Arrival(82.5, 300, 0)]


def test_columns_named_as_the_help_names_them(tmp_path: Path) -> None:
    assert read_trace(trace(tmp_path, "time,input,output\n0,5,6\n1.5,7,8\n")) == [
        Arrival(0.0, 5, 6),
        Arrival(1.5, 7, 8),
    ]


def test_json_lines_of_ours_and_of_mooncake(tmp_path: Path) -> None:
    ours = '{"time": 3, "input_tokens": 5, "output_tokens": 6}\n\n{"time": 1, "input_tokens": 7, "output_tokens": 0}\n'
    assert read_trace(trace(tmp_path, ours, "a.jsonl")) == [Arrival(0.0, 7, 0), Arrival(2.0, 5, 6)]
    mooncake = "".join(
        f'{{"timestamp": {at}, "input_length": 9, "output_length": 2, "hash_ids": [0]}}\n' for at in (27482, 30535)
    )
    assert [one.at for one in read_trace(trace(tmp_path, mooncake, "b.jsonl"))] == pytest.approx([0.0, 3.053])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (AZURE.replace("879", "many"), ":4: column ContextTokens: 'many': must be 1 to 10,000,000 tokens"),
        (AZURE.replace("374", "-3"), ":2: column ContextTokens: '-3'"),
        (AZURE.replace(",44\n", "\n"), ":2: column GeneratedTokens: missing"),
        (AZURE.replace("374", "1.5"), ":2: column ContextTokens: '1.5'"),
        (AZURE.replace("2023-11-16 18:15:50.9951690", "soon"), ":3: column TIMESTAMP: 'soon': must be seconds"),
        (AZURE.replace("ContextTokens", "Context"), ":1: no column input_tokens"),
        ("time,input_tokens,output_token\n1,2,3\n", ":1: no column output_tokens"),
        ("time,input_tokens,output_tokens\n", "no rows"),
        ("time,input_tokens,output_tokens\nnan,1,1\n", ":2: column time: 'nan'"),
        (
            "time,input_tokens,output_tokens\n0,1,1\n1e300,1,1\n",
            ":3: column time: '1e300': must be seconds below 1e+13",
        ),
        ("time,input_tokens\n0,1\n", "output); the columns are: input_tokens, time"),
        ("", ":1: no column time"),
    ],
)
def test_wrong_rows_are_named_by_line_and_column(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BenchProblem) as raised:
        read_trace(trace(tmp_path, text))
    assert told in str(raised.value)


def test_a_compressed_trace_is_to_be_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(gzip.compress(AZURE.encode()))
    with pytest.raises(BenchProblem, match="not UTF-8 at byte 1; unpack it"):
        read_trace(path)


def test_lengths_need_no_time(tmp_path: Path) -> None:
    assert read_lengths(trace(tmp_path, "input_tokens,output_tokens\n5,6\n7,0\n")) == [(5, 6), (7, 0)]
    assert read_lengths(trace(tmp_path, AZURE))[0] == (374, 44)
    with pytest.raises(BenchProblem) as raised:
        read_lengths(trace(tmp_path, "input_tokens,output_token\n5,6\n"))
    assert str(raised.value).endswith("no column output_tokens (or generatedtokens, response tokens, output_length, "
                                      "completion_tokens, num_decode_tokens, output); rename 'output_token'")  # fmt: skip


def test_all_wrong_rows_at_once_and_no_more_than_ten(tmp_path: Path) -> None:
    with pytest.raises(BenchProblem) as raised:
        read_trace(trace(tmp_path, "time,input_tokens,output_tokens\n" + "x,0,-1\n" * 20))
    assert len(str(raised.value).splitlines()) == 10


@pytest.mark.parametrize("line", ["[1]", "{", '{"time": 1}'])
def test_wrong_json_lines(tmp_path: Path, line: str) -> None:
    with pytest.raises(BenchProblem, match=r"b\.jsonl:1: "):
        read_trace(trace(tmp_path, line + "\n", "b.jsonl"))


def test_a_trace_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BenchProblem, match="No such file"):
        read_trace(tmp_path / "none.csv")
