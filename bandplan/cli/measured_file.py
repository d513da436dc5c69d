"""The file of measured use on this machine: add to it, and keep what others have put there."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bandplan.cli.errors import UsageProblem
from bandplan.wire.measured_use import SHAPES, Parts, parts_of, with_measured


def put_measured(
    path: Path,
    uses: Mapping[str, Mapping[str, Any]],
    entities: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> None:
    """Write uses by endpoint, and entities by endpoint and served name, into the file; it need not exist.

    Errors: UsageProblem if the file holds something else or cannot be written; it is then left as it is.
    """
    from bandplan.bench.document import write_whole
    from bandplan.bench.problem import BenchProblem

    try:
        write_whole(path, measured_text(path, uses, entities))
    except BenchProblem as error:
        raise UsageProblem(str(error)) from error


def measured_text(
    path: Path,
    uses: Mapping[str, Mapping[str, Any]],
    entities: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> str:
    """Return what the file will hold. Errors: UsageProblem if it holds something else."""
    return json.dumps(with_measured(existing_parts(path), uses, entities), indent=1, ensure_ascii=False) + "\n"


def existing_parts(path: Path) -> Parts | None:
    """Return what the file holds, None if there is none. Errors: UsageProblem if nothing can be added to it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageProblem(f"{path}: cannot be added to: {error.strerror}; name another file") from error
    except (ValueError, RecursionError) as error:
        raise UsageProblem(f"{path}: cannot be added to: it is not JSON; name another file") from error
    parts = parts_of(document)
    if parts is None:
        raise UsageProblem(f"{path}: not a file of measured use, which is {SHAPES}; name another file")
    return parts
