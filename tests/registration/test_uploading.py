import pytest

from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.mlflow_process.buffers import LEAST_PART_BYTES, part_bytes
from bandplan.serving.registration.mlflow_process.job import Event, Job
from bandplan.serving.registration.mlflow_process.translation import message
from bandplan.serving.registration.sources.size import written_parameters, written_size

JOB = Job("checkpoint", "checkpoints/llama", "checkpoints/llama", name="ml.chat.llama")


class MlflowException(Exception):
    """As MLflow's: it bears a code, which is INTERNAL_ERROR where no server said anything."""

    def __init__(self, text: str, error_code: str = "INTERNAL_ERROR") -> None:
        super().__init__(text)
        self.error_code = error_code


class RestException(MlflowException):
    """As MLflow's, for an answer of the server; the text begins with the code."""

    def __init__(self, text: str, error_code: str) -> None:
        super().__init__(f"{error_code}: {text}", error_code)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RegistrationError("as it is"), "as it is"),
        (
            RestException("Schema ml.chat does not exist.", "SCHEMA_DOES_NOT_EXIST"),
            "ml.chat.llama: Schema ml.chat does not exist. (SCHEMA_DOES_NOT_EXIST); create the catalog and schema first, or ask "
            "their owner to",
        ),
        (
            RestException("no CREATE MODEL on ml.chat", "PERMISSION_DENIED"),
            "ml.chat.llama: no CREATE MODEL on ml.chat (PERMISSION_DENIED); ask the owner of the schema for USE SCHEMA and "
            "CREATE MODEL, or the model's owner for MANAGE",
        ),
        (RestException("wrong", "INTERNAL_ERROR"), "ml.chat.llama: wrong (INTERNAL_ERROR); run again"),
        (MlflowException("tokenizer\nmore"), "ml.chat.llama: tokenizer"),
        (caused(MlflowException("cannot load"), ValueError("bad path")), "ml.chat.llama: cannot load bad path"),
        (
            caused(MlflowException("cannot load: bad path"), ValueError("bad path")),
            "ml.chat.llama: cannot load: bad path",
        ),
        (
            RestException("no access. Config: host=http://h, token=***. Env: DATABRICKS_HOST", "NOT_FOUND"),
            "ml.chat.llama: no access (NOT_FOUND); create the catalog and schema first, or ask their owner to",
        ),
        (
            MlflowException(
                "The following failures occurred while uploading one or more artifacts to /Models/ml/chat/llama/2: "
                "{'/tmp/x/model/a.json': \"PermissionDenied('no write on it. Config: host=http://h, token=***')\"}"
            ),
            "ml.chat.llama: uploading a.json failed: no write on it",
        ),
        (
            MlflowException(
                "The following failures occurred while uploading one or more artifacts to /M: {'a/b': 'OSError(\\'gone\\')'}"
            ),
            "ml.chat.llama: uploading b failed: gone",
        ),
        (OSError(28, "No space left on device", "/tmp/x"), "ml.chat.llama: /tmp/x: No space left on device"),
    ],
)
def test_errors_of_mlflow_become_one_line_with_a_next_step(error: Exception, said: str) -> None:
    assert message(error, JOB) == said


def test_missing_package_and_unknown_error_name_what_is_installed() -> None:
    assert "tokenizers is not installed" in message(ModuleNotFoundError("x", name="tokenizers"), JOB)
    assert "AttributeError: 'str' object has no attribute" in (
        text := message(AttributeError("'str' object has no attribute '__name__'"), JOB)
    )
    assert "transformers" in text and "install the locked dependencies again" in text


def test_parts_of_an_upload_are_small_and_at_most_ten_thousand() -> None:
    assert part_bytes(0) == part_bytes(50 * 10**9) == LEAST_PART_BYTES
    for size in (95 * 10**9, 10**12, 5 * 10**12):
        assert size / part_bytes(size) <= 10_000


def test_job_and_events_survive_their_lines() -> None:
    assert Job.from_line(JOB.to_line()) == JOB
    event = Event("done", run_id="r", version="3")
    assert Event.from_line(event.to_line()) == event
    assert [Event.from_line(line) for line in (b"", b"text\n", b"[]\n", b'{"kind": "done", "else": 1}\n')] == [None] * 4


def test_sizes_read_as_people_write_them() -> None:
    assert [written_size(size) for size in (17, 2100, 22_700, 2 * 10**9, 140 * 10**9)] == [
        "17 bytes",
        "2.1 KB",
        "22.7 KB",
        "2.0 GB",
        "140.0 GB",
    ]
    assert [written_parameters(count) for count in (10_736, 335_100_000, 70_553_706_496)] == [
        "10,736",
        "335.1 million",
        "70.6 billion",
    ]
