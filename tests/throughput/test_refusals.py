"""The page on what the platform refuses names every refusal of the local workspace that a deployment can meet."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.serving.spec import rules as file_rules
from bandplan.serving.throughput import rules
from bandplan.serving.throughput.refusals import REFUSALS

STUB = Path(__file__).parents[2] / "bandplan" / "stub"
# Where requests of a deployment are judged.
MODULES = (
    *(f"state/{name}.py" for name in ("limits", "access", "registry/registered_models", "registry/catalogs")),
    *(f"state/serving/{name}.py" for name in ("rules", "rate_limits", "endpoints")),
    *(f"api/endpoints/{name}.py" for name in ("configuration", "serving_endpoints", "ai_gateway", "permissions")),
)
KINDS = (
    "Invalid",
    "BadRequest",
    "NotFound",
    "AlreadyExists",
    "Conflict",
    "Forbidden",
    "QuotaExceeded",
    "TooManyRequests",
)

# A piece of each refusal, and what the page calls it.
ROWS = {
    "is not a valid endpoint name": "an endpoint name that has other characters",
    "is reserved by the platform": "an endpoint name that has other characters",
    "Endpoint with name '{}' already exists": "a name that another endpoint",
    "is not a valid name; use letters": "a served name with other characters",
    "the name '{}' is used more than once": "two served entities of one name",
    "is not a three-level name": "a model name of fewer than three levels",
    "is not a valid name; use no dots": "a catalog or schema name",
    "at least one served entity is required": "an endpoint without served entities",
    "an endpoint serves at most": "more than 15 served entities",
    "_version: is required": "a served entity without a version",
    "Registered model '{}' does not exist": "a model or a version that does not exist",
    "version '{}' does not exist": "a model or a version that does not exist",
    "has no alias": "a model or a version that does not exist",
    "not READY": "a version that is not READY",
    "is a base Llama model": "a base Llama model",
    "external model": "external models beside others",
    "external_model": "external models beside others",
    "set either served_entities or served_models": "routes that are missing",
    "a throughput band or provisioned_model_units": "a band and model units",
    "in tokens per second; set": "a band for a model sold in model units",
    "in model units; set": "a band for a model sold in model units",
    "is not eligible for Provisioned Throughput.": "a model that is not eligible",
    "is not a multiple of": "bounds that are not whole chunks",
    "must be at least one chunk": "a maximum under one chunk",
    "is above max_provisioned_throughput": "a maximum under one chunk",
    "provisioned_model_units must be": "less than one model unit",
    "provisioned_model_units: is required": "less than one model unit",
    "workload_type '{}' is not one of": "a legacy type or size",
    "workload_size '{}' is not one of": "a legacy type or size",
    "scale_to_zero_enabled is not available": "scale to zero of a legacy workload",
    "workload_size or provisioned concurrency": "legacy compute or concurrency",
    "cannot be set together with provisioned throughput": "legacy compute or concurrency",
    "is not a field of provisioned throughput": "a field that the API of model units lacks",
    "percent; use 0 to 100": "shares that are not percentages",
    "percentages sum to": "shares that are not percentages",
    "has more than one route": "routes that are missing",
    "routes are required": "routes that are missing",
    "one route names both": "routes that are missing",
    "is not a served entity of this configuration": "routes that are missing",
    "served_entity_name: is required": "routes that are missing",
    "{} rate limits, {} of groups": "more than 20 rate limits",
    "principal: is required for key": "a rate limit without a principal",
    "principal: must be a string": "a rate limit without a principal",
    "must be an integer": "a key, period, behaviour or amount",
    "renewal_period: must be": "a key, period, behaviour or amount",
    "key: must be one of": "a key, period, behaviour or amount",
    "behavior: must be one of": "a key, period, behaviour or amount",
    "exactly one of {} is required": "a permission for no principal",
    "permission_level: '{}' is not one of": "a permission for no principal",
    "Duplicate privileges": "a privilege that is granted and revoked",
    "models in catalog '{}' cannot be changed": "registering in the platform's own catalog",
    "Catalog '{}' does not exist": "registering in a catalog or schema",
    "Schema '{}.{}' does not exist": "registering in a catalog or schema",
    "Registered model '{}' already exists": "creating a model, catalog or schema that exists",
    "{} '{}' already exists": "creating a model, catalog or schema that exists",
    "elemetry": "telemetry of an endpoint",
    "is a pay-per-token endpoint": "a change of a pay-per-token endpoint",
    "is currently being updated": "a change while another is under way",
    "Endpoint with name '{}' does not exist": "an endpoint that was deleted meanwhile",
    "Endpoint with id '{}' does not exist": "an endpoint that was deleted meanwhile",
    "Inference Endpoint ID": "an endpoint that was deleted meanwhile",
    "serving endpoints, and its limit is": "more endpoints than the workspace may have",
    "creates and updates of serving endpoints": "more creates and updates",
    "cannot be changed while the inference table": "another name of an inference table",
}
# Of queries, or of requests that no deployment makes.
ELSEWHERE = (
    "The rate limit of this endpoint is 0",
    "Exceeded the limit of",
    "new_name:",
    "is not empty",
    "an example model of the stub workspace",
    "is built in and cannot be changed",
    "an endpoint cannot be switched between external models",
)


def wording(node: ast.AST) -> str:
    """The text of a message, with {} for what it is filled with."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr():
            return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""


def said(module: str) -> Iterator[str]:
    """Every sentence with which the module refuses."""
    for node in ast.walk(ast.parse((STUB / module).read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=kind), args=[message, *_]) if kind in KINDS:
                yield wording(message)
            case ast.Yield(value=ast.expr() as message):
                yield wording(message)
            case ast.Call(func=ast.Attribute(attr="append"), args=[message]):
                yield wording(message)
            case ast.ListComp(elt=ast.JoinedStr() as message):
                yield wording(message)


@pytest.mark.parametrize("module", MODULES)
def test_every_refusal_of_the_local_workspace_has_a_row(module: str) -> None:
    sentences = {sentence for sentence in said(module) if " " in sentence}
    pieces = (*ROWS, *ELSEWHERE)
    assert {one for one in sentences if not any(piece in one for piece in pieces)} == set()


def test_every_row_is_there_and_every_piece_is_said() -> None:
    whats = [one.what for one in REFUSALS]
    assert len(set(whats)) == len(whats)
    assert {row for row in ROWS.values() if sum(what.startswith(row) for what in whats) != 1} == set()
    sentences = [sentence for module in MODULES for sentence in said(module)]
    assert {piece for piece in (*ROWS, *ELSEWHERE) if not any(piece in one for one in sentences)} == set()


def test_rules_that_the_page_names_are_rules() -> None:
    ids = {rule.id for rule in (*file_rules.ALL, *rules.ALL)}
    fields = {"entities", "up", "--refresh", "accept"}
    named = {part for one in REFUSALS for part in one.by.split("`")[1::2]}
    assert named - fields <= ids
