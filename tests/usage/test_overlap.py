"""Exports that have the same rows, and such as do not."""

from bandplan.usage.overlap import Overlap
from bandplan.usage.usage_table import Row


def export(first: int, last: int, offset: float = 0.0, tokens: int | None = None) -> list[Row]:
    """A request every 7 s or so, of various lengths unless `tokens` is given."""
    return [
        Row(at * 7 + (1 + at % 13) / 16 + offset, "chat", 200, tokens or 500 + at % 101, tokens or 50 + at % 31)
        for at in range(first, last)
    ]


def is_found(*exports: list[Row]) -> bool:
    overlap = Overlap()
    for rows in exports:
        overlap.begin_export()
        for row in rows:
            overlap.add(row)
    return overlap.is_found


def test_rows_of_an_earlier_export() -> None:
    assert is_found(export(0, 5_000), export(0, 5_000))
    assert is_found(export(0, 5_000), export(4_000, 9_000))
    assert is_found(export(4_000, 9_000), export(0, 5_000))
    assert is_found(export(0, 5_000), export(9_000, 15_000), export(4_000, 5_000))


def test_other_rows() -> None:
    assert not is_found(export(0, 5_000), export(5_000, 10_000))
    assert not is_found(export(0, 5_000), export(0, 5_000, offset=0.03125))
    assert not is_found(export(0, 5_000, tokens=350), export(0, 5_000, offset=0.03125, tokens=350))
    assert not is_found(export(0, 5_000) * 2)  # the files of one folder, which Spark may write in any order
    assert not is_found(export(0, 5_000), [row._replace(endpoint="mail") for row in export(0, 5_000)])
    assert not is_found([], [])


def test_rows_without_fractions_of_a_second_may_be_other_requests() -> None:
    """Two halves of a busy minute, as two tasks of Spark write it, of an endpoint whose answers have no token counts."""
    half = [Row(float(at // 20), "chat", 200, None, None) for at in range(20 * 600)]
    assert not is_found(half, half)
