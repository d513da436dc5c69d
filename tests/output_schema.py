"""The shapes of what commands print with --json."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema

SCHEMA = json.loads((Path(__file__).parents[1] / "schemas" / "output.schema.json").read_text())


def require_shape(document: Any, name: str) -> None:
    """Fail unless the document has the shape of this command, or of a failure (`failure`)."""
    jsonschema.validate(document, {"$ref": f"#/$defs/{quote(name)}", "$defs": SCHEMA["$defs"]})
