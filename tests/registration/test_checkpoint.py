import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bandplan.serving.registration.checks.checkpoint import Checkpoint, read_checkpoint
from bandplan.serving.registration.sources.finding import SourceFinding
from bandplan.serving.registration.sources.source import Source
from tests.checkpoints import safetensors_start, write_bert, write_llama, write_sparse_llama

CHAT, EMBEDDINGS = "llm/v1/chat", "llm/v1/embeddings"


def read(folder: Path, task: str | None = CHAT) -> Checkpoint:
    return read_checkpoint(Source("checkpoint", folder.name, folder=folder), task)


def change_json(path: Path, **changes: Any) -> None:
    """A value of `...` takes the key away."""
    document = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not ...}))


def assert_found(
    findings: tuple[SourceFinding, ...], place: str, finding: str, step: str = "", severity: str = "error"
) -> None:
    """Exactly one finding, at the place, that says so."""
    (only,) = findings
    assert (only.place, only.severity) == (place, severity)
    assert finding in only.finding
    assert step in only.next_step


def test_whole_checkpoint_is_described_from_headers_alone(tmp_path: Path) -> None:
    llama = read(write_llama(tmp_path / "llama"))
    # 262 tokens of 16 numbers, twice (in and out): 8,384. Attention 16x16 + 8x16 + 8x16 + 16x16: 768.
    # Three of 32x16: 1,536. Three norms of 16: 48.
    assert (llama.parameters, llama.dtype, llama.architecture) == (8384 + 768 + 1536 + 48, "BF16", "LlamaForCausalLM")
    assert llama.findings == ()
    bert = read(write_bert(tmp_path / "bert"), EMBEDDINGS)
    assert (bert.model_type, bert.findings) == ("bert", ())


def test_size_is_that_of_the_files(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "llama")
    assert read(folder).size_bytes == sum(path.stat().st_size for path in folder.iterdir())


def test_checkpoint_of_a_hundred_gigabytes_is_described_without_reading_it(tmp_path: Path) -> None:
    folder = write_sparse_llama(tmp_path / "large", size_bytes=140 * 10**9, shards=4)
    assert str(read(folder)) == "LlamaForCausalLM, 70.0 billion parameters, BF16, 140.0 GB"
    assert read(folder).findings == ()


@pytest.mark.parametrize("task", [None, "chat"])
def test_a_task_that_is_none_is_named_with_the_three_that_are(tmp_path: Path, task: str | None) -> None:
    """S21."""
    (finding,) = read(write_llama(tmp_path / "llama"), task).findings
    assert "llm/v1/chat, llm/v1/completions, llm/v1/embeddings" in finding.next_step


@pytest.mark.parametrize(
    ("architecture", "fits"),
    [
        ("LlamaForCausalLM", (CHAT, "llm/v1/completions")),
        ("GPT2LMHeadModel", (CHAT, "llm/v1/completions")),
        ("Llama4ForConditionalGeneration", (CHAT, "llm/v1/completions")),
        ("BertModel", (EMBEDDINGS,)),
        ("NewModel", (EMBEDDINGS,)),
        ("XLMRobertaModel", (EMBEDDINGS,)),
    ],
)
def test_architecture_decides_which_tasks_fit(tmp_path: Path, architecture: str, fits: tuple[str, ...]) -> None:
    """S21."""
    folder = write_llama(tmp_path / "model")
    change_json(folder / "config.json", architectures=[architecture])
    for task in (CHAT, "llm/v1/completions", EMBEDDINGS):
        wrong = [finding for finding in read(folder, task).findings if finding.place == "model/config.json"]
        assert (wrong == []) == (task in fits), task
        assert all(architecture in finding.finding and finding.severity == "error" for finding in wrong)


def test_encoder_and_decoder_model_answers_no_chat(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "t5")
    change_json(folder / "config.json", architectures=["T5ForConditionalGeneration"], is_encoder_decoder=True)
    assert_found(read(folder).findings, "t5/config.json", "T5ForConditionalGeneration does not generate")


@pytest.mark.parametrize("architectures", [..., [], None, "LlamaForCausalLM", [3]])
def test_architecture_that_is_not_said_is_asked_for(tmp_path: Path, architectures: Any) -> None:
    folder = write_llama(tmp_path / "llama")
    change_json(folder / "config.json", architectures=architectures)
    assert_found(read(folder).findings, "llama/config.json", "names no class", '"architectures": ["LlamaForCausalLM"]')


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000])
def test_config_that_is_no_object_is_a_finding(tmp_path: Path, text: str) -> None:
    folder = write_llama(tmp_path / "llama")
    (folder / "config.json").write_text(text)
    assert_found(read(folder).findings, "llama/config.json", "not a JSON object", "save_pretrained")


def test_missing_tokenizer_is_a_finding(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "llama")
    (folder / "tokenizer.json").unlink()
    assert_found(read(folder).findings, "llama", "no tokenizer", "tokenizer.save_pretrained")


