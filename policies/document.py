"""Files that a rule's configuration names: prices, measured use, what is deployed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, eq=False)
class Document:
    """A file of the project; one is equal to itself alone, so that what is read from it can be kept.

    `content` is None when it could not be read; `problem` then says why.
    """

    path: str
    content: Any = None
    problem: str = ""

    def __bool__(self) -> bool:
        """Whether a file was named at all."""
        return bool(self.path)


def read_document(root: Path, path: str) -> Document:
    """JSON, or YAML by its ending; `path` is relative to the project's folder."""
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
    """A property's value with each text whose schema has `"format": "file"` as the document that it names."""
    if schema.get("format") == "file":
        return read_document(root, str(value))
    if schema.get("type") == "array" and "items" in schema:
        return [with_documents(item, schema["items"], root) for item in value]
    if schema.get("type") == "object" and "properties" in schema:
        inner = schema["properties"]
        return {name: with_documents(item, inner.get(name, {}), root) for name, item in value.items()}
    return value
