"""Code that comes with a model: `auto_map` names the classes to load it with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bandplan.serving.registration.sources.finding import SourceFinding
from bandplan.serving.registration.sources.folder import File
from bandplan.serving.registration.sources.json_file import read_object
from bandplan.serving.spec.problem import clipped

_NAMED_IN = ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json")
_MOST_NAMED = 5


def custom_code(present: Mapping[str, File], shown: str) -> Iterator[SourceFinding]:
    """Warn about code that each configuration names: files of the folder, or of a repository on the hub."""
    for config in _NAMED_IN:
        auto_map = (read_object(present[config].path) or {}).get("auto_map") if config in present else None
        named = sorted(dict.fromkeys(_described(reference, present) for reference in _references(auto_map)))
        if named:
            more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
            yield SourceFinding(
                f"{shown}/{config}",
                f"auto_map names code: {', '.join(named[:_MOST_NAMED])}{more}",
                "MLflow and transformers run that code if they have no class of that name, and the platform may not",
                "check that you trust the code, or save the model with a transformers class that needs no auto_map",
                severity="warning",
            )


def _references(auto_map: object) -> Iterator[str]:
    """Yield each `module.Class` or `owner/repository--module.Class`; a tokenizer has a pair of them, and one may be
    null.
    """
    for value in auto_map.values() if isinstance(auto_map, dict) else ():
        for reference in value if isinstance(value, list) else (value,):
            if isinstance(reference, str) and reference:
                yield reference


def _described(reference: str, present: Mapping[str, File]) -> str:
    repository, separator, inner = reference.rpartition("--")
    file = f"{inner.rsplit('.', 1)[0]}.py"
    if separator:
        return clipped(f"{file} of {repository} on the Hugging Face Hub", 200)
    return clipped(file if file in present else f"{file} (not in the folder)", 200)
