"""Registrations through MLflow itself, in the processes that a deploy starts; each costs seconds: they are few."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import urllib3

from bandplan.serving.registration.checks.mlmodel import findings, parse_mlmodel
from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.mlflow_process.environment import process_environment
from bandplan.serving.registration.mlflow_process.job import Event, Job
from bandplan.serving.registration.mlflow_process.process import COMMAND
from bandplan.serving.registration.register import register
from bandplan.serving.registration.request import Registered, RegistrationRequest
from bandplan.serving.registration.sources.digest import digest
from bandplan.serving.registration.sources.source import parse
from bandplan.serving.registration.timing import Timing
from bandplan.serving.workspace.registry import SOURCE_DIGEST, Registry
from bandplan.stub.process import Running
from tests.answering import JsonHandler, answering
from tests.checkpoints import write_bert, write_llama, write_sparse_llama
from tests.stub.stub_client import StubClient

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).resolve().parents[2]
CHAT, EMBEDDINGS = "llm/v1/chat", "llm/v1/embeddings"
RUNS = "/api/2.0/mlflow/runs"
FILES = "/api/2.0/fs/files/Models"


@dataclass
class Registering:
    """Registers sources in the stub workspace; what was told is in `told`."""

    workspace: Running
    cache: Path
    told: list[str] = field(default_factory=list)

    def request(self, name: str, folder: Path, source: str, task: str | None, **settings: Any) -> RegistrationRequest:
        parsed = parse(source, folder)
        metadata: Mapping[str, str] = settings.get("metadata", {})
        content = digest(parsed, None, self.cache, task=task, metadata=metadata)
        return RegistrationRequest(name, parsed, content, task, self.workspace.host, self.workspace.token, **settings)

    def register(self, request: RegistrationRequest) -> Registered:
        return register(request, progress=self.told.append, timing=Timing(renew_seconds=0.05))

    def register_all(self, requests: list[RegistrationRequest]) -> list[Registered]:
        """At the same time, as a deploy does."""
        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(self.register, requests))


@dataclass(frozen=True)
class Made:
    """A version that was registered from a checkpoint, and the checkpoint."""

    request: RegistrationRequest
    registered: Registered

    @property
    def folder(self) -> Path:
        return self.request.source.path

    def file(self, stub: StubClient, path: str) -> bytes:
        """The contents of a file of the version."""
        place = f"{self.request.name.replace('.', '/')}/{self.registered.version}"
        response = stub.raw("GET", f"{FILES}/{place}/{path}")
        assert response.status == 200, (path, response.data)
        return response.data


class Issuer:
    """In front of the workspace: accepts `token-0` and those issued since, and records what each path was sent."""

    def __init__(self, workspace: Running) -> None:
        self.issued = 1
        self.sent: list[tuple[str, int]] = []
        self.url = ""
        pool = urllib3.PoolManager(retries=False)
        issuer = self

        class Handler(JsonHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0)) or None
                number = self.headers.get("Authorization", "").removeprefix("Bearer token-")
                if not number.isdecimal() or int(number) >= issuer.issued:
                    self.reply(401, {"error_code": "UNAUTHENTICATED", "message": "no such token"})
                    return
                issuer.sent.append((self.path, int(number)))
                dropped = ("host", "connection", "content-length", "authorization")
                kept = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
                headers = {**kept, "Authorization": f"Bearer {workspace.token}"}
                answer = pool.request(self.command, workspace.host + self.path, body=body, headers=headers)
                self.reply_bytes(answer.status, answer.data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = pass_on

        self.handler = Handler

    def renew(self) -> str:
        self.issued += 1
        return f"token-{self.issued - 1}"

    def newest_sent(self, path: str) -> int:
        return max(number for sent, number in self.sent if sent.startswith(path))


@pytest.fixture(scope="module")
def issuer(workspace: Running) -> Iterator[Issuer]:
    issuer = Issuer(workspace)
    with answering(issuer.handler) as issuer.url:
        yield issuer


@pytest.fixture(scope="module", autouse=True)
def environment() -> Iterator[None]:
    """None of MLflow's variables is set, whatever tests of MLflow in this process have left behind."""
    with pytest.MonkeyPatch.context() as environ:
        for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
            environ.delenv(name)
        yield


@pytest.fixture(scope="module")
def registering(workspace: Running, tmp_path_factory: pytest.TempPathFactory) -> Registering:
    return Registering(workspace, tmp_path_factory.mktemp("digests"))


