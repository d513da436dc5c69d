"""A version that may change without a change of models.yaml, and base Llama models (S3, S4)."""

import re
from collections.abc import Iterator

from bandplan.policies.endpoint import Endpoint
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule, Settings

_LLAMA = re.compile(r"llama-?v?(?:2|3)")
_ANSWERS = re.compile(r"instruct|chat")


def check(endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    """Find versions that follow an alias, and base models that continue prompts instead of answering them."""
    for entity in endpoint.entities:
        if entity.alias and not settings["allow_aliases"]:
            yield Finding(
                f"{endpoint.where(entity)}follows the alias {entity.alias} of {entity.model}, which anyone who may "
                'set it can move; write the version number, such as version: "3"'
            )
        if settings["instruct_only"] and is_base_llama(entity.model):
            yield Finding(
                f"{endpoint.where(entity)}{entity.model} is a base Llama by its name, and a base model "
                "continues a prompt instead of answering it; serve its Instruct version"
            )


def is_base_llama(model: str) -> bool:
    """Report whether a model is Llama 2 or 3 by name, neither Instruct nor chat; distilled models do not count."""
    name = re.sub(r"[_.]", "-", model.rsplit(".", 1)[-1].lower())
    named = [found.end() for found in _LLAMA.finditer(name)]
    return bool(named) and "distill" not in name and _ANSWERS.search(name, named[-1]) is None


RULE = EndpointRule(
    "model-not-pinned",
    "Served models are pinned: by version number, and not a base Llama.",
    "advisory",
    check,
    properties={
        "allow_aliases": {
            "type": "boolean",
            "default": False,
            "description": "Whether a version may follow an alias.",
        },
        "instruct_only": {
            "type": "boolean",
            "default": False,
            "description": "Whether your own models with Llama in their name must also have Instruct or chat in it.",
        },
    },
)
