"""Rules that a model's name and task alone can break."""

from __future__ import annotations

import re

from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.tasks import CHAT, COMPLETIONS, EMBEDDINGS
from bandplan.serving.throughput import rules
from bandplan.serving.throughput.asked import Asked
from bandplan.serving.throughput.families import Family, family_of, is_preinstalled
from bandplan.serving.throughput.optimization_info import OptimizationInfo

_EMBEDDING_TYPES = frozenset(("gte", "bge"))
# The only documented model_type of an answer that is not an embedding model's.
_GENERATING_TYPES = frozenset(("llama",))
# Problems after which the platform's answer about the model is irrelevant: the model has to be replaced.
ANOTHER_MODEL = frozenset((rules.INSTRUCT_ONLY.id, rules.NOT_IN_CATALOG.id))


def naming_problems(asked: Asked, info: OptimizationInfo | None, source: Source) -> list[Problem]:
    """Check S3, S21, S32 and S38 for one served entity; `info` is the platform's answer, if any.

    Only a name under `system.ai` identifies a model: a user's own model may have any name.
    """
    path = asked.model_path
    family = family_of(asked.model)
    found = []
    if is_preinstalled(asked.model) and family is not None and family.name == "DeepSeek R1":
        step = "write `model: system.ai.deepseek_r1_distill_llama_70b`"
        found.append(rules.NOT_IN_CATALOG.problem(source, path, f"{asked.model} is DeepSeek R1", step))
    if is_preinstalled(asked.model) and _is_base_llama(asked.model, family):
        step = f"write `model: {_instruct_version(asked.model, family)}`"
        found.append(rules.INSTRUCT_ONLY.problem(source, path, f"{asked.model} is a base version", step))
    if asked.unit == "workload":
        return found
    if _embeds(asked, family, info) and asked.task != EMBEDDINGS:
        finding = f"{asked.model} makes embeddings, and the task is {asked.task}"
        found.append(
            rules.EMBEDS_ONLY.problem(source, f"models/{asked.entry}/task", finding, f"write `task: {EMBEDDINGS}`")
        )
    if asked.task == EMBEDDINGS:
        found += _embedding_problems(asked, family, info, source)
    if _is_gte(asked, family, info):
        step = "normalise the vectors in the client where length matters"
        found.append(rules.UNNORMALISED.problem(source, path, f"{asked.model} is GTE", step))
    return found


def _is_base_llama(model: str, family: Family | None) -> bool:
    """Whether the model is a base Llama. Llama 2 calls its Instruct version chat; Llama 4 Maverick is listed under its
    plain name.
    """
    if family is None or not family.name.startswith("Meta Llama"):
        return False
    name = model.lower()
    return "instruct" not in name and not (family.name == "Meta Llama 2" and "chat" in name)


def _instruct_version(model: str, family: Family | None) -> str:
    base = re.sub("_(base|hf)$", "", model)
    return f"{base}_chat_hf" if family is not None and family.name == "Meta Llama 2" else f"{base}_instruct"


def _embeds(asked: Asked, family: Family | None, info: OptimizationInfo | None) -> bool:
    if info is not None and info.model_type is not None:
        return info.model_type.lower() in _EMBEDDING_TYPES
    return family is not None and family.embeds and is_preinstalled(asked.model)


def _embedding_problems(
    asked: Asked, family: Family | None, info: OptimizationInfo | None, source: Source
) -> list[Problem]:
    """Check the task against the kind of model: by name for `system.ai`; a user's own may have any name and a Llama
    base.
    """
    path = f"models/{asked.entry}/task"
    step = f"write `task: {CHAT}` or `task: {COMPLETIONS}`, or serve an embedding model such as GTE or BGE"
    if is_preinstalled(asked.model) and family is not None:
        finding = f"{asked.model} is {family.name}, which makes text, not embeddings"
        return [] if family.embeds else [rules.NO_EMBEDDINGS.problem(source, path, finding, step)]
    answered = (info.model_type or "").lower() if info is not None else ""
    if answered in _GENERATING_TYPES:
        finding = f"the platform reports {asked.model} as a model of type {answered}"
        return [rules.EMBEDDINGS_UNLIKELY.problem(source, path, finding, step)]
    return []


def _is_gte(asked: Asked, family: Family | None, info: OptimizationInfo | None) -> bool:
    answered = info.model_type or "" if info is not None else ""
    named = is_preinstalled(asked.model) and family is not None and family.name.startswith("GTE")
    return named or asked.logged_type.lower().startswith("gte") or answered.lower() == "gte"
