"""The weight files of a checkpoint: which exist, whether they are complete, and what they add up to."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bandplan.serving.registration.checks.safetensors import Tensor, UnreadableFile, tensors
from bandplan.serving.registration.sources import adapter
from bandplan.serving.registration.sources.finding import SourceFinding
from bandplan.serving.registration.sources.folder import File
from bandplan.serving.registration.sources.json_file import read_object
from bandplan.serving.registration.sources.lfs_pointer import START_BYTES, is_pointer, starts_pointer
from bandplan.serving.registration.sources.size import written_size
from bandplan.serving.spec.problem import clipped

SAFETENSORS = "model.safetensors"
PICKLED = "pytorch_model.bin"
"""Pickled weights; opening them would run the code in them, so they are never opened."""

SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".ckpt")
"""Name suffixes of weight files, whatever wrote them."""

_RULE = "all weights must be present and complete"
_TORCH_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"
"""First bytes of the zip archives that torch has written since 1.6, and of older files: bare pickles, whose end cannot
be determined.
"""
_MOST_NAMED = 5


@dataclass(frozen=True)
class Weights:
    """Weight files to load the model from.

    `parameters` and `dtype` (of most bytes) are None if they cannot be known without opening pickled files.
    """

    files: tuple[File, ...] = ()
    parameters: int | None = None
    dtype: str | None = None
    findings: tuple[SourceFinding, ...] = ()

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def is_weights(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


@dataclass(frozen=True)
class Chosen:
    """The files to load a model from, by name, and the findings against the choice.

    `weight_map` (tensor -> file) is empty if one file holds all.
    """

    names: tuple[str, ...] = ()
    weight_map: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[SourceFinding, ...] = ()


def choose_weights(names: Collection[str], index: Callable[[str], dict[str, Any] | None], shown: str) -> Chosen:
    """Choose among the names of a model's files; `index` reads one of them as JSON. Safetensors come before pickles.

    transformers looks in this order: one file, the index of several, then the same for pickled weights.
    """
    for single in (SAFETENSORS, PICKLED):
        if single in names:
            return Chosen((single,))
        if f"{single}.index.json" in names:
            return _choose_indexed(names, index(f"{single}.index.json"), f"{shown}/{single}.index.json")
    others = [name for name in names if is_weights(name)]
    seen = f"only {_named(others)}" if others else "no weights"
    step = f"save the model with `save_pretrained` (it writes {SAFETENSORS}), or copy the weights into the folder"
    rule = f"weights are in {SAFETENSORS}, or in files that its index names"
    return Chosen(findings=(SourceFinding(shown, seen, rule, step),))


def _choose_indexed(names: Collection[str], document: dict[str, Any] | None, place: str) -> Chosen:
    weight_map = document.get("weight_map") if document is not None else None
    if not isinstance(weight_map, dict) or not weight_map or not all(isinstance(n, str) for n in weight_map.values()):
        step = "save the model again, or copy the index again"
        return Chosen(findings=(SourceFinding(place, "no weight_map of tensor names to files", _RULE, step),))
    shards = sorted(set(weight_map.values()))
    outside = [name for name in shards if name.startswith("/") or ".." in name.split("/")]
    if outside:
        finding = f"names files outside its folder: {_named(outside)}"
        step = "put the files beside the index, and save the model again"
        return Chosen(findings=(SourceFinding(place, finding, _RULE, step),))
    missing = [name for name in shards if name not in names]
    found = []
    if missing:
        finding = f"{len(missing)} of {len(shards)} files are missing: {_named(missing)}"
        found.append(SourceFinding(place, finding, _RULE, "copy the missing files into the folder"))
    return Chosen(tuple(name for name in shards if name in names), weight_map, tuple(found))


def read_weights(present: Mapping[str, File], shown: str) -> Weights:
    """Read the weights among the files of a model, which are given by name."""
    chosen = choose_weights(present, lambda name: read_object(present[name].path), shown)
    read = _read([present[name] for name in chosen.names], chosen.weight_map, shown)
    # An index that is a Git LFS pointer is reported with the small files.
    pointers = {f"{shown}/{file.name}" for file in present.values() if is_pointer(file)}
    found = (*(one for one in chosen.findings if one.place not in pointers), *read.findings)
    return _with_surplus(_with_pickles_named(replace(read, findings=found), shown), present, shown)


def _read(files: Iterable[File], weight_map: Mapping[str, Any], shown: str) -> Weights:
    """Read the headers of these files, and check that each tensor is in the file where `weight_map` places it."""
    files, found = tuple(files), list[SourceFinding]()
    if any(not file.name.endswith(".safetensors") for file in files):
        problems = ((file, _pickle_problem(file.path)) for file in files)
        found += [SourceFinding(f"{shown}/{file.name}", problem, _RULE, "") for file, problem in problems if problem]
        return Weights(files, findings=tuple(found))
    all_tensors: list[Tensor] = []
    for file in files:
        try:
            held = tensors(file.path)
        except UnreadableFile as error:
            found.append(SourceFinding(f"{shown}/{file.name}", str(error), _RULE, ""))
            continue
        except OSError as error:
            found.append(SourceFinding(f"{shown}/{file.name}", f"cannot be read: {error.strerror}", _RULE, ""))
            continue
        all_tensors += held
        found += _unlisted(file, held, weight_map, shown)
    if files and not all_tensors and not found:
        step = "save the model again with `save_pretrained`"
        found.append(SourceFinding(f"{shown}/{files[0].name}", "holds no tensors", _RULE, step))
    by_type: Counter[str] = Counter()
    for tensor in all_tensors:
        by_type[tensor.dtype] += tensor.size_bytes
    dtype = by_type.most_common(1)[0][0] if by_type else None
    return Weights(files, sum(tensor.elements for tensor in all_tensors), dtype, tuple(found))


def _unlisted(file: File, held: Iterable[Tensor], weight_map: Mapping[str, Any], shown: str) -> list[SourceFinding]:
    """Report tensors that the index expects in a file but that the file lacks."""
    names = {tensor.name for tensor in held}
    lacking = sorted(name for name, shard in weight_map.items() if shard == file.name and name not in names)
    if not lacking:
        return []
    finding = f"lacks {len(lacking)} of the tensors that the index places there, such as {lacking[0][:80]}"
    step = "the index and the files come from different checkpoints: copy both again from the same one"
    return [SourceFinding(f"{shown}/{file.name}", finding, _RULE, step)]


def _with_pickles_named(weights: Weights, shown: str) -> Weights:
    """Add a warning for weights that are pickles only."""
    pickled = [file.name for file in weights.files if not file.name.endswith(".safetensors")]
    if not pickled:
        return weights
    finding = f"the only weights are pickles: {_named(pickled)}"
    rule = "loading a pickle runs the code in it, and transformers refuses to with torch older than 2.6"
    step = f"save the model again with `save_pretrained` (it writes {SAFETENSORS})"
    return replace(weights, findings=(*weights.findings, SourceFinding(shown, finding, rule, step, severity="warning")))


def _with_surplus(weights: Weights, present: Mapping[str, File], shown: str) -> Weights:
    """Add a warning for weights, or training states, that nothing loads and that are uploaded all the same.

    An adapter that `from_pretrained` would attach is a finding of its own. If no weights are loaded, it is unknown
    which ones are surplus.
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
    warning = SourceFinding(shown, finding, rule, "remove them to upload less", severity="warning")
    return replace(weights, findings=(*weights.findings, warning))


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(clipped(name, 120) for name in names[:_MOST_NAMED]) + more


def _pickle_problem(path: Path) -> str:
    """Return what is wrong with a `torch.save` file and the next step, or "" if nothing shows from outside.

    Only the first and last bytes are checked; the file is never unpickled. A file that cannot be read is found by its
    digest.
    """
    try:
        with path.open("rb") as file:
            start = file.read(START_BYTES)
        is_cut_off = start.startswith(_TORCH_ZIP) and not zipfile.is_zipfile(path)
    except OSError:
        return ""
    if starts_pointer(start):
        return "is a Git LFS pointer, not the weights; run `git lfs pull`"
    if not start:
        return "is empty; copy it again"
    if is_cut_off:
        return "is cut off: the directory at its end is missing; copy it again"
    if not start.startswith((_TORCH_ZIP, _PICKLE)):
        return "was not written by torch.save; copy it again"
    return ""
