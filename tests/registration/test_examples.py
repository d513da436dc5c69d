from pathlib import Path

import pytest

from bandplan.serving.registration.checks.suitability import findings
from bandplan.serving.registration.sources.source import parse
from tests.checkpoints import write_bert, write_llama

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "checkpoints"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_checkpoints_of_the_examples_are_what_their_builder_writes(tmp_path: Path) -> None:
    assert contents(EXAMPLES / "tiny-llama") == contents(write_llama(tmp_path / "llama"))
    assert contents(EXAMPLES / "tiny-gte") == contents(write_bert(tmp_path / "gte"))


@pytest.mark.parametrize(
    ("name", "task", "metadata"),
    [("tiny-llama", "llm/v1/chat", {}), ("tiny-gte", "llm/v1/embeddings", {"model_type": "gte-large"})],
)
def test_checkpoints_of_the_examples_can_be_registered(name: str, task: str, metadata: dict[str, str]) -> None:
    assert findings(parse(name, EXAMPLES), task, metadata) == ()


def test_s23_embedding_checkpoint_without_its_type_is_refused() -> None:
    (finding,) = findings(parse("tiny-gte", EXAMPLES), "llm/v1/embeddings", {})
    assert (finding.place, finding.rule[:3], finding.severity) == ("tiny-gte", "S23", "error")
