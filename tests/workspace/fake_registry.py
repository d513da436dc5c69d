"""Unity Catalog's registry as far as one client needs it: a stateful answer for a FakeWorkspace."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.workspace.fake_workspace import Reply, Seen

UC = "/api/2.1/unity-catalog"
MLFLOW = "/api/2.0/mlflow/unity-catalog/model-versions"
GONE = Reply(404, {"error_code": "REGISTERED_MODEL_DOES_NOT_EXIST", "message": "no such thing"})


@dataclass
class FakeRegistry:
    """Models by full name: each its versions by number, as MLflow's surface shows them, and its aliases."""

    versions: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    schemas: set[str] = field(default_factory=lambda: {"ml.own"})
    catalogs: set[str] = field(default_factory=lambda: {"ml"})
    page: int = 1000
    forbidden: bool = False

    def add(self, model: str, version: str, status: str = "READY", **tags: str) -> None:
        rows = [{"key": key.replace("__", "."), "value": value} for key, value in tags.items()]
        self.versions.setdefault(model, {})[version] = {
            "name": model,
            "version": version,
            "status": status,
            "tags": rows,
        }

    def answer(self, request: Seen) -> Reply:
        if self.forbidden:
            return Reply(403, {"error_code": "PERMISSION_DENIED", "message": "no USE CATALOG on ml"})
        url = urlsplit(request.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if url.path.startswith(MLFLOW):
            return self._mlflow(url.path.removeprefix(MLFLOW), {**query, **(request.body or {})})
        kind, *rest = [unquote(part) for part in url.path.removeprefix(f"{UC}/").split("/")]
        match kind, rest:
            case "catalogs", [name]:
                return Reply() if name in self.catalogs else GONE
            case "schemas", [name]:
                return Reply() if name in self.schemas else GONE
            case "models", [name, *more] if name in self.versions:
                return self._model(request, name, more, query)
        return GONE

    def _model(self, request: Seen, name: str, more: list[str], query: dict[str, str]) -> Reply:
        match request.method, more:
            case "GET", []:
                return Reply(body={"full_name": name, "owner": "ana", "comment": "ours"})
            case "GET", ["versions"]:
                start = int(query.get("page_token", 0))
                numbers = list(self.versions[name])
                page: dict[str, Any] = {
                    "model_versions": [{"version": int(n)} for n in numbers[start : start + self.page]]
                }
                if start + self.page < len(numbers):
                    page["next_page_token"] = str(start + self.page)
                return Reply(body=page)
            case "PATCH", ["versions", number]:
                self.versions[name][number]["description"] = request.body["comment"]
                return Reply()
            case "DELETE", ["versions", number]:
                return Reply() if self.versions[name].pop(number, None) else GONE
            case "PUT", ["aliases", alias]:
                self.aliases[name, alias] = str(request.body["version_num"])
                return Reply()
            case "GET", ["aliases", alias]:
                target = self.aliases.get((name, alias))
                return GONE if target is None else Reply(body={"version": int(target)})
            case "DELETE", ["aliases", alias]:
                return Reply() if self.aliases.pop((name, alias), None) else GONE
        return GONE

    def _mlflow(self, call: str, given: dict[str, str]) -> Reply:
        found = self.versions.get(given["name"], {}).get(given["version"])
        if found is None:
            return GONE
        others = [tag for tag in found["tags"] if tag["key"] != given.get("key")]
        match call:
            case "/get":
                return Reply(body={"model_version": found})
            case "/set-tag":
                found["tags"] = [*others, {"key": given["key"], "value": given["value"]}]
                return Reply()
            case "/delete-tag" if len(others) < len(found["tags"]):
                found["tags"] = others
                return Reply()
        return GONE
