"""Calls on Unity Catalog's model registry: registered models, their versions, tags and aliases; no MLflow.

Two surfaces over one store. Models, aliases and lists are read where Unity Catalog's own REST API has them; a single
version is read where MLflow's clients read it, because only there it comes with its tags.

Source of paths and bodies: docs.databricks.com REST reference, "Registered models" and "Model versions" (read 2025-11);
github.com/mlflow/mlflow, mlflow/protos/databricks_uc_registry_messages.proto, for the second surface (3.17).
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlencode

from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import Refused
from bandplan.serving.workspace.registry_entries import PENDING, READY, RegisteredModel, RegisteredVersion
from bandplan.serving.workspace.registry_entries import SOURCE_DIGEST as SOURCE_DIGEST

MOST_AT_ONCE = 16
"""Number of versions to read at the same time; a choice, as for optimization info: quick for hundreds, no burst of
thousands.
"""

_UNITY_CATALOG = "/api/2.1/unity-catalog"
_MODELS = f"{_UNITY_CATALOG}/models"
_MLFLOW = "/api/2.0/mlflow/unity-catalog/model-versions"
_PAGE = 1000


class Registry:
    """The models of one metastore; names are three-level and quoted here. Errors: those of the client.

    What does not exist, or is not visible, is None, or missing from a list; deleting something already deleted
    succeeds.
    """

    def __init__(self, client: WorkspaceClient) -> None:
        self._client = client

    @property
    def host(self) -> str:
        return self._client.host

    def model(self, name: str) -> RegisteredModel | None:
        body = self._found(_model_path(name))
        return None if body is None else RegisteredModel.from_response(body)

    def has_catalog(self, catalog: str) -> bool:
        return self._found(f"{_UNITY_CATALOG}/catalogs/{_quoted(catalog)}") is not None

    def has_schema(self, catalog: str, schema: str) -> bool:
        return self._found(f"{_UNITY_CATALOG}/schemas/{_quoted(f'{catalog}.{schema}')}") is not None

    def version(self, name: str, version: str) -> RegisteredVersion | None:
        """Read one version, with its tags and aliases."""
        body = self._found(f"{_MLFLOW}/get?{urlencode({'name': name, 'version': version})}")
        return None if body is None else RegisteredVersion.from_response(name, body.get("model_version") or {})

    def version_numbers(self, name: str) -> tuple[str, ...]:
        """Return the numbers of all versions in ascending order, in any status."""
        return tuple(sorted((str(row["version"]) for row in self._rows(name) if "version" in row), key=int))

    def versions(self, name: str) -> tuple[RegisteredVersion, ...]:
        """Read all versions with their tags, in ascending order: one request for each, and one per page of the list."""
        numbers = self.version_numbers(name)
        if not numbers:
            return ()
        with ThreadPoolExecutor(min(MOST_AT_ONCE, len(numbers)), thread_name_prefix="versions") as pool:
            found = list(pool.map(lambda number: self.version(name, number), numbers))
        return tuple(version for version in found if version is not None)

    def versions_from(self, name: str, digest: str) -> tuple[RegisteredVersion, ...]:
        """Return the READY and PENDING versions whose tags record that they were made from `digest`, in ascending
        order.
        """
        return tuple(
            version
            for version in self.versions(name)
            if version.tags.get(SOURCE_DIGEST) == digest and version.status in (READY, PENDING)
        )

    def aliased(self, name: str, alias: str) -> str | None:
        """Return the number of the version that an alias points to, or None."""
        body = self._found(_alias_path(name, alias))
        return None if body is None else str(body.get("version"))

    def set_alias(self, name: str, alias: str, version: str) -> None:
        self._client.put(_alias_path(name, alias), {"version_num": int(version)})

    def delete_alias(self, name: str, alias: str) -> None:
        self._gone(_alias_path(name, alias))

    def set_tags(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Add or change these tags; others stay."""
        for key, value in tags.items():
            self._client.post(f"{_MLFLOW}/set-tag", {"name": name, "version": version, "key": key, "value": value})

    def delete_tags(self, name: str, version: str, keys: Iterable[str]) -> None:
        for key in keys:
            try:
                self._client.delete(f"{_MLFLOW}/delete-tag", {"name": name, "version": version, "key": key})
            except Refused as error:
                if error.status != 404:
                    raise

    def set_description(self, name: str, version: str, description: str) -> None:
        self._client.patch(_version_path(name, version), {"comment": description})

    def delete_version(self, name: str, version: str) -> None:
        self._gone(_version_path(name, version))

    def _rows(self, name: str) -> Iterator[Mapping[str, Any]]:
        query = {"max_results": str(_PAGE)}
        while True:
            page = self._found(f"{_model_path(name)}/versions?{urlencode(query)}") or {}
            yield from page.get("model_versions") or ()
            token = page.get("next_page_token")
            if not token:
                return
            query["page_token"] = str(token)

    def _found(self, path: str) -> dict[str, Any] | None:
        """Return the answer, or None for 404, whatever error code comes with it."""
        try:
            return self._client.get(path)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def _gone(self, path: str) -> None:
        try:
            self._client.delete(path)
        except Refused as error:
            if error.status != 404:
                raise


def _model_path(name: str) -> str:
    return f"{_MODELS}/{_quoted(name)}"


def _version_path(name: str, version: str) -> str:
    return f"{_model_path(name)}/versions/{_quoted(version)}"


def _alias_path(name: str, alias: str) -> str:
    return f"{_model_path(name)}/aliases/{_quoted(alias)}"


def _quoted(text: str) -> str:
    return quote(text, safe="")
