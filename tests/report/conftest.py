"""Both platforms, each as a fake on a port of its own, with the client that a job would use."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from bandplan.forge.choice import forge_of as forge_of_job
from bandplan.forge.forge import Comments
from bandplan.report.comment.body import Posted, posted
from bandplan.report.markdown.page import section_of
from bandplan.rest.clock import Clock
from tests.forge.forge_fake import NUMBER, TOKEN, ForgeFake, GitHubFake, GitLabFake, serving
from tests.report.previews import changed, document, entity, inputs, report_on


@dataclass
class Sleeps:
    """Time that passes only by waiting."""

    waited: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)

    def clock(self) -> Clock:
        return Clock(lambda: sum(self.waited), lambda: 1_800_000_000 + sum(self.waited), self.sleep, lambda: 0.5)


def environment(fake: ForgeFake, run: str = "100") -> dict[str, str]:
    """What a job's environment says on the platform of the fake."""
    if isinstance(fake, GitHubFake):
        return {
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPOSITORY": "org/repo",
            "GITHUB_API_URL": fake.url,
            "GITHUB_REF": f"refs/pull/{NUMBER}/merge",
            "GITHUB_RUN_ID": run,
        }
    return {
        "GITLAB_TOKEN": TOKEN,
        "CI_API_V4_URL": fake.url,
        "CI_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_IID": str(NUMBER),
        "CI_PIPELINE_ID": run,
    }


def forge_of(fake: ForgeFake, clock: Clock | None = None) -> Comments:
    """As a job of its own sees the platform."""
    environ = environment(fake)
    return forge_of_job(environ).place(environ, lambda path: "", None, clock or Sleeps().clock()).comments


def part(title: str, high: int = 5, run: int = 100) -> Posted:
    """A section of one endpoint whose ceiling grows to `high` chunks."""
    report = report_on(document(*changed(before=inputs(), after=inputs("chat", entity(2, high)))), title=title)
    return posted(section_of(report), run)


@pytest.fixture(params=[GitHubFake, GitLabFake], ids=["github", "gitlab"])
def fake(request: pytest.FixtureRequest) -> Iterator[ForgeFake]:
    with serving(request.param()) as running:
        yield running
