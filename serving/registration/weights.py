"""The weight files of a checkpoint: which there are, whether they are whole, and what they add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from serving.registration import adapter
from serving.registration.finding import Finding
from serving.registration.folder import File
from serving.registration.json_file import read_object
from serving.registration.lfs_pointer import is_pointer
from serving.registration.pickles import pickle_problem
from serving.registration.safetensors import Tensor, UnreadableFile, tensors
from serving.registration.size import written_size

SAFETENSORS = "model.safetensors"
PICKLED = "pytorch_model.bin"
"""Pickled weights; opening them would run code that is in them, so they are never opened."""

SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".ckpt")
"""Ends of names of weight files, whatever wrote them."""

_RULE = "all weights are there and whole"
_MOST_NAMED = 5


@dataclass(frozen=True)
class Weights:
    """Weight files that the model is loaded from.

    `parameters` and `dtype` (of most bytes) are None where they cannot be known without opening pickled files.
    """

    files: tuple[File, ...] = ()
    parameters: int | None = None
    dtype: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def is_weights(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def read_weights(present: Mapping[str, File], shown: str) -> Weights:
    """The weights among the files of a checkpoint, which are given by name; safetensors before pickled ones.

    transformers looks in this order: one file, the index of several, then the same for pickled weights.
    """
    for single in (SAFETENSORS, PICKLED):
        index = f"{single}.index.json"
        if single in present or index in present:
            read = _read((present[single],), {}, shown) if single in present else _indexed(present, index, shown)
            return _with_surplus(_with_pickles_named(read, shown), present, shown)
    names = [file.name for file in present.values() if is_weights(file.name)]
    seen = f"only {_named(names)}" if names else "no weights"
    step = f"save the model with `save_pretrained` (it writes {SAFETENSORS}), or copy the weights into the folder"
    finding = Finding(shown, seen, f"weights are in {SAFETENSORS}, or in files that its index names", step)
    return Weights(findings=(finding,))


def _indexed(present: Mapping[str, File], index: str, shown: str) -> Weights:
    place = f"{shown}/{index}"
    if is_pointer(present[index]):
        return Weights()  # a finding among those of the small files
    document = read_object(present[index].path)
    weight_map = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(weight_map, dict) or not weight_map or not all(isinstance(n, str) for n in weight_map.values()):
        step = "save the model again, or copy the index again"
        return Weights(findings=(Finding(place, "no weight_map of tensor names to files", _RULE, step),))
    shards = sorted(set(weight_map.values()))
    outside = [name for name in shards if name.startswith("/") or ".." in name.split("/")]
    if outside:
        finding = f"names files outside of its folder: {_named(outside)}"
        step = "put the files beside the index, and save the model again"
        return Weights(findings=(Finding(place, finding, _RULE, step),))
    missing = [name for name in shards if name not in present]
    found = []
    if missing:
        finding = f"{len(missing)} of {len(shards)} files are missing: {_named(missing)}"
        found.append(Finding(place, finding, _RULE, "copy the missing files into the folder"))
    read = _read([present[name] for name in shards if name in present], weight_map, shown)
    return replace(read, findings=(*found, *read.findings))


def _read(files: Iterable[File], weight_map: Mapping[str, Any], shown: str) -> Weights:
    """What the headers of these files say; `weight_map` (tensor -> file) is empty when one file holds all."""
    files, found = tuple(files), list[Finding]()
    if any(not file.name.endswith(".safetensors") for file in files):
        problems = ((file, pickle_problem(file.path)) for file in files)
        found += [Finding(f"{shown}/{file.name}", problem, _RULE, "") for file, problem in problems if problem]
        return Weights(files, findings=tuple(found))
    all_tensors: list[Tensor] = []
    for file in files:
        try:
            held = tensors(file.path)
        except UnreadableFile as error:
            found.append(Finding(f"{shown}/{file.name}", str(error), _RULE, ""))
            continue
        except OSError as error:
            found.append(Finding(f"{shown}/{file.name}", f"cannot be read: {error.strerror}", _RULE, ""))
            continue
        all_tensors += held
        found += _unlisted(file, held, weight_map, shown)
    if files and not all_tensors and not found:
        step = "save the model again with `save_pretrained`"
        found.append(Finding(f"{shown}/{files[0].name}", "holds no tensors", _RULE, step))
    by_type: Counter[str] = Counter()
    for tensor in all_tensors:
        by_type[tensor.dtype] += tensor.size_bytes
    dtype = by_type.most_common(1)[0][0] if by_type else None
    return Weights(files, sum(tensor.elements for tensor in all_tensors), dtype, tuple(found))


def _unlisted(file: File, held: Iterable[Tensor], weight_map: Mapping[str, Any], shown: str) -> list[Finding]:
    """Tensors that the index expects in a file, and that are not in it."""
    names = {tensor.name for tensor in held}
    lacking = sorted(name for name, shard in weight_map.items() if shard == file.name and name not in names)
    if not lacking:
        return []
    finding = f"lacks {len(lacking)} of the tensors that the index places there, such as {lacking[0][:80]}"
    step = "index and files are of different checkpoints: copy both again from one"
    return [Finding(f"{shown}/{file.name}", finding, _RULE, step)]


def _with_pickles_named(weights: Weights, shown: str) -> Weights:
    """With a warning for weights that are pickles only."""
    pickled = [file.name for file in weights.files if not file.name.endswith(".safetensors")]
    if not pickled:
        return weights
    finding = f"the weights are pickles only: {_named(pickled)}"
    rule = "loading a pickle runs code that is in it, and transformers loads none with torch older than 2.6"
    step = f"save the model again with `save_pretrained` (it writes {SAFETENSORS})"
    return replace(weights, findings=(*weights.findings, Finding(shown, finding, rule, step, severity="warning")))


def _with_surplus(weights: Weights, present: Mapping[str, File], shown: str) -> Weights:
    """With a warning for weights, or states of a training, that nothing loads and that are uploaded all the same.

    An adapter that `from_pretrained` would attach is a finding of its own. Without any that are loaded, nobody can tell
    which ones are not.
    """
    if not weights.files:
        return weights
    loaded = {file.name for file in weights.files} | (set(adapter.WEIGHTS) if adapter.CONFIG in present else set())
    surplus = [file for file in present.values() if is_weights(file.name) and file.name not in loaded]
    if not surplus:
        return weights
    size = written_size(sum(file.size_bytes for file in surplus))
    finding = f"{size} of weights that nothing loads: {_named([file.name for file in surplus])}"
    rule = "every file of the folder is uploaded"
    warning = Finding(shown, finding, rule, "remove them to upload less", severity="warning")
    return replace(weights, findings=(*weights.findings, warning))


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
