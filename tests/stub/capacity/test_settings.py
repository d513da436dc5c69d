"""The settings: what is taken, and every problem of what is not."""

import math
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub.capacity.settings import DEFAULTS, Settings, SettingsError


def test_null_is_the_default_and_what_is_left_out_stays() -> None:
    changed = Settings().changed({"queue_limit": 7, "basis": "output"})
    assert changed.changed({"queue_limit": None}) == Settings(basis="output")
    assert Settings().changed({}) == Settings()


@pytest.mark.parametrize(
    ("wanted", "rule"),
    [
        ({"solo_speedup": 4.01}, "solo_speedup: must be a number from 1 to 4."),
        ({"solo_speedup": True}, "solo_speedup: must be a number from 1 to 4."),
        ({"queue_limit": 1.5}, "queue_limit: must be an integer from 0 to 100000."),
        ({"queue_limit": -1}, "queue_limit: must be an integer from 0 to 100000."),
        ({"basis": "input"}, "basis: must be total or output."),
        ({"starts_chunks": 1}, "starts_chunks: must be true or false."),
        ({"startup_seconds": math.nan}, "startup_seconds: must be a number from 0 to 86400."),
        ({"scale_in_percent": 90}, "scale_in_percent: must be below scale_out_percent."),
        ({"speed": 1}, f"speed: must be one of: {', '.join(DEFAULTS)}."),
    ],
)
def test_value_out_of_range_is_told_with_its_rule(wanted: dict[str, Any], rule: str) -> None:
    with pytest.raises(SettingsError) as told:
        Settings().changed(wanted)
    assert str(told.value) == rule


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as told:
        Settings().changed({"queue_limit": "x", "burst_factor": 0, "nothing": 1})
    assert len(str(told.value).splitlines()) == 3


@pytest.mark.parametrize("name", DEFAULTS)
@pytest.mark.parametrize("value", ["", "1", [], {}, math.inf, -math.inf, 1e300, 10**400])
def test_no_value_is_taken_that_would_break_the_clockwork(name: str, value: Any) -> None:
    with pytest.raises(SettingsError):
        Settings().changed({name: value})


ROOT = Path(__file__).parent.parent.parent.parent


@pytest.mark.parametrize("file", ["docs/stub.md", "bandplan/stub/api/control/description.yaml"])
def test_every_setting_is_documented_and_described(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert [name for name in DEFAULTS if name not in text] == []