def test_vocabulary_alone_is_a_tokenizer(tmp_path: Path) -> None:
    folder = write_bert(tmp_path / "bert")
    (folder / "tokenizer.json").unlink()
    assert read(folder, EMBEDDINGS).findings == ()


def test_missing_chat_template_is_a_warning_for_chat_alone(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "llama")
    change_json(folder / "tokenizer_config.json", chat_template=...)
    assert_found(read(folder).findings, "llama/tokenizer_config.json", "no chat_template", "completions", "warning")
    assert read(folder, "llm/v1/completions").findings == ()
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert read(folder).findings == ()


def sharded(tmp_path: Path) -> Path:
    return write_sparse_llama(tmp_path / "llama", size_bytes=4000, shards=4)


def without_two_shards(folder: Path) -> None:
    (folder / "model-00002-of-00004.safetensors").unlink()
    (folder / "model-00004-of-00004.safetensors").unlink()


def with_a_short_shard(folder: Path) -> None:
    path = folder / "model-00003-of-00004.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def with_a_pointer(folder: Path) -> None:
    (folder / "model-00003-of-00004.safetensors").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:00"
    )


def with_a_foreign_shard(folder: Path) -> None:
    header = {"other.weight": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
    (folder / "model-00003-of-00004.safetensors").write_bytes(safetensors_start(header) + b"\0" * 4)


def with_an_index_without_a_map(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {}}')


@pytest.mark.parametrize(
    ("damage", "place", "finding"),
    [
        (
            without_two_shards,
            "model.safetensors.index.json",
            "2 of 4 files are missing: model-00002-of-00004.safetensors",
        ),
        (with_a_short_shard, "model-00003-of-00004.safetensors", "but its header calls for"),
        (with_a_pointer, "model-00003-of-00004.safetensors", "git lfs pull"),
        (with_a_foreign_shard, "model-00003-of-00004.safetensors", "lacks 1 of the tensors"),
        (with_an_index_without_a_map, "model.safetensors.index.json", "no weight_map"),
    ],
)
def test_incomplete_weights_are_an_error(
    tmp_path: Path, damage: Callable[[Path], None], place: str, finding: str
) -> None:
    folder = sharded(tmp_path)
    assert read(folder).findings == ()
    damage(folder)
    errors = tuple(found for found in read(folder).findings if found.severity == "error")
    assert_found(errors, f"llama/{place}", finding)


def header_bytes(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234",
        struct.pack("<Q", 2**63) + b"{}",
        header_bytes(b"[]"),
        header_bytes(b"not json"),
        header_bytes(b"[" * 100_000),
        header_bytes(b'{"a": {"dtype": "BF16", "shape": [-1], "data_offsets": [0, 0]}}'),
        header_bytes(b'{"a": {"dtype": "BF16", "shape": [1], "data_offsets": [4, 2]}}'),
        header_bytes(b'{"a": 3}'),
    ],
)
def test_a_file_that_is_no_safetensors_is_an_error_and_no_crash(tmp_path: Path, content: bytes) -> None:
    folder = write_llama(tmp_path / "llama")
    (folder / "model.safetensors").write_bytes(content)
    (finding,) = read(folder).findings
    assert (finding.place, finding.severity) == ("llama/model.safetensors", "error")


def test_pickled_weights_are_taken_and_never_opened(tmp_path: Path) -> None:
    """Bytes that would be no pickle: whoever opened them would fail."""
    folder = write_llama(tmp_path / "llama")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02 unreadable")
    (folder / "pytorch_model.bin").chmod(0)
    checkpoint = read(folder)
    assert (checkpoint.parameters, checkpoint.dtype) == (None, None)
    assert_found(
        checkpoint.findings, "llama", "the only weights are pickles: pytorch_model.bin", "save_pretrained", "warning"
    )


def test_missing_weights_are_an_error(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "llama")
    (folder / "model.safetensors").rename(folder / "consolidated.00.pth")
    errors = tuple(found for found in read(folder).findings if found.severity == "error")
    assert_found(errors, "llama", "only consolidated.00.pth", "save_pretrained")


def test_weights_that_nothing_loads_are_a_warning_with_their_size(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "llama")
    (folder / "original").mkdir()
    for name in ("pytorch_model.bin", "original/consolidated.00.pth", "optimizer.pt"):
        (folder / name).write_bytes(b"\0" * 500_000)
    finding = "1.5 MB of weights that nothing loads: optimizer.pt, original/consolidated.00.pth, pytorch_model.bin"
    assert_found(read(folder).findings, "llama", finding, "remove them", "warning")


def test_every_finding_comes_at_once(tmp_path: Path) -> None:
    folder = sharded(tmp_path)
    without_two_shards(folder)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    change_json(folder / "config.json", architectures=["BertModel"])
    assert len(read(folder).findings) == 4
