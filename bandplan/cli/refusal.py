"""Whether a run failed because of the models file, with either engine: the stack's program notes that in a file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bandplan.serving.spec.models_file import REFUSAL

WRONG_MODELS = 2
"""Exit status for errors in the models file, of every command; warnings do not count."""


@contextmanager
def refusal_noted() -> Iterator[None]:
    """Let the programs that run meanwhile note a refusal."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="bandplan-run-") as folder:
        os.environ[REFUSAL] = str(Path(folder) / "refused")
        try:
            yield
        finally:
            os.environ.pop(REFUSAL, None)


def failed_status() -> int:
    """Return the exit status of a run that failed; inside `refusal_noted`."""
    return WRONG_MODELS if os.path.exists(os.environ.get(REFUSAL, "")) else 1
