"""The planner's answers on disk."""

import json
from pathlib import Path

import pytest

from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Load, Shape
from bandplan.planner.sizes import Size, Wanted
from bandplan.planner.target import Target
from bandplan.serving.planning.size_record import FILE, SizeRecord

CAPACITY = Capacity("bands", 980)
WANTED = Wanted(Load(Shape(2048, 256), 1.2), Target(12))


def asked(root: Path) -> Size:
    record = SizeRecord(root)
    found = record.sizes.of(CAPACITY, WANTED)
    record.save()
    return found


def changed(root: Path, **more: object) -> None:
    document = json.loads((root / FILE).read_text())
    (question,) = document["answers"]
    document["answers"][question].update(more)
    (root / FILE).write_text(json.dumps(document))


def test_an_answer_is_read_again(tmp_path: Path) -> None:
    assert asked(tmp_path) == Size(4, 4, True)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    changed(tmp_path, ceiling=9)
    assert asked(tmp_path) == Size(4, 9, True)


def test_answers_found_after_a_save_are_saved_too(tmp_path: Path) -> None:
    record = SizeRecord(tmp_path)
    record.sizes.of(CAPACITY, WANTED)
    record.save()
    record.sizes.of(Capacity("bands", 2000), WANTED)
    record.save()
    assert len(json.loads((tmp_path / FILE).read_text())["answers"]) == 2


def test_a_read_only_record_writes_nothing(tmp_path: Path) -> None:
    record = SizeRecord(tmp_path, is_read_only=True)
    assert record.sizes.of(CAPACITY, WANTED) == Size(4, 4, True)
    record.save()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_if_nothing_was_asked(tmp_path: Path) -> None:
    SizeRecord(tmp_path).save()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [{"ceiling": 1}, {"ceiling": "9"}, {"floor": -1}, {"refusal": None}, {"more": 1}])
def test_damaged_answers_are_worked_out_again(tmp_path: Path, bad: dict[str, object]) -> None:
    whole = asked(tmp_path)
    changed(tmp_path, **bad)
    assert asked(tmp_path) == whole


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"planner": "x", "answers": 7}', "[" * 5000])
def test_a_damaged_file_counts_as_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text(text)
    assert asked(tmp_path) == Size(4, 4, True)


def test_answers_of_another_planner_are_dropped(tmp_path: Path) -> None:
    asked(tmp_path)
    changed(tmp_path, ceiling=9)
    document = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({**document, "planner": "0" * 64}))
    assert asked(tmp_path) == Size(4, 4, True)


def test_a_folder_that_cannot_be_written_keeps_no_answer(tmp_path: Path) -> None:
    (tmp_path / ".bandplan").write_text("a file in its place")
    assert asked(tmp_path) == Size(4, 4, True)
