from typing import Any

import pytest

from bandplan.drift.recorded import RecordedAlias, RecordedStack, RecordedVersion
from bandplan.drift.registry import LiveRegistry, model_reports
from bandplan.serving.workspace.registry_entries import SOURCE_DIGEST, RegisteredVersion

STATE = {"status": "READY", "digest": "sha256:aa", "tags": {"run": "5"}}
STACK = RecordedStack(
    versions=(RecordedVersion("ml.a.b@champion", "ml.a.b", "3", STATE),),
    aliases=(RecordedAlias("ml.a.b", "champion", "3"),),
)


def live(**changes: Any) -> RegisteredVersion:
    tags = {SOURCE_DIGEST: "sha256:aa", "run": "5", **changes.pop("tags", {})}
    return RegisteredVersion("ml.a.b", "3", changes.pop("status", "READY"), tags=tags, **changes)


def told(version: RegisteredVersion | None, alias: str | None = "3") -> dict[str, tuple[Any, Any]]:
    answers = LiveRegistry({("ml.a.b", "3"): version}, {("ml.a.b", "champion"): alias})
    return {
        f"{report.name} {one.field}": (one.deployed, one.live)
        for report in model_reports(STACK, answers)
        for one in report.findings
    }


def test_version_and_alias_as_deployed_are_not_told() -> None:
    assert told(live(tags={"somebody": "else"})) == {}


@pytest.mark.parametrize(
    ("version", "alias", "name", "values"),
    [
        (live(), "4", "ml.a.b@champion version", ("3", "4")),
        (live(), None, "ml.a.b@champion version", ("3", None)),
        (None, "3", "ml.a.b v3 version", ("3", None)),
        (live(status="FAILED_REGISTRATION"), "3", "ml.a.b v3 status", ("READY", "FAILED_REGISTRATION")),
        (live(tags={"run": "6"}), "3", "ml.a.b v3 tags/run", ("5", "6")),
        (live(tags={SOURCE_DIGEST: "sha256:bb"}), "3", "ml.a.b v3 digest", ("sha256:aa", "sha256:bb")),
    ],
)
def test_version_or_alias_moved_by_hand_is_told(
    version: RegisteredVersion | None, alias: str | None, name: str, values: tuple[Any, Any]
) -> None:
    assert told(version, alias) == {name: values}
