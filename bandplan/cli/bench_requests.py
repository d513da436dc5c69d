"""The file with a JSON line for each request of a benchmark."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from bandplan.bench.level import Point
    from bandplan.bench.sample import Sample


class RequestsFile:
    """Takes the requests level by level. `fault` says why it lacks some; what else was measured is not lost for it.

    The file is begun with the first level, so that a run that measures nothing leaves an earlier one as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fault: str | None = None
        self._file: IO[str] | None = None

    def add(self, _: "Point", samples: "Iterable[Sample]") -> None:
        """Write the times of each request in seconds, and nothing of prompts or answers."""
        if self.fault is not None:
            return
        try:
            self._file = self._file or self.path.open("w", encoding="utf-8")
            self._file.writelines(json.dumps(row_of(one)) + "\n" for one in samples)
            self._file.flush()
        except OSError as error:
            self.fault = f"{self.path}: not complete: {error.strerror}; name a file on a disk with room (--requests)"

    def close(self) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError:  # the rest of what `fault` tells of
                return


def row_of(sample: "Sample") -> dict[str, object]:
    return {
        "number": sample.number,
        "scheduled": sample.scheduled / 1e9,
        "sent": sample.sent / 1e9,
        "content": [stamp / 1e9 for stamp in sample.content],
        "ended": None if sample.ended is None else sample.ended / 1e9,
        "status": sample.status,
        "outcome": sample.outcome,
        "fault": sample.fault,
        "input_tokens": sample.input_tokens,
        "output_tokens": sample.output_tokens,
        "asked_output_tokens": sample.asked_output,
    }
