"""Tiny Hugging Face checkpoints with every file of a whole one, made without torch: the same bytes every time.

`python -m tests.checkpoints FOLDER` writes the two of examples/checkpoints into FOLDER.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HIDDEN = 16
INNER = 32
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,?!'-"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@dataclass(frozen=True)
class Tensor:
    """Shape of a tensor of BF16."""

    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        count = 1
        for side in self.shape:
            count *= side
        return count


def write_llama(folder: Path, *, seed: int = 1) -> Path:
    """A causal language model of one layer with a byte-level tokenizer and a chat template; `seed` picks its weights."""
    vocabulary = ["<unk>", "<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>", *byte_letters()]
    config = {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "head_dim": 8,
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "initializer_range": 0.02,
        "intermediate_size": INNER,
        "max_position_embeddings": 256,
        "model_type": "llama",
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "num_key_value_heads": 1,
        "rms_norm_eps": 1e-05,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "vocab_size": len(vocabulary),
    }
    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 256,
        **special,
        "chat_template": CHAT_TEMPLATE,
    }
    write_json(folder / "config.json", config)
    write_json(folder / "generation_config.json", {"bos_token_id": 1, "eos_token_id": 2, "max_new_tokens": 32})
    write_json(folder / "tokenizer.json", llama_tokenizer(vocabulary))
    write_json(folder / "tokenizer_config.json", tokenizer_config)
    write_json(folder / "special_tokens_map.json", special)
    write_safetensors(folder / "model.safetensors", llama_tensors(len(vocabulary)), seed)
    return folder


def write_bert(folder: Path, *, seed: int = 2) -> Path:
    """An embedding model of one layer with a word-piece tokenizer; `seed` picks its weights."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    config = {
        "architectures": ["BertModel"],
        "attention_probs_dropout_prob": 0.0,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "hidden_size": HIDDEN,
        "initializer_range": 0.02,
        "intermediate_size": INNER,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 64,
        "model_type": "bert",
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "pad_token_id": 0,
        "torch_dtype": "bfloat16",
        "type_vocab_size": 2,
        "vocab_size": len(vocabulary),
    }
    special = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    tokenizer_config = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64, **special}
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer.json", bert_tokenizer(vocabulary))
    write_json(folder / "tokenizer_config.json", tokenizer_config)
    write_json(folder / "special_tokens_map.json", special)
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary), encoding="utf-8")
    write_safetensors(folder / "model.safetensors", bert_tensors(len(vocabulary)), seed)
    return folder


def llama_tensors(vocabulary: int) -> dict[str, Tensor]:
    layer = "model.layers.0"
    return {
        "model.embed_tokens.weight": Tensor((vocabulary, HIDDEN)),
        f"{layer}.self_attn.q_proj.weight": Tensor((HIDDEN, HIDDEN)),
        f"{layer}.self_attn.k_proj.weight": Tensor((8, HIDDEN)),
        f"{layer}.self_attn.v_proj.weight": Tensor((8, HIDDEN)),
        f"{layer}.self_attn.o_proj.weight": Tensor((HIDDEN, HIDDEN)),
        f"{layer}.mlp.gate_proj.weight": Tensor((INNER, HIDDEN)),
        f"{layer}.mlp.up_proj.weight": Tensor((INNER, HIDDEN)),
        f"{layer}.mlp.down_proj.weight": Tensor((HIDDEN, INNER)),
        f"{layer}.input_layernorm.weight": Tensor((HIDDEN,)),
        f"{layer}.post_attention_layernorm.weight": Tensor((HIDDEN,)),
        "model.norm.weight": Tensor((HIDDEN,)),
        "lm_head.weight": Tensor((vocabulary, HIDDEN)),
    }


