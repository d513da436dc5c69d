"""Write a Llama checkpoint as GGUF, the format of llama.cpp. Runs in the environment that has the package `gguf`."""

import json
import struct
from pathlib import Path
from typing import Any

import gguf
import numpy as np

NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
BLOCK_NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def tensors(folder: Path) -> dict[str, Any]:
    """The tensors of a safetensors file of BF16, as 32-bit floats."""
    raw = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    found = {}
    for name, row in json.loads(raw[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        assert row["dtype"] == "BF16", name
        first, last = row["data_offsets"]
        bits = np.frombuffer(raw[8 + length + first : 8 + length + last], dtype="<u2").astype(np.uint32) << 16
        found[name] = bits.view(np.float32).reshape(row["shape"])
    return found


def write(folder: Path, target: Path) -> None:
    """Write the checkpoint in `folder` to the file `target`."""
    config = json.loads((folder / "config.json").read_text())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    template = json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]
    writer = gguf.GGUFWriter(str(target), "llama")
    writer.add_name("tiny-llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(0)
    words = sorted(tokenizer["model"]["vocab"].items(), key=lambda pair: int(pair[1]))
    special = {row["id"] for row in tokenizer["added_tokens"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([word for word, _ in words])
    writer.add_token_types([3 if at in special else 1 for _, at in words])
    # llama.cpp wants at least one merge; the tokenizer is one of bytes and has none. No text has the bytes 0 and 1.
    writer.add_token_merges(["Ā ā"])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_chat_template(template)
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    for name, tensor in tensors(folder).items():
        kind = name.removesuffix(".weight").rpartition(".")[2]
        writer.add_tensor(_name(name), _interleaved(tensor, heads[kind]) if kind in heads else tensor.copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _name(name: str) -> str:
    if name in NAMES:
        return NAMES[name]
    block, _, kind = name.removeprefix("model.layers.").removesuffix(".weight").partition(".")
    return f"blk.{block}.{BLOCK_NAMES[kind]}.weight"


def _interleaved(tensor: Any, heads: int) -> Any:
    """The rows in the order of llama.cpp, which rotates neighbours where transformers rotates halves."""
    return tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(tensor.shape).copy()
