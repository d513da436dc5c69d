"""How many tokens a text has for an endpoint, and what counted them."""

from bandplan.stub.inference import checkpoint_tokens
from bandplan.stub.inference.engine import Engine
from bandplan.stub.inference.selection.spec import SIMULATED
from bandplan.stub.json_object import Json
from bandplan.stub.state.registry.checkpoint import Checkpoints
from bandplan.stub.state.serving.configuration import ServedEntity

SIMULATED_RULE = "the simulated rule"


async def count(text: str, engine: Engine, entity: ServedEntity, checkpoints: Checkpoints) -> Json:
    """Return `tokens`, whether they are `is_exact`, and what they were `counted_by`. Raises EngineError.

    An engine with a model has the model's tokenizer. The simulated one has none: there the checkpoint counts that the
    version was registered from, although `usage` follows the simulated rule.
    """
    by = f"the engine {engine.kind}" if engine.kind != SIMULATED and engine.is_count_exact else SIMULATED_RULE
    found = checkpoints.of(entity.model, entity.version) if engine.kind == SIMULATED else None
    if found is not None:
        try:
            tokens = await checkpoint_tokens.count(found.tokenizer or found.folder, text)
            by = f"{checkpoint_tokens.FILE} of {entity.model} v{entity.version}"
            return {"tokens": tokens, "is_exact": True, "counted_by": by}
        except checkpoint_tokens.CannotCount as reason:
            by = f"{SIMULATED_RULE}, because {reason}"
    tokens = await engine.count_text(text)
    return {"tokens": tokens, "is_exact": engine.is_count_exact and found is None, "counted_by": by}
