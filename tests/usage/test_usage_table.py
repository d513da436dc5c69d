"""Rows of usage tables: the header says which table, and every bad value is reported with its line and column."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bandplan.usage.problem import BadUsage
from bandplan.usage.usage_table import ENDPOINT_USAGE, GATEWAY_USAGE, MOST_PROBLEMS, Row, open_usage, read_csv

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
AT = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
ENDPOINT = (
    "request_time,endpoint_name,served_entity_name,status_code,input_token_count,output_token_count,request_streaming"
)
GATEWAY = (
    "event_time,endpoint_name,destination_model,status_code,input_tokens,output_tokens,latency_ms,time_to_first_byte_ms"
)


def rows(tmp_path: Path, text: str) -> list[Row]:
    path = tmp_path / "use.csv"
    path.write_text(text, encoding="utf-8")
    return list(open_usage(path, NOW).rows)


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(BadUsage) as error:
        rows(tmp_path, text)
    return str(error.value).replace(str(tmp_path), "")


def test_rows_of_the_serving_table(tmp_path: Path) -> None:
    text = f"{ENDPOINT}\n2026-11-22T12:00:00.000Z,chat,chat-1,200,2048,256,true\n2026-11-22 12:00:01,chat,,429,,null,\n"
    assert rows(tmp_path, text) == [
        Row(AT, "chat", 200, 2048, 256, None, None, "chat-1"),
        Row(AT + 1, "chat", 429, None, None),
    ]


def test_rows_of_the_gateway_have_latencies(tmp_path: Path) -> None:
    text = f"\ufeff{GATEWAY}\n2026-11-22T13:00:00+01:00,chat,system.ai.x,200,10,20,1500,250.5\n"
    assert rows(tmp_path, text) == [Row(AT, "chat", 200, 10, 20, 1.5, 0.2505)]
    assert read_csv(Path("/Volumes/x.csv"), text, NOW).table is GATEWAY_USAGE


def test_columns_may_stand_in_any_order_and_letter_case(tmp_path: Path) -> None:
    header = "Output_Token_Count,INPUT_TOKEN_COUNT,status_code,more,endpoint_name,request_time"
    assert rows(tmp_path, f"{header}\n7,6,200,x,chat,2026-11-22T12:00:00Z\n") == [Row(AT, "chat", 200, 6, 7)]


@pytest.mark.parametrize("number", [str(int(AT)), str(int(AT) * 1000)])
def test_times_as_seconds_or_milliseconds_since_1970(tmp_path: Path, number: str) -> None:
    assert rows(tmp_path, f"{ENDPOINT}\n{number},chat,c,200,1,1,\n")[0].seconds == AT


def test_file_of_other_columns_is_told_with_the_tables_and_the_query(tmp_path: Path) -> None:
    told = refused(tmp_path, "a,b\n1,2\n")
    assert told.startswith(
        "/use.csv:1: the columns are a, b; a usage file has those of system.serving.endpoint_usage ("
    )
    assert told.endswith("run the query that `bandplan rightsize --sql` prints, and export its result")


def test_missing_column_is_told_with_the_one_that_is_like_it(tmp_path: Path) -> None:
    told = refused(
        tmp_path, ENDPOINT.replace("input_token_count", "input_tokens_count").replace("status_code", "x") + "\n"
    )
    assert "input_token_count (is it input_tokens_count?)" in told
    assert "status_code" in told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("yesterday,chat,c,200,1,1,", "request_time: 'yesterday' is not a time; write it as"),
        ("2026-12-24T00:00:00Z,chat,c,200,1,1,", "is not between 2020 and now"),
        ("1970-01-01T00:00:00Z,chat,c,200,1,1,", "is not between 2020 and now"),
        ("2026-11-22T12:00:00Z,,c,200,1,1,", "endpoint_name: '' is not the name of an endpoint"),
        ("2026-11-22T12:00:00Z,chat,c,2000,1,1,", "status_code: '2000' is not an HTTP status"),
        ("2026-11-22T12:00:00Z,chat,c,200,-1,1,", "input_token_count: '-1' is not a number of tokens"),
        ("2026-11-22T12:00:00Z,chat,c,200,1,1.5,", "output_token_count: '1.5' is not a whole number"),
        ("2026-11-22T12:00:00Z,chat,c,200,1,1e12,", "output_token_count: '1e12' is not a number of tokens"),
        ("2026-11-22T12:00:00Z,chat", "2 values, but 6 columns"),
    ],
)
def test_bad_value_is_told_with_line_and_column(tmp_path: Path, line: str, told: str) -> None:
    good = "2026-11-22T12:00:00Z,chat,c,200,1,1,"
    found = refused(tmp_path, f"{ENDPOINT}\n{good}\n{line}\n{good}\n")
    assert found.startswith("/use.csv:3: ")
    assert told in found
    assert "\n" not in found


def test_every_problem_is_told_at_once_up_to_a_limit(tmp_path: Path) -> None:
    bad = "\n".join("x,chat,c,200,-1,1," for _ in range(15))  # two problems each
    lines = refused(tmp_path, f"{ENDPOINT}\n{bad}\n").splitlines()
    assert len(lines) == MOST_PROBLEMS + 1
    assert lines[-1] == f"/use.csv: and {30 - MOST_PROBLEMS} more"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b"", "the columns are none"),
        (f'{ENDPOINT}\n"open'.encode(), "not CSV"),
    ],
)
def test_file_that_is_no_csv_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "use.csv"
    path.write_bytes(content)
    with pytest.raises(BadUsage, match=told):
        list(open_usage(path, NOW).rows)


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="cannot be read: No such file"):
        open_usage(tmp_path / "none.csv", NOW)


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "use.parquet"
    moment = datetime.fromtimestamp(AT, UTC)
    columns = {
        "request_time": pyarrow.array([moment, moment], pyarrow.timestamp("us", "UTC")),
        "endpoint_name": ["chat", "chat"],
        "status_code": pyarrow.array([200, 429], pyarrow.int32()),
        "input_token_count": pyarrow.array([2048, None], pyarrow.int64()),
        "output_token_count": pyarrow.array([256, None], pyarrow.int64()),
        "request_streaming": [True, None],
    }
    parquet.write_table(pyarrow.table(columns), path)
    file = open_usage(path, NOW)
    assert file.table is ENDPOINT_USAGE
    assert list(file.rows) == [Row(AT, "chat", 200, 2048, 256), Row(AT, "chat", 429, None, None)]


def test_what_is_no_parquet_is_told(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "use.parquet"
    path.write_text("request_time")
    with pytest.raises(BadUsage, match="not readable Parquet"):
        list(open_usage(path, NOW).rows)
