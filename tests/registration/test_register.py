"""Which version comes of a registration: what MLflow's process would do is done here, over HTTP, by a few lines."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bandplan.serving.registration.attempt import MARK, Attempt, Mark
from bandplan.serving.registration.errors import RegistrationError, RegistrationStopped, UnsuitableSource
from bandplan.serving.registration.mlflow_process.job import Event, Job
from bandplan.serving.registration.register import register
from bandplan.serving.registration.request import Registered, RegistrationRequest
from bandplan.serving.registration.sources.digest import digest
from bandplan.serving.registration.sources.source import parse
from bandplan.serving.registration.timing import Timing, Waiting
from bandplan.serving.workspace.registry import SOURCE_DIGEST, Registry
from bandplan.serving.workspace.registry_entries import PENDING
from bandplan.stub.process import Running
from tests.stub.registering import created, finalized, mlmodel, place, put
from tests.stub.stub_client import StubClient

IMPATIENT = Timing(first_poll_seconds=0.0, longest_poll_seconds=0.0, patience_seconds=0.0)
"""A sign of life is missed at the first poll without one; nothing is waited for."""


class Polls(threading.Event):
    """A stop that does something in place of each pause between polls, and raises when there are too many."""

    def __init__(self, between: Callable[[int], None]) -> None:
        super().__init__()
        self.count = 0
        self._between = between

    def wait(self, timeout: float | None = None) -> bool:
        self.count += 1
        assert self.count < 50, "still waiting"
        self._between(self.count)
        return self.is_set()


@dataclass
class Maker:
    """Makes versions as MLflow's process does, without MLflow.

    `first` comes before a version is created, `meanwhile` between creating and finalizing it.
    """

    stub: StubClient
    registry: Registry
    jobs: list[Job] = field(default_factory=list)
    first: Callable[[], object] = lambda: None
    meanwhile: Callable[[str, int], object] = lambda name, version: None

    def run(self, job: Job, host: str, token: str, waiting: Waiting, progress: Callable[[str], None]) -> Event:
        assert job.name is not None
        self.jobs.append(job)
        self.first()
        attempt = Attempt(self.registry, job.name, job.digest, attempt_id=job.attempt_id)
        tags = {**job.tags, **attempt.tags()}
        version = create(self.stub, job.name, tags)
        attempt.created(str(version))
        self.meanwhile(job.name, version)
        put(self.stub, f"{place(job.name, version)}/MLmodel", mlmodel())
        finalized(self.stub, job.name, version)
        rival = attempt.rival()
        if rival is not None:
            self.registry.delete_version(job.name, str(version))
            return Event("outdone", version=rival.version)
        return Event("done", version=str(version), run_id="run", model_uri="models:/m-1")


def create(stub: StubClient, name: str, tags: dict[str, str]) -> int:
    return created(stub, name, tags=[{"key": key, "value": value} for key, value in tags.items()])


@dataclass
class Scene:
    """A model, the request for a version of it, and what was told."""

    request: RegistrationRequest
    maker: Maker
    told: list[str] = field(default_factory=list)

    @property
    def registry(self) -> Registry:
        return self.maker.registry

    def register(self, timing: Timing = IMPATIENT, stop: threading.Event | None = None) -> Registered:
        return register(self.request, progress=self.told.append, stop=stop, timing=timing, run=self.maker.run)

    def versions(self) -> dict[str, str]:
        """Number -> status."""
        return {version.version: version.status for version in self.registry.versions(self.request.name)}

    def begun(self, *, beats: int = 0, digest: str | None = None, at: float | None = None) -> str:
        """A PENDING version of another attempt."""
        mark = Mark("other", beats, int(time.time() if at is None else at))
        tags = {SOURCE_DIGEST: digest or self.request.digest, MARK: str(mark)}
        return str(create(self.maker.stub, self.request.name, tags))

    def finish(self, version: str) -> None:
        put(self.maker.stub, f"{place(self.request.name, version)}/MLmodel", mlmodel())
        finalized(self.maker.stub, self.request.name, int(version))


@pytest.fixture
def scene(
    workspace: Running, stub: StubClient, registry: Registry, name: str, logged_folder: Path, tmp_path: Path
) -> Scene:
    source = parse(str(logged_folder), tmp_path)
    content = digest(source, None, tmp_path / "digests")
    request = RegistrationRequest(name, source, content, "llm/v1/completions", workspace.host, workspace.token)
    return Scene(request, Maker(stub, registry))


def test_version_is_made_once_and_adopted_after_that(scene: Scene) -> None:
    assert scene.register() == Registered("1", "run", model_uri="models:/m-1")
    assert scene.register() == Registered("1", adopted=True)
    assert (len(scene.maker.jobs), scene.versions()) == (1, {"1": "READY"})


def test_changed_source_makes_one_more_version_and_keeps_the_old_one(scene: Scene) -> None:
    scene.register()
    scene.request = replace(scene.request, digest="sha256:other")
    assert scene.register().version == "2"
    assert scene.versions() == {"1": "READY", "2": "READY"}


def test_version_bears_its_digest_tags_and_description_and_no_mark_of_the_attempt(scene: Scene) -> None:
    scene.request = replace(scene.request, tags={"team": "search"}, description="What it is")
    version = scene.registry.version(scene.request.name, scene.register().version)
    assert version is not None
    assert dict(version.tags) == {"team": "search", SOURCE_DIGEST: scene.request.digest}
    assert version.description == "What it is"


def test_version_that_is_pending_for_a_while_is_waited_for(scene: Scene) -> None:
    scene.maker.stub.ok("POST", "/stub/faults", {"model": scene.request.name, "reads": 3})
    assert scene.register().version == "1"
    assert scene.versions() == {"1": "READY"}


def test_version_that_the_platform_cannot_register_is_deleted_and_its_reason_told(scene: Scene) -> None:
    fault = {"model": scene.request.name, "reason": "the signature is damaged", "reads": 1}
    scene.maker.stub.ok("POST", "/stub/faults", fault)
    with pytest.raises(RegistrationError, match=r"the signature is damaged .FAILED_REGISTRATION.*fix the cause"):
        scene.register()
    assert scene.versions() == {}
    assert scene.register().version == "2"


def test_version_that_never_gets_ready_is_left_to_be_waited_for_again(scene: Scene) -> None:
    scene.maker.stub.ok("POST", "/stub/faults", {"model": scene.request.name, "reads": None})
    with pytest.raises(RegistrationError, match=r"still PENDING_REGISTRATION.*run again to keep waiting"):
        scene.register(replace(IMPATIENT, ready_seconds=0.0))
    assert scene.versions() == {"1": PENDING}
    settle = f"/stub/models/{scene.request.name}/versions/1/settle"
    polls = Polls(lambda count: scene.maker.stub.ok("POST", settle) and None if count == 20 else None)
    assert scene.register(stop=polls) == Registered("1", adopted=True)
    assert len(scene.maker.jobs) == 1


def test_job_that_fails_leaves_no_half_version(scene: Scene) -> None:
    def fail(name: str, version: int) -> None:
        raise RegistrationError("the disk is full")

    scene.maker.meanwhile = fail
    with pytest.raises(RegistrationError, match="the disk is full"):
        scene.register()
    assert scene.versions() == {}


def test_version_of_a_living_attempt_is_waited_for_and_adopted(scene: Scene) -> None:
    version = scene.begun(beats=1)

    def live(count: int) -> None:
        """A sign of life before each poll, then the end."""
        if count < 5:
            mark = str(Mark("other", 1 + count, int(time.time())))
            scene.registry.set_tags(scene.request.name, version, {MARK: mark})
        else:
            scene.finish(version)

    assert scene.register(stop=Polls(live)) == Registered(version, adopted=True)
    assert scene.maker.jobs == []


def test_version_of_an_attempt_that_gives_no_sign_any_more_is_deleted_and_made_anew(scene: Scene) -> None:
    left = scene.begun(beats=4)
    assert scene.register().version == str(int(left) + 1)
    assert scene.versions() == {str(int(left) + 1): "READY"}
    assert any("left incomplete; deleting it" in text for text in scene.told)


def test_attempt_that_never_gave_a_sign_has_more_patience(scene: Scene) -> None:
    """The platform may refuse tags on a version that is being filled: silence alone proves nothing then."""
    version = scene.begun(beats=0)
    polls = Polls(lambda count: scene.finish(version) if count == 20 else None)
    assert scene.register(stop=polls) == Registered(version, adopted=True)
    scene.request = replace(scene.request, digest="sha256:other")
    left = scene.begun(beats=0)
    timing = replace(IMPATIENT, patience_without_beat_seconds=0.0)
    assert scene.register(timing).version == str(int(left) + 1)


def test_half_versions_of_other_sources_go_once_they_are_surely_abandoned(scene: Scene) -> None:
    old = scene.begun(digest="sha256:old", at=time.time() - 2 * 3600)
    young = scene.begun(digest="sha256:young")
    scene.register()
    assert scene.versions() == {young: PENDING, str(int(young) + 1): "READY"}
    assert old not in scene.versions()


def test_half_version_of_somebody_else_is_left_alone(scene: Scene) -> None:
    theirs = str(create(scene.maker.stub, scene.request.name, {"team": "search"}))
    scene.register()
    assert scene.versions()[theirs] == PENDING


def test_two_attempts_at_once_leave_the_version_that_was_created_first(scene: Scene) -> None:
    # Each has looked for versions before either creates one: a later one would wait for the other's instead.
    both_looked, both_created = threading.Barrier(2, timeout=60), threading.Barrier(2, timeout=60)
    scene.maker.first = both_looked.wait
    scene.maker.meanwhile = lambda name, version: both_created.wait()
    results: list[Registered] = []
    timing = Timing(first_poll_seconds=0.01, longest_poll_seconds=0.05)
    attempts = [threading.Thread(target=lambda: results.append(scene.register(timing))) for _ in range(2)]
    for attempt in attempts:
        attempt.start()
    for attempt in attempts:
        attempt.join(60)
    assert len(scene.maker.jobs) == 2
    assert [result.version for result in results] == ["1", "1"]
    assert sorted(result.adopted for result in results) == [False, True]
    assert scene.versions() == {"1": "READY"}


def test_unsuitable_source_is_refused_before_anything_is_sent(scene: Scene) -> None:
    (scene.request.source.path / "MLmodel").write_text(mlmodel(mlflow_version="2.1.0", signature=...).decode())
    with pytest.raises(UnsuitableSource) as refused:
        scene.register()
    assert "S22" in str(refused.value) and "signature" in str(refused.value)
    assert (scene.maker.jobs, scene.versions()) == ([], {})


def test_folder_without_its_weights_is_refused_before_anything_is_sent(scene: Scene) -> None:
    (scene.request.source.path / "model" / "model.safetensors").unlink()
    with pytest.raises(UnsuitableSource, match="no weights"):
        scene.register()
    assert (scene.maker.jobs, scene.versions()) == ([], {})


def test_version_that_is_not_there_or_not_ready_is_no_source(scene: Scene, tmp_path: Path) -> None:
    name = scene.request.name
    scene.request = replace(scene.request, source=parse(f"models:/{name}/7", tmp_path))
    with pytest.raises(RegistrationError, match=f"models:/{name}/7: {name} has no version 7"):
        scene.register()
    begun = scene.begun(digest="sha256:other")
    scene.request = replace(scene.request, source=parse(f"models:/{name}/{begun}", tmp_path))
    with pytest.raises(RegistrationError, match=f"version {begun} of {name} is {PENDING}"):
        scene.register()
    assert scene.maker.jobs == []


def test_model_without_a_schema_is_refused_before_anything_is_logged(scene: Scene) -> None:
    scene.request = replace(scene.request, name="ml.nowhere.model")
    with pytest.raises(RegistrationError, match=r"ml\.nowhere\.model: there is no schema ml\.nowhere"):
        scene.register()
    assert scene.maker.jobs == []


def test_registration_that_was_called_off_makes_nothing(scene: Scene) -> None:
    stop = threading.Event()
    stop.set()
    scene.begun(beats=1)
    with pytest.raises(RegistrationStopped):
        scene.register(stop=stop)
    assert scene.maker.jobs == []


def test_version_that_somebody_deletes_meanwhile_is_an_error(scene: Scene) -> None:
    scene.maker.stub.ok("POST", "/stub/faults", {"model": scene.request.name, "reads": None})
    stop = Polls(lambda count: scene.registry.delete_version(scene.request.name, "1"))
    with pytest.raises(RegistrationError, match="version 1 is gone"):
        scene.register(stop=stop)
