"""Folders that MLflow has written: what a checkpoint is refused for, they are refused for too."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bandplan.serving.registration.checks.suitability import described, findings
from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.sources.source import parse
from tests.checkpoints import safetensors_start, write_bert, write_llama, write_logged, write_sparse_llama

CHAT, EMBEDDINGS = "llm/v1/chat", "llm/v1/embeddings"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
Damage = Callable[[Path], object]


def mlmodel(task: str = CHAT, metadata: dict[str, str] | None = None, **flavor: Any) -> dict[str, Any]:
    """What MLflow 3.17 writes, as far as it matters; a key of the flavor with `...` is left out."""
    transformers = {
        "task": "text-generation",
        "inference_task": task,
        "pipeline_model_type": "LlamaForCausalLM",
        "source_model_name": "tiny-llama",
        "model_binary": "model",
        "components": ["tokenizer"],
        **flavor,
    }
    return {
        "flavors": {
            "transformers": {key: value for key, value in transformers.items() if value is not ...},
            "python_function": {"loader_module": "mlflow.transformers"},
        },
        "mlflow_version": "3.17.2",
        "metadata": {"task": task, **(metadata or {})},
        "signature": {"inputs": "[{}]", "outputs": "[{}]", "params": None},
    }


def logged(tmp_path: Path, **flavor: Any) -> Path:
    return write_logged(tmp_path / "logged", mlmodel(**flavor))


def embedding(tmp_path: Path, **metadata: str) -> Path:
    return write_logged(tmp_path / "logged", mlmodel(EMBEDDINGS, metadata, pipeline_model_type="BertModel"), write_bert)


def found(folder: Path, task: str = CHAT, **asked: Any) -> list[str]:
    return [f"{one.severity} {one}" for one in findings(parse(folder.name, folder.parent), task, **asked)]


def errors(folder: Path, task: str = CHAT, **asked: Any) -> list[str]:
    try:
        lines = found(folder, task, **asked)
    except RegistrationError as error:
        return str(error).splitlines()
    return [line.removeprefix("error ") for line in lines if line.startswith("error ")]


def test_folder_as_mlflow_writes_it_has_no_findings_and_is_described(tmp_path: Path) -> None:
    folder = logged(tmp_path)
    assert found(folder) == []
    size = sum(path.stat().st_size for path in (folder / "model").iterdir())
    described_as = f"LlamaForCausalLM, 10,736 parameters, BF16, {size / 1000:.1f} KB"
    assert described(parse("logged", tmp_path), CHAT) == described_as


def without(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def pointer(name: str) -> Damage:
    return lambda folder: (folder / name).write_text(POINTER)


def text(name: str, content: str) -> Damage:
    return lambda folder: (folder / name).write_text(content)


def cut(name: str, kept: int) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:kept])


def sharded(*damages: Damage) -> Damage:
    """Weights in four shards, then the damages."""

    def damage(folder: Path) -> None:
        write_sparse_llama(folder / "model", size_bytes=4000, shards=4)
        for one in damages:
            one(folder)

    return damage


def pickled(folder: Path, content: bytes) -> None:
    (folder / "model" / "model.safetensors").unlink()
    (folder / "model" / "pytorch_model.bin").write_bytes(content)


def empty_folder(name: str) -> Damage:
    def damage(folder: Path) -> None:
        for path in (folder / name).iterdir():
            path.unlink()

    return damage


def renamed(name: str, other: str) -> Damage:
    return lambda folder: (folder / name).rename(folder / other)


WEIGHTS = "model/model.safetensors"
SHARD = "model/model-00002-of-00004.safetensors"
INDEX = "model/model.safetensors.index.json"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without(WEIGHTS), "logged/model: no weights"),
        (renamed(WEIGHTS, "model/other.safetensors"), "logged/model: only other.safetensors"),
        (pointer(WEIGHTS), f"logged/{WEIGHTS}: is a Git LFS pointer"),
        (text(WEIGHTS, POINTER.replace("git-lfs", "hawser")), f"logged/{WEIGHTS}: is a Git LFS pointer"),
        (cut(WEIGHTS, 1000), f"logged/{WEIGHTS}: is not a safetensors file, or is cut off within its header"),
        (cut(WEIGHTS, 20_000), f"logged/{WEIGHTS}: has 20,000 bytes, but its header calls for"),
        (text(WEIGHTS, ""), f"logged/{WEIGHTS}: has 0 bytes, too few"),
        (sharded(without(SHARD)), f"logged/{INDEX}: 1 of 4 files are missing: model-00002-of-00004.safetensors"),
        (sharded(pointer(SHARD)), f"logged/{SHARD}: is a Git LFS pointer"),
        (sharded(cut(SHARD, 50)), f"logged/{SHARD}: is not a safetensors file, or is cut off"),
        (sharded(text(INDEX, "{}")), f"logged/{INDEX}: no weight_map"),
        (sharded(pointer(INDEX)), f"logged/{INDEX}: is a Git LFS pointer, not the file"),
        (pointer("MLmodel"), "logged/MLmodel: is a Git LFS pointer, not the file"),
        (pointer("requirements.txt"), "logged/requirements.txt: is a Git LFS pointer, not the file"),
        (sharded(without(INDEX)), "logged/model: only model-00001-of-00004.safetensors"),
        (
            sharded(text(INDEX, '{"weight_map": {"a": "../elsewhere/model.safetensors"}}')),
            f"logged/{INDEX}: names files outside its folder: ../elsewhere/model.safetensors",
        ),
        (lambda folder: pickled(folder, POINTER.encode()), "logged/model/pytorch_model.bin: is a Git LFS pointer"),
        (lambda folder: pickled(folder, b""), "logged/model/pytorch_model.bin: is empty"),
        (lambda folder: pickled(folder, b"<html>404"), "logged/model/pytorch_model.bin: was not written by torch.save"),
        (lambda folder: pickled(folder, b"PK\x03\x04 cut"), "logged/model/pytorch_model.bin: is cut off"),
        (without("model/config.json"), "logged/model: no config.json"),
        (text("model/config.json", ""), "logged/model/config.json: not a JSON object"),
        (text("model/config.json", "{}"), "logged/model/config.json: architectures names no class"),
        (pointer("model/config.json"), "logged/model/config.json: is a Git LFS pointer, not the file"),
        (pointer("components/tokenizer/tokenizer.json"), "logged/components/tokenizer/tokenizer.json: is a Git LFS"),
        (cut("components/tokenizer/tokenizer.json", 99), "logged/components/tokenizer/tokenizer.json: not a JSON"),
        (without("components/tokenizer/tokenizer.json"), "logged/components/tokenizer: no tokenizer"),
        (empty_folder("components/tokenizer"), "logged: the folder components/tokenizer is missing or empty"),
        (empty_folder("model"), "logged: the folder model with the model's weights is missing or empty"),
        (renamed("model", "weights"), "logged: the folder model with the model's weights is missing or empty"),
        (text("model/adapter_config.json", "{}"), "logged/model/adapter_config.json: an adapter lies beside"),
    ],
)
def test_folder_that_cannot_be_served_is_refused_at_the_place(tmp_path: Path, damage: Damage, said: str) -> None:
    folder = logged(tmp_path)
    damage(folder)
    (error,) = errors(folder)
    assert error.startswith(said)


@pytest.mark.parametrize("name", ["../weights", "/weights", ".", "model/../../weights"])
def test_model_binary_outside_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    write_llama(tmp_path / "weights")
    (error,) = errors(logged(tmp_path, model_binary=name))
    assert error.startswith(f"logged/MLmodel: model_binary is {name}, which is not a folder within this one")


def test_model_of_mlflow_before_2_4_1_lies_in_pipeline(tmp_path: Path) -> None:
    folder = logged(tmp_path, model_binary=...)
    (error,) = errors(folder)
    assert error.startswith("logged: model_binary names no folder, and the folder pipeline with the model's weights is")
    (folder / "model").rename(folder / "pipeline")
    assert errors(folder) == []


def test_every_component_that_is_listed_is_there(tmp_path: Path) -> None:
    folder = logged(tmp_path, components=["tokenizer", "image_processor"], processor_type="LlavaProcessor")
    assert [line.split(";")[0] for line in errors(folder)] == [
        "logged: the folder components/image_processor is missing or empty",
        "logged: the folder components/processor is missing or empty",
    ]


@pytest.mark.parametrize("more", [{}, {"source_model_revision": "0e9e39f2"}, {"model_binary": ...}])
def test_adapter_is_refused_with_the_sentence_of_a_checkpoint_folder(tmp_path: Path, more: dict[str, Any]) -> None:
    (error,) = errors(logged(tmp_path, peft_adaptor="peft", **more))
    assert error.startswith("logged/MLmodel: it holds only the weights of an adapter")
    assert error.endswith("it holds an adapter: merge it into its base model (`merge_and_unload`), and save the result")


@pytest.mark.parametrize(
    ("flavor", "said"),
    [
        (
            {"model_binary": ..., "source_model_name": "meta-llama/Llama-3.1-8B", "source_model_revision": "0e9e39f2"},
            "would be fetched from the Hugging Face Hub by this machine (meta-llama/Llama-3.1-8B)",
        ),
        (
            {"source_model_revision": "0e9e39f2"},
            "would be fetched from the Hugging Face Hub by this machine (tiny-llama)",
        ),
        (
            {"model_binary": ..., "local_base_model_path": "/mnt/base"},
            "are at /mnt/base on the machine that logged",
        ),
    ],
)
def test_reference_without_weights_is_refused_with_the_way_to_persist_them(
    tmp_path: Path, flavor: dict[str, Any], said: str
) -> None:
    (error,) = errors(logged(tmp_path, **flavor))
    assert said in error and "persist_pretrained_model" in error


def test_pickles_and_code_are_named(tmp_path: Path) -> None:
    folder = logged(tmp_path)
    pickled(folder, b"\x80\x02")
    config = json.loads((folder / "model" / "config.json").read_text())
    config["auto_map"] = {
        "AutoModelForCausalLM": "modeling_own.OwnForCausalLM",
        "AutoConfig": "own/impl--conf.OwnConfig",
    }
    (folder / "model" / "config.json").write_text(json.dumps(config))
    code, pickles = sorted(found(folder))
    assert pickles.startswith("warning logged/model: the only weights are pickles: pytorch_model.bin;")
    assert code.startswith("warning logged/model/config.json: auto_map names code: ")
    assert "conf.py of own/impl on the Hugging Face Hub, modeling_own.py (not in the folder)" in code
    (folder / "model" / "modeling_own.py").write_text("")
    assert any("Hub, modeling_own.py;" in line for line in found(folder))


def test_code_of_a_component_is_named(tmp_path: Path) -> None:
    folder = logged(tmp_path)
    tokenizer = folder / "components" / "tokenizer" / "tokenizer_config.json"
    config = json.loads(tokenizer.read_text())
    tokenizer.write_text(json.dumps({**config, "auto_map": {"AutoTokenizer": ["own.OwnTokenizer", None]}}))
    (only,) = found(folder)
    assert only.startswith("warning logged/components/tokenizer/tokenizer_config.json: auto_map names code: own.py")


def test_deepseek_r1_is_refused_by_its_architecture_once(tmp_path: Path) -> None:
    folder = logged(tmp_path, pipeline_model_type="DeepseekV3ForCausalLM")
    config = json.loads((folder / "model" / "config.json").read_text())
    (folder / "model" / "config.json").write_text(json.dumps({**config, "architectures": ["DeepseekV3ForCausalLM"]}))
    (error,) = errors(folder)
    assert "S38" in error and "DeepSeek-R1-Distill-Llama" in error


def test_class_that_cannot_answer_the_task_is_refused(tmp_path: Path) -> None:
    folder = write_logged(tmp_path / "logged", mlmodel(EMBEDDINGS, {"model_type": "gte-large"}), write_llama)
    (error,) = errors(folder, EMBEDDINGS)
    assert error.startswith("logged/model/config.json: LlamaForCausalLM generates text")


@pytest.mark.parametrize("flavors", [{"python_function": {}}, {"sentence_transformers": {}, "python_function": {}}])
def test_other_flavor_is_refused_once_and_its_files_are_not_judged(tmp_path: Path, flavors: dict[str, Any]) -> None:
    folder = write_logged(tmp_path / "logged", {**mlmodel(), "flavors": flavors})
    (folder / "model" / "model.safetensors").unlink()
    (error,) = errors(folder)
    assert "S20" in error


@pytest.mark.parametrize(
    ("logged_with", "asked", "said"),
    [
        ("gte-large", None, None),
        ("gte-large", "gte-large", None),
        ("gte-large", "GTE-Large", None),
        ("gte-large", "bge-large", "logged with model_type gte-large, and bge-large is requested"),
        (None, None, "metadata has no model_type"),
        (None, "gte-large", "metadata has no model_type"),
    ],
)
def test_s23_model_type_is_that_of_the_mlmodel_file(
    tmp_path: Path, logged_with: str | None, asked: str | None, said: str | None
) -> None:
    folder = embedding(tmp_path, **({"model_type": logged_with} if logged_with else {}))
    found = errors(folder, EMBEDDINGS, metadata={"model_type": asked} if asked else {})
    assert len(found) == (0 if said is None else 1)
    assert all(said in line for line in found if said)


# ------------------------------------------------------------------ what both kinds of folder have in common


def header(*entries: tuple[int, int], dtype: str = "BF16", elements: int = 2) -> dict[str, Any]:
    return {
        f"t{number}": {"dtype": dtype, "shape": [elements], "data_offsets": list(offsets)}
        for number, offsets in enumerate(entries)
    }


@pytest.mark.parametrize(
    ("entries", "data_bytes", "said"),
    [
        (header((0, 4), (4, 8)), 8, None),
        ({**header((0, 4)), "empty": {"dtype": "BF16", "shape": [0], "data_offsets": [4, 4]}}, 4, None),
        (header((0, 8), dtype="NEW"), 8, None),  # a type of a later release is taken as it is
        (header((0, 4), (2, 6)), 6, "its tensor t1 overlaps the tensor before it"),
        (header((0, 4), (0, 4)), 4, "its tensor t1 overlaps the tensor before it"),
        (header((4, 8)), 8, "its tensor t0 leaves a gap before it"),
        (header((0, 4), (6, 10)), 10, "its tensor t1 leaves a gap before it"),
        (header((0, 2)), 2, "its tensor t0 has 2 bytes, which does not match its shape and type BF16"),
        (header((0, 4), dtype="F32"), 4, "its tensor t0 has 4 bytes, which does not match its shape and type F32"),
        (header((0, 4), dtype="NEW", elements=33), 4, "which does not match its shape and type NEW"),
        (header((0, 4), elements=2**64), 4, "describes its tensor t0 in a form"),
        (header((0, 2**64)), 4, "describes its tensor t0 in a form"),
        (
            {"t": {"dtype": "NEW", "shape": [10**9] * 65, "data_offsets": [0, 4]}},
            4,
            "describes its tensor t in a form",
        ),
        ({"t": {"dtype": "NEW", "shape": [10**9] * 64, "data_offsets": [0, 4]}}, 4, "does not match"),
        (header((0, 4)), 3, "bytes, but its header calls for"),
        (header((0, 4)), 5, "bytes, but its header calls for"),
        ({}, 0, "holds no tensors"),
        ({"__metadata__": {"format": "pt"}}, 0, "holds no tensors"),
    ],
)
@pytest.mark.parametrize("kind", ["checkpoint", "logged"])
def test_tensors_fill_the_file_one_after_the_other(
    tmp_path: Path, kind: str, entries: dict[str, Any], data_bytes: int, said: str | None
) -> None:
    folder = write_llama(tmp_path / "it") if kind == "checkpoint" else write_logged(tmp_path / "it", mlmodel())
    weights = next(folder.rglob("model.safetensors"))
    weights.write_bytes(safetensors_start(entries) + b"\0" * data_bytes)
    found = errors(folder)
    assert (found == []) if said is None else said in found[0]
    assert len(found) <= 1


LOADED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
INSTEAD = ("config.json", "model.safetensors.index.json", "adapter_config.json", "pytorch_model.bin", "other.bin")


@pytest.mark.parametrize("kind", ["checkpoint", "logged"])
@pytest.mark.parametrize("name", LOADED)
def test_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    folder = write_llama(tmp_path / "it") if kind == "checkpoint" else write_logged(tmp_path / "it", mlmodel())
    path = next(iter(sorted(folder.rglob(name))))  # of a logged model the tokenizer in components/
    whole = path.read_bytes()
    random = Random(name)
    for length in (0, len(whole) - 2, *(random.randrange(len(whole) - 2) for _ in range(8))):
        path.write_bytes(whole[:length])
        assert errors(folder) != [], length


@pytest.mark.parametrize("seed", range(8))
def test_damaged_folder_has_findings_and_no_traceback(tmp_path: Path, seed: int) -> None:
    """Files cut, flipped, emptied, renamed over one another or turned into folders, three at a time."""
    random = Random(seed)
    for number in range(4):
        it = tmp_path / str(number)
        folder = write_llama(it) if random.random() < 0.5 else write_logged(it, mlmodel())
        for _ in range(3):
            path = random.choice(sorted(one for one in folder.rglob("*") if one.is_file()))
            content = bytearray(path.read_bytes() or b"x")
            content[random.randrange(min(len(content), 300))] = random.randrange(256)
            path.unlink()
            match random.randrange(4):
                case 0:
                    path.mkdir()
                case 1:
                    path.write_bytes(content[: random.randrange(len(content))])
                case 2:
                    path.write_bytes(content)
                case 3:
                    target = path.with_name(random.choice(INSTEAD))
                    if not target.is_dir():
                        target.write_bytes(content)
        errors(folder)


def test_hostile_names_are_shown_short_and_harmless(tmp_path: Path) -> None:
    odd = "\ud800\x1b[31m\u202e" + "x" * 10_000
    folder = logged(tmp_path, components=["tokenizer", odd[1:]])
    sharded()(folder)
    (folder / INDEX).write_text(json.dumps({"weight_map": {odd: odd}}))
    found = errors(folder)
    assert len(found) == 2
    for line in found:
        assert len(line) < 1000 and "\x1b" not in line and "\u202e" not in line and "\ud800" not in line


def test_header_that_is_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    folder = logged(tmp_path)
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", 10**6) + b"{}")
    (error,) = errors(folder)
    assert "cut off within its header" in error


@pytest.mark.parametrize("index", [POINTER, "{}", ""])
def test_no_weights_are_called_unused_while_the_index_is_unreadable(tmp_path: Path, index: str) -> None:
    folder = logged(tmp_path)
    sharded(text(INDEX, index))(folder)
    (only,) = found(folder)
    assert only.startswith(f"error logged/{INDEX}")


def test_leftover_adapter_of_a_merged_checkpoint_is_refused_and_not_called_unused(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "merged")
    (folder / "adapter_model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "meta-llama/Llama-3.1-8B-Instruct"}')
    (only,) = found(folder)
    assert only.startswith("error merged/adapter_config.json: an adapter lies beside the weights")
    assert "meta-llama/Llama-3.1-8B-Instruct" in only
    assert "remove adapter_config.json and adapter_model.safetensors" in only
    (folder / "adapter_config.json").unlink()
    (only,) = found(folder)
    assert only.startswith("warning") and "weights that nothing loads: adapter_model.safetensors" in only


def test_adapters_of_a_training_in_folders_of_their_own_are_only_unused(tmp_path: Path) -> None:
    """`from_pretrained` looks for them beside the weights alone."""
    folder = write_llama(tmp_path / "merged")
    (folder / "checkpoint-100").mkdir()
    (folder / "checkpoint-100" / "adapter_config.json").write_text("{}")
    (folder / "checkpoint-100" / "adapter_model.safetensors").write_bytes(b"x" * 10)
    (only,) = found(folder)
    assert only.startswith("warning") and "checkpoint-100/adapter_model.safetensors" in only


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "config.json", "generation_config.json"])
def test_small_files_that_are_git_lfs_pointers_are_refused(tmp_path: Path, name: str) -> None:
    folder = write_llama(tmp_path / "llama")
    (folder / name).write_text(POINTER)
    (folder / "README.md").write_text(POINTER)  # not what a model is loaded from
    (error,) = found(folder)
    assert error.startswith(f"error llama/{name}: is a Git LFS pointer, not the file")
    assert "git lfs pull" in error


def test_tokenizer_code_is_named_too(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "llama")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["auto_map"] = {"AutoTokenizer": ["tokenization_own.OwnTokenizer", None]}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (only,) = found(folder)
    assert only.startswith("warning llama/tokenizer_config.json: auto_map names code: tokenization_own.py")


@pytest.mark.parametrize("auto_map", [None, [], "x", {"AutoModel": None}, {"AutoModel": 3}, {"AutoModel": [[]]}])
def test_auto_map_of_no_kind_names_nothing(tmp_path: Path, auto_map: Any) -> None:
    folder = write_llama(tmp_path / "llama")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": auto_map}))
    assert found(folder) == []
