"""The tokenizer among the files of a model: whether it exists and can be read."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping

from bandplan.serving.registration.sources.finding import SourceFinding
from bandplan.serving.registration.sources.folder import File
from bandplan.serving.registration.sources.json_file import MOST_BYTES, read_object
from bandplan.serving.registration.sources.lfs_pointer import is_pointer
from bandplan.serving.spec.tasks import CHAT, COMPLETIONS

TOKENIZER_CONFIG = "tokenizer_config.json"
_TOKENIZER = "tokenizer.json"
_VOCABULARIES = ((_TOKENIZER,), ("vocab.txt",), ("vocab.json", "merges.txt"))
_SENTENCEPIECE = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
_TEMPLATES = ("chat_template.jinja", "chat_template.json")
_RULE = "a model is logged with its tokenizer"


def tokenizer_findings(present: Mapping[str, File], shown: str, *, is_logged: bool = False) -> Iterator[SourceFinding]:
    """Report everything against the tokenizer of a folder; `is_logged` if MLflow wrote it: this machine then reads
    none.
    """
    step = "save the tokenizer into the folder: `tokenizer.save_pretrained(...)`"
    if not any(all(name in present for name in names) for names in _VOCABULARIES):
        sentencepiece = next((name for name in _SENTENCEPIECE if name in present), None)
        if sentencepiece is None:
            yield SourceFinding(shown, "no tokenizer (tokenizer.json, or a vocabulary)", _RULE, step)
        elif not is_logged and importlib.util.find_spec("sentencepiece") is None:
            finding = f"the tokenizer is in {sentencepiece} only, and the package that reads it is not installed"
            write = "write tokenizer.json with `AutoTokenizer.from_pretrained(...).save_pretrained(...)`"
            yield SourceFinding(shown, finding, _RULE, write)
    if TOKENIZER_CONFIG not in present:
        yield SourceFinding(shown, f"no {TOKENIZER_CONFIG}", _RULE, step)
    for name in (_TOKENIZER, TOKENIZER_CONFIG):
        if name in present and is_damaged(present[name]):
            yield SourceFinding(f"{shown}/{name}", "not a JSON object", _RULE, step)


def template_findings(present: Mapping[str, File], shown: str, task: str | None) -> Iterator[SourceFinding]:
    """Warn about a chat model without a chat template: its turns would be assembled in some default way."""
    if task != CHAT or TOKENIZER_CONFIG not in present or any(name in present for name in _TEMPLATES):
        return
    config = read_object(present[TOKENIZER_CONFIG].path)
    if config is not None and not config.get("chat_template"):
        yield SourceFinding(
            f"{shown}/{TOKENIZER_CONFIG}",
            "no chat_template",
            "a chat model's template assembles the turns of a conversation",
            f"save the tokenizer of the instruct model, or use task {COMPLETIONS}",
            severity="warning",
        )


def is_damaged(file: File) -> bool:
    """Whether a file that should be a JSON object is not one; False for a Git LFS pointer, which is a finding of its
    own.
    """
    return file.size_bytes <= MOST_BYTES and read_object(file.path) is None and not is_pointer(file)
