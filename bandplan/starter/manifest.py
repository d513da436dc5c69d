"""`.bandplan-init.json`: what was generated in a repository, by which version, from which answers.

`formats` are those that the version writes. `files` holds the SHA-256 of each generated file as it was written, which
tells an edited file from an untouched one. A file whose change could not be merged keeps its digest, and `older` has
the version that generated it, so that the change is shown again.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from bandplan.starter.answers import Answers, NotAnswers, read_answers
from bandplan.starter.files import File
from bandplan.starter.formats import FORMATS

NAME: Final = ".bandplan-init.json"
FORMAT: Final = 1


@dataclass(frozen=True)
class Manifest:
    """The record of a repository's generated files."""

    version: str
    answers: Answers
    files: Mapping[str, str]
    formats: Mapping[str, int]
    older: Mapping[str, str] = field(default_factory=dict)

    def source_of(self, path: str) -> str:
        """Return the version that generated what the record has of a file."""
        return self.older.get(path, self.version)


class NotAManifest(Exception):
    """The file is not such a record; the message says why."""


def manifest_of(version: str, answers: Answers, files: Mapping[str, File]) -> Manifest:
    digests = {path: digest(file.text) for path, file in files.items() if file.is_generated}
    return Manifest(version, answers, digests, FORMATS)


def digest(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def render(manifest: Manifest) -> str:
    document = {
        "about": "Written by `bandplan init`, for `bandplan upgrade`: commit it, and do not edit it.",
        "format": FORMAT,
        "bandplan": manifest.version,
        "answers": manifest.answers.as_json(),
        "formats": dict(manifest.formats),
        "files": dict(sorted(manifest.files.items())),
        **({"older": dict(sorted(manifest.older.items()))} if manifest.older else {}),
    }
    return json.dumps(document, indent=2) + "\n"


def read(text: str) -> Manifest:
    """Return the record in a file's text. Errors: NotAManifest."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAManifest(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise NotAManifest("must be an object")
    if document.get("format") != FORMAT:
        raise NotAManifest(f"format {document.get('format')!r} is not {FORMAT}; a later bandplan wrote it")
    version, files = document.get("bandplan"), document.get("files")
    if not isinstance(version, str):
        raise NotAManifest("bandplan: must be a version")
    if not isinstance(files, dict) or not all(isinstance(one, str) for one in files.values()):
        raise NotAManifest("files: must map paths to digests")
    if outside := [path for path in files if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts]:
        raise NotAManifest(f"files: {outside[0]} is outside the repository")
    older = document.get("older", {})
    if not isinstance(older, dict) or not all(isinstance(one, str) for one in older.values()):
        raise NotAManifest("older: must map paths to versions")
    formats = document.get("formats")
    if not isinstance(formats, dict) or not all(isinstance(one, int) for one in formats.values()):
        raise NotAManifest("formats: must map names to numbers")
    try:
        return Manifest(version, read_answers(document.get("answers")), files, formats, older)
    except NotAnswers as error:
        raise NotAManifest(str(error)) from error
