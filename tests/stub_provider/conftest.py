"""A stub workspace, a recording proxy in front of it, and a driver that calls the provider as an engine does."""

import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from bandplan.plugin.complete import complete
from bandplan.plugin.errors import InitFailed
from bandplan.plugin.values import plain, property_values
from bandplan.stub import process
from bandplan.stub.provider.databricks import DatabricksProvider

MODEL_SERVING = "databricks:index/modelServing:ModelServing"
SEED = b"seed"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path.replace('/api/2.0/serving-endpoints', 'SE')}"


@dataclass
class Proxy:
    """Forwards to the workspace and keeps what was asked. `before` may answer instead: (status, body, headers) or None;
    `loses` says for which requests the connection is cut after the workspace has answered."""

    target: str
    requests: list[Request] = field(default_factory=list)
    before: Callable[[Request], tuple[int, dict[str, Any], dict[str, str]] | None] = lambda request: None
    loses: Callable[[Request], bool] = lambda request: False
    url: str = ""

    def trace(self) -> list[str]:
        """Requests since the last call."""
        seen, self.requests = self.requests, []
        return [str(request) for request in seen]

    def bodies(self, method: str) -> list[Any]:
        return [request.body for request in self.requests if request.method == method]


class ProxyHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def log_message(self, format: str, *args: object) -> None:
        return

    def answer(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        data = self.rfile.read(size) if size else None
        request = Request(self.command, self.path, json.loads(data) if data else None)
        self.proxy.requests.append(request)
        planned = self.proxy.before(request)
        if planned is not None:
            status, body, headers = planned
            self.send(status, json.dumps(body).encode(), headers)
            return
        status, content, headers = self.forward(data)
        if self.proxy.loses(request):
            self.close_connection = True
            self.connection.close()
            return
        self.send(status, content, headers)

    def forward(self, data: bytes | None) -> tuple[int, bytes, dict[str, str]]:
        headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
        request = urllib.request.Request(self.proxy.target + self.path, data, headers, method=self.command)
        try:
            with urllib.request.urlopen(request) as response:
                return (
                    response.status,
                    response.read(),
                    {"X-Databricks-Org-Id": response.headers["X-Databricks-Org-Id"]},
                )
        except urllib.error.HTTPError as error:
            return error.code, error.read(), {}

    def send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer


@dataclass
class Resource:
    """A resource in the state of the driver."""

    urn: str
    id: str
    inputs: dict[str, PropertyValue]
    outputs: dict[str, PropertyValue]
    init_errors: list[str]

    @property
    def state(self) -> dict[str, Any]:
        return plain(self.outputs)


class Driver:
    """Up, preview, refresh and destroy of single resources, in the order of calls of a Pulumi engine."""

    def __init__(self, provider: DatabricksProvider) -> None:
        self.provider = provider
        self.ignored: list[str] = []
        """`ignoreChanges` of the resources; a caller keeps the old inputs there itself, as an engine does."""
        self.resources: dict[str, Resource] = {}

    def check(self, token: str, inputs: dict[str, Any], name: str = "chat") -> sdk.CheckResponse:
        old = self.resources.get(name)
        return complete(
            self.provider.check(
                sdk.CheckRequest(urn_of(token, name), old.inputs if old else {}, property_values(inputs), SEED)
            )
        )

    def diff(self, token: str, inputs: dict[str, Any], name: str = "chat") -> sdk.DiffResponse:
        """What a preview finds for a resource that exists."""
        checked = self.check(token, inputs, name)
        assert not checked.failures
        old = self.resources[name]
        return complete(
            self.provider.diff(sdk.DiffRequest(old.urn, old.id, old.outputs, checked.inputs or {}, self.ignored))
        )

    def up(
        self, token: str, inputs: dict[str, Any], name: str = "chat", timeout_seconds: float = 0
    ) -> tuple[str, Resource]:
        """(create, update, replace or same; the resource). Init failures are kept in the resource, as an engine does."""
        checked = self.check(token, inputs, name)
        assert not checked.failures, [vars(failure) for failure in checked.failures]
        news = checked.inputs or {}
        old = self.resources.get(name)
        if old is None:
            return "create", self.create(token, news, name, timeout_seconds)
        diff = self.diff(token, inputs, name)
        if diff.replaces:
            if diff.delete_before_replace:
                self.destroy(name)
            else:
                del self.resources[name]
                news = self.check(token, inputs, name).inputs or {}
            created = self.create(token, news, name, timeout_seconds)
            if not diff.delete_before_replace:
                self.delete(old)
            return "replace", created
        if not diff.changes and not old.init_errors:
            return "same", old
        try:
            request = sdk.UpdateRequest(old.urn, old.id, old.outputs, news, timeout_seconds, self.ignored, False)
            updated = Resource(old.urn, old.id, news, complete(self.provider.update(request)).properties, [])
        except InitFailed as error:
            updated = Resource(old.urn, old.id, news, error.properties, error.reasons)
        self.resources[name] = updated
        return "update", updated

    def create(self, token: str, news: dict[str, PropertyValue], name: str, timeout_seconds: float = 0) -> Resource:
        urn = urn_of(token, name)
        try:
            answer = complete(self.provider.create(sdk.CreateRequest(urn, news, timeout_seconds, False)))
            created = Resource(urn, answer.resource_id or "", news, answer.properties, [])
        except InitFailed as error:
            created = Resource(urn, error.resource_id, news, error.properties, error.reasons)
        self.resources[name] = created
        return created

    def preview_create(self, token: str, inputs: dict[str, Any], name: str = "chat") -> dict[str, Any]:
        news = self.check(token, inputs, name).inputs or {}
        request = sdk.CreateRequest(urn_of(token, name), news, 0, True)
        return plain(complete(self.provider.create(request)).properties)

    def refresh(self, name: str = "chat") -> bool:
        """Read the resource into the state; whether anything changed."""
        old = self.resources[name]
        answer = complete(self.provider.read(sdk.ReadRequest(old.urn, old.id, old.outputs, old.inputs)))
        if not answer.resource_id:
            del self.resources[name]
            return True
        self.resources[name] = Resource(old.urn, old.id, answer.inputs, answer.properties, [])
        return (answer.properties, answer.inputs) != (old.outputs, old.inputs)

    def imported(self, token: str, identity: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """(inputs, state) of a resource that exists and is in no state."""
        answer = complete(self.provider.read(sdk.ReadRequest(urn_of(token, "imported"), identity, {}, {})))
        return plain(answer.inputs), plain(answer.properties)

    def destroy(self, name: str = "chat") -> None:
        self.delete(self.resources.pop(name))

    def delete(self, resource: Resource) -> None:
        complete(self.provider.delete(sdk.DeleteRequest(resource.urn, resource.id, resource.outputs, 0)))


def urn_of(token: str, name: str) -> str:
    return f"urn:pulumi:local::bandplan::{token}::{name}"


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Running]:
    started = process.start(tmp_path_factory.mktemp("workspace") / "stub")
    yield started
    process.stop(started.state_dir)


@pytest.fixture
def proxy(running: process.Running) -> Iterator[Proxy]:
    proxy = Proxy(running.host)
    handler = type("Handler", (ProxyHandler,), {"proxy": proxy})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    yield proxy
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def driver(proxy: Proxy, running: process.Running) -> Iterator[Driver]:
    """A driver whose provider is configured; what it has made is deleted in the end."""
    provider = DatabricksProvider({"DATABRICKS_HOST": proxy.url, "DATABRICKS_TOKEN": running.token})
    complete(provider.configure(sdk.ConfigureRequest({}, {}, True, True)))
    proxy.trace()
    driver = Driver(provider)
    yield driver
    proxy.before, proxy.loses = (lambda request: None), (lambda request: False)
    for resource in reversed(list(driver.resources.values())):
        driver.delete(resource)


@pytest.fixture
def workspace_call(running: process.Running) -> Callable[..., Any]:
    """Somebody else's request to the workspace, past the proxy: (method, path, body) -> parsed answer."""

    def call(method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {running.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(running.host + path, data, headers, method=method)
        with urllib.request.urlopen(request) as response:
            return json.loads(response.read() or b"{}")

    return call


@pytest.fixture
def endpoint() -> Callable[..., dict[str, Any]]:
    """A valid classic endpoint; `entity` changes members of its one served entity, the rest members of the endpoint."""

    def build(entity: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
        served = {
            "entityName": "system.ai.meta_llama_v3_1_8b_instruct",
            "entityVersion": "1",
            "minProvisionedThroughput": 970,
            "maxProvisionedThroughput": 1940,
            **(entity or {}),
        }
        return {"name": "chat", "config": {"servedEntities": [served]}, **members}

    return build


@pytest.fixture(autouse=True)
def no_outer_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DATABRICKS_")]:
        monkeypatch.delenv(name)
