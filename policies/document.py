"""Files that a rule's configuration names: prices, measured use, the deployed endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, eq=False)
class Document:
    """A file of the project; each is equal only to itself, so that what is read from it can be cached.

    `content` is None if the file could not be read; `problem` then says why.
    """

    path: str
    content: Any = None
    problem: str = ""

    def __bool__(self) -> bool:
        """Report whether a file was named at all."""
        return bool(self.path)


def read_document(root: Path, path: str) -> Document:
    """Read a file as JSON, or as YAML by its suffix; `path` is relative to the project's folder."""
    if not path:
        return Document("")
    try:
        text = (root / path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return Document(path, problem=f"{path} does not exist")
    except (OSError, UnicodeDecodeError) as error:
        return Document(path, problem=f"{path} cannot be read: {error}")
    return _parsed(path, text)


def _parsed(path: str, text: str) -> Document:
    if path.endswith((".yaml", ".yml")):
        import yaml

        try:
            return Document(path, yaml.safe_load(text))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            return Document(path, problem=f"{path} is not YAML: {' '.join(str(error).split())[:400]}")
    import json

    try:
        return Document(path, json.loads(text))
    except (ValueError, RecursionError) as error:
        return Document(path, problem=f"{path} is not JSON: {error}")


def with_documents(value: Any, schema: Mapping[str, Any], root: Path) -> Any:
    """Replace each string in a property's value whose schema has `"format": "file"` by the document that it names."""
    if schema.get("format") == "file":
        return read_document(root, str(value))
    if schema.get("type") == "array" and "items" in schema:
        return [with_documents(item, schema["items"], root) for item in value]
    if schema.get("type") == "object" and "properties" in schema:
        inner = schema["properties"]
        return {name: with_documents(item, inner.get(name, {}), root) for name, item in value.items()}
    return value