@pytest.fixture(scope="module")
def made(registering: Registering, tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> dict[str, Made]:
    """A chat model, and an embedding model whose run holds no weights, registered at the same time.

    The first one by a login whose token is renewed all the time.
    """
    folder = tmp_path_factory.mktemp("checkpoints")
    write_llama(folder / "llama")
    write_bert(folder / "gte")
    (folder / "gte" / "LICENSE").write_text("Apache License 2.0")
    (folder / "gte" / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model\n")
    requests = [
        registering.request("ml.search.with_mlflow_llama", folder, "llama", CHAT, description="d", tags={"team": "x"}),
        registering.request(
            "ml.search.with_mlflow_gte",
            folder,
            "gte",
            EMBEDDINGS,
            metadata={"model_type": "gte-large"},
            reference_weights=True,
        ),
    ]
    requests[0] = replace(requests[0], host=issuer.url, token="token-0", renew=issuer.renew)
    registered = registering.register_all(requests)
    return {CHAT: Made(requests[0], registered[0]), EMBEDDINGS: Made(requests[1], registered[1])}


@pytest.mark.parametrize("task", [CHAT, EMBEDDINGS])
def test_s20_to_s23_checkpoint_becomes_a_version_that_the_platform_can_serve(
    made: dict[str, Made], stub: StubClient, task: str
) -> None:
    model = parse_mlmodel(made[task].file(stub, "MLmodel").decode(), "MLmodel")
    assert findings(model, task) == ()
    assert (model.inference_task, model.metadata_task) == (task, task)
    assert model.model_type == ("gte-large" if task == EMBEDDINGS else None)
    name, version = made[task].request.name, made[task].registered.version
    path = f"/api/2.0/serving-endpoints/get-model-optimization-info/{name}/{version}"
    assert stub.ok("GET", path)["optimizable"] is True


def test_mlflow_and_the_upload_send_renewed_tokens(made: dict[str, Made], issuer: Issuer) -> None:
    """Neither has only the token that the process was started with."""
    assert made[CHAT].registered.version == "1"
    assert issuer.newest_sent("/api/2.0/mlflow/runs/update") > 0
    assert issuer.newest_sent("/api/2.0/fs/") > 0


@pytest.mark.parametrize("task", [CHAT, EMBEDDINGS])
def test_version_holds_the_checkpoint_byte_for_byte(made: dict[str, Made], stub: StubClient, task: str) -> None:
    for path in made[task].folder.iterdir():
        held = hashlib.sha256(made[task].file(stub, f"model/{path.name}")).hexdigest()
        assert held == hashlib.sha256(path.read_bytes()).hexdigest(), path.name


@pytest.mark.parametrize("task", [CHAT, EMBEDDINGS])
def test_no_path_of_this_machine_is_in_what_is_registered(made: dict[str, Made], stub: StubClient, task: str) -> None:
    for name in ("MLmodel", "LICENSE.txt", "conda.yaml", "requirements.txt"):
        text = made[task].file(stub, name).decode().replace("file:///", "")
        local = [line for line in text.splitlines() if "/tmp" in line or str(made[task].folder) in line]
        assert local == [] or (name == "MLmodel" and all("artifact_path" in line for line in local)), (name, local)


def test_version_has_the_digest_the_description_and_the_tags(made: dict[str, Made], registry: Registry) -> None:
    request = made[CHAT].request
    version = registry.version(request.name, made[CHAT].registered.version)
    assert version is not None
    assert (version.description, dict(version.tags)) == ("d", {"team": "x", SOURCE_DIGEST: request.digest})
    assert version.run_id == made[CHAT].registered.run_id


def test_run_is_in_the_users_experiment_and_has_ended(made: dict[str, Made], stub: StubClient) -> None:
    run = stub.ok("GET", f"{RUNS}/get?run_id={made[CHAT].registered.run_id}")["run"]
    assert run["info"]["status"] == "FINISHED"
    experiment = stub.ok("GET", f"/api/2.0/mlflow/experiments/get?experiment_id={run['info']['experiment_id']}")
    me = stub.ok("GET", "/api/2.0/preview/scim/v2/Me")["userName"]
    assert experiment["experiment"]["name"] == f"/Users/{me}/bandplan"


def test_license_and_model_card_of_the_checkpoint_come_along(made: dict[str, Made], stub: StubClient) -> None:
    assert made[EMBEDDINGS].file(stub, "LICENSE.txt") == b"Apache License 2.0"
    assert b"license: apache-2.0" in made[EMBEDDINGS].file(stub, "model_card_data.yaml")


def test_models_and_runs_that_hold_weights_can_be_registered_again_under_another_name(
    made: dict[str, Made], registering: Registering, registry: Registry, tmp_path: Path
) -> None:
    chat = made[CHAT]
    version = f"models:/{chat.request.name}/{chat.registered.version}"
    run = f"runs:/{chat.registered.run_id}/model"
    logged = chat.registered.model_uri
    assert logged is not None and logged.startswith("models:/m-")
    requests = [
        registering.request("ml.search.with_mlflow_logged", tmp_path, logged, CHAT),
        registering.request("ml.search.with_mlflow_copy", tmp_path, version, CHAT),
        registering.request("ml.search.with_mlflow_rerun", tmp_path, run, CHAT),
    ]
    # A run with references to its weights: the version has them, the run has not.
    weightless = f"runs:/{made[EMBEDDINGS].registered.run_id}/model"
    refused = registering.request("ml.search.with_mlflow_weightless", tmp_path, weightless, EMBEDDINGS)
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(registering.register, refused)
        assert [made.version for made in registering.register_all(requests)] == ["1", "1", "1"]
        error = attempt.exception()
    assert isinstance(error, RegistrationError) and str(error).startswith(f"{weightless}/model: no weights")
    assert registry.version_numbers(refused.name) == ()
    for request in requests:
        copied = registry.version(request.name, "1")
        assert copied is not None and copied.is_ready


def test_killed_deploy_leaves_no_half_version_and_the_next_one_makes_it(
    workspace: Running, stub: StubClient, registry: Registry, logged_folder: Path
) -> None:
    name = "ml.search.with_mlflow_killed"
    # The upload hangs from its first file on.
    fault = {"route": "/api/2.0/fs/files/**", "method": "PUT", "action": "delay", "delay_seconds": 300, "times": None}
    stub.ok("POST", "/stub/faults", fault)
    try:
        with log_model_command(workspace, logged_folder, name) as deploy:
            until(lambda: registry.version_numbers(name) != (), deploy)
            deploy.kill()
            deploy.wait()
        until(lambda: registry.version_numbers(name) == ())
    finally:
        stub.ok("DELETE", "/stub/faults")
    with log_model_command(workspace, logged_folder, name) as deploy:
        output, _ = deploy.communicate()
    (version,) = registry.versions(name)
    assert version.is_ready
    assert output.splitlines()[-1] == f"version  {name} {version.version}"
    assert stub.raw("GET", f"{FILES}/{name.replace('.', '/')}/{version.version}/.git/HEAD").status == 404


# A child's peak counts from its fork on, so that it is never less than what its parent held: here 10 MB, in a test
# run hundreds.
MEASURED = (
    "import resource, subprocess, sys; subprocess.call(sys.argv[1:], stderr=subprocess.DEVNULL); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
)


def test_upload_of_a_large_file_takes_little_memory(workspace: Running, stub: StubClient, tmp_path: Path) -> None:
    """By the SDK's defaults 21 parts of 10 MiB would be in memory at once: this file has 25."""
    folder = write_sparse_llama(tmp_path / "large", size_bytes=260 * 10**6)
    name = "ml.search.with_mlflow_large"
    job = Job("checkpoint", "large", "large", str(folder), name, "sha256:large", "attempt", CHAT)
    environ = process_environment(os.environ, workspace.host, workspace.token, tmp_path, ROOT)
    command = [sys.executable, "-c", MEASURED, *COMMAND]
    # The process takes the end of its input for the end of the deploy.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
    ) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdin.write(job.to_line())
        process.stdin.flush()
        events = [Event.from_line(line) for line in process.stdout]
        peak = int(process.stderr.read())
    done = events[-1]
    assert done is not None and done.kind == "done", done
    held = stub.raw("HEAD", f"{FILES}/{name.replace('.', '/')}/1/model/model-00001-of-00001.safetensors")
    assert int(held.headers["content-length"]) > 260 * 10**6
    # Python, MLflow and transformers alone take 210 MB.
    # Kilobytes on Linux, bytes on macOS.
    peak_bytes = peak * (1 if sys.platform == "darwin" else 1024)
    assert peak_bytes < 350 * 10**6


@contextmanager
def log_model_command(workspace: Running, folder: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """`bandplan log-model --register` of a logged model's folder; killed at the end if it still runs."""
    (folder.parent / "Pulumi.yaml").write_text("name: project\n")
    environ = {**os.environ, "DATABRICKS_HOST": workspace.host, "DATABRICKS_TOKEN": workspace.token}
    command = ["log-model", folder.name, "--register", "--name", name, "--stack", "dev"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bandplan.cli.main", *command],
        cwd=folder.parent,
        env={**environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def until(holds: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Poll until it holds; the timeout of the test bounds it. A process that ends meanwhile is a failure."""
    while not holds():
        assert process is None or process.poll() is None, "the deploy has ended"
        time.sleep(0.1)