def bert_tensors(vocabulary: int) -> dict[str, Tensor]:
    layer = "encoder.layer.0"
    tensors = {
        "embeddings.word_embeddings.weight": Tensor((vocabulary, HIDDEN)),
        "embeddings.position_embeddings.weight": Tensor((64, HIDDEN)),
        "embeddings.token_type_embeddings.weight": Tensor((2, HIDDEN)),
    }
    for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
        tensors |= {f"{layer}.{part}.weight": Tensor((HIDDEN, HIDDEN)), f"{layer}.{part}.bias": Tensor((HIDDEN,))}
    tensors |= {
        f"{layer}.intermediate.dense.weight": Tensor((INNER, HIDDEN)),
        f"{layer}.intermediate.dense.bias": Tensor((INNER,)),
        f"{layer}.output.dense.weight": Tensor((HIDDEN, INNER)),
        f"{layer}.output.dense.bias": Tensor((HIDDEN,)),
        "pooler.dense.weight": Tensor((HIDDEN, HIDDEN)),
        "pooler.dense.bias": Tensor((HIDDEN,)),
    }
    for norm in ("embeddings.LayerNorm", f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"):
        tensors |= {f"{norm}.weight": Tensor((HIDDEN,)), f"{norm}.bias": Tensor((HIDDEN,))}
    return tensors


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], seed: int) -> None:
    """Weights between -0.1 and 0.1 in BF16 (norms are 1), in the order of `tensors`."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = bytearray()
    random = numbers(seed)
    for name, tensor in tensors.items():
        start = len(data)
        is_scale = "norm" in name.lower() and name.endswith("weight")
        for _ in range(tensor.elements):
            value = 1.0 if is_scale else next(random) * 0.2 - 0.1
            data += struct.pack("<f", value)[2:]
        header[name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [start, len(data)]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(safetensors_start(header) + data)


def safetensors_start(header: Mapping[str, Any]) -> bytes:
    """The part of a safetensors file before its data."""
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def write_sparse_llama(folder: Path, *, size_bytes: int, shards: int = 1) -> Path:
    """A checkpoint like `write_llama`, whose weights are `shards` sparse files of `size_bytes` in all: no disk is used."""
    write_llama(folder)
    (folder / "model.safetensors").unlink()
    names = [f"model-{shard + 1:05d}-of-{shards:05d}.safetensors" for shard in range(shards)]
    elements = size_bytes // shards // 2
    weight_map = {}
    for shard, name in enumerate(names):
        tensor = f"model.layers.{shard}.mlp.up_proj.weight"
        entry = {"dtype": "BF16", "shape": [elements], "data_offsets": [0, 2 * elements]}
        start = safetensors_start({tensor: entry})
        with (folder / name).open("wb") as file:
            file.write(start)
            file.truncate(len(start) + 2 * elements)
        weight_map[tensor] = name
    index = {"metadata": {"total_size": 2 * elements * shards}, "weight_map": weight_map}
    write_json(folder / "model.safetensors.index.json", index)
    return folder


def numbers(seed: int) -> Iterator[float]:
    """Numbers from 0 to 1 of a linear congruential generator: the same on every machine and Python."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 11) / 2**53


def byte_letters() -> list[str]:
    """The 256 characters that stand for bytes in a byte-level vocabulary, in order of the bytes."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters, hidden = [], 0
    for byte in range(256):
        if byte in shown:
            letters.append(chr(byte))
        else:
            letters.append(chr(256 + hidden))
            hidden += 1
    return letters


def llama_tokenizer(vocabulary: Sequence[str]) -> dict[str, Any]:
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added_token(number, vocabulary[number]) for number in range(6)],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(vocabulary)},
            "merges": [],
        },
    }


def bert_tokenizer(vocabulary: Sequence[str]) -> dict[str, Any]:
    ends = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    end = {"SpecialToken": {"id": "[SEP]", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added_token(number, vocabulary[number]) for number in range(5)],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [*ends, end],
            "pair": [*ends, end, {"Sequence": {"id": "B", "type_id": 1}}, end],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {token: number for number, token in enumerate(vocabulary)},
        },
    }


def added_token(number: int, content: str) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": number, "content": content, **flags}


def write_logged(
    folder: Path, document: Mapping[str, Any] | bytes, write: Callable[[Path], Path] | None = None
) -> Path:
    """A folder as MLflow writes it: `document` as its MLmodel, a checkpoint in `model`, its tokenizer in `components`."""
    (write or write_llama)(folder / "model")
    tokenizer = folder / "components" / "tokenizer"
    tokenizer.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tokenizer / name).write_bytes((folder / "model" / name).read_bytes())
    (folder / "MLmodel").write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return folder


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    write_llama(target / "tiny-llama")
    write_bert(target / "tiny-gte")
