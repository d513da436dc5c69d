"""What a benchmark counts, compared with what the workspace saw itself."""

from collections.abc import Iterator

import pytest

from tests.bench.paced_workspace import PacedWorkspace, paced_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PacedWorkspace]:
    with paced_workspace(tmp_path_factory.mktemp("truth") / "stub", "20:2") as running:
        yield running


@pytest.mark.parametrize("streams", [1, 16])
def test_requests_and_tokens_are_those_of_the_workspace(workspace: PacedWorkspace, streams: int) -> None:
    seen = workspace.observe(streams, requests=4 * streams)
    assert len(seen.log) == len(seen.samples) == sum(seen.point.counts.values()) == 4 * streams
    assert {one["output_tokens"] for one in seen.log} == {20}
    assert {one.outcome for one in seen.samples} == {"completed"}
