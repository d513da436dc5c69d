"""The rules about models, capacity and demand; a waiver names a warning by its id."""

from __future__ import annotations

from bandplan.serving.spec import tasks
from bandplan.serving.spec.problem import Rule

_PT = "docs.databricks.com: Provisioned throughput Foundation Model APIs"
_BANDS = "docs.databricks.com: Deploy legacy provisioned throughput models"
_UNITS = "docs.databricks.com: Model units in provisioned throughput"
_LEGACY = "docs.databricks.com: Optimized LLM serving"
_OURS = "this project"

FAMILY = Rule("S1-family", "error", "a model is sold in bands or in model units, and its entry asks for that", _UNITS)
MIXED = Rule("S1-mixed", "error", "all served entities of an endpoint use the same kind of capacity", _UNITS)
INSTRUCT_ONLY = Rule("S3-instruct", "error", "Meta Llama from system.ai is served in its Instruct version only", _PT)
NO_INFO = Rule("S5-info", "error", "a model's optimization info is known before anything is created", _PT)
NOT_ELIGIBLE = Rule("S6-eligible", "error", "a model is eligible for provisioned throughput", _PT)
WHOLE_CHUNKS = Rule("S8-chunk", "error", "bounds are whole chunks", _PT)
WHOLE_UNITS = Rule("S10-unit-chunk", "error", "model units come in whole increments of the model", _UNITS)
AUTO_UNITS = Rule(
    "S11-auto-units",
    "error",
    "model units cannot be worked out from tokens alone: work grows non-linearly with them",
    _UNITS,
)
NON_LINEAR = Rule(
    "units-non-linear",
    "warning",
    "S11: work grows non-linearly with tokens, so units have no tokens/s of their own",
    _UNITS,
)
BANDS_MANY = Rule("bands-many", "warning", "S8: bands count whole chunks, not tokens per second", _PT)
FLOOR_ZERO = Rule("floor-zero", "warning", "S12: a band from 0 makes the first request wait for a scale-up", _BANDS)
CEILING_LOW = Rule("ceiling-below-demand", "warning", "S17: the ceiling covers the demand", _PT)
UNMEETABLE = Rule("S35-latency", "error", "`throughput: auto` needs a latency target that some capacity meets", _OURS)
LATENCY_MISSED = Rule(
    "latency-missed", "warning", "S35: the capacity meets the latency target of the demand at its peak", _OURS
)
DEMAND_LIMIT = Rule("demand-limit", "warning", "prompt and answer fit into what the model takes", _PT)
WORKSPACE_RATE = Rule(
    "workspace-requests",
    "warning",
    "a workspace takes 200 requests/s for all its provisioned throughput",
    "docs.databricks.com: Foundation Model APIs limits and quotas",
)
HEADROOM_LOW = Rule("headroom-low", "warning", "S17: scaling is slow, so there is headroom above the demand", _PT)
EMBEDS_ONLY = Rule("S21-embeddings", "error", f"an embedding model is served for {tasks.EMBEDDINGS}", _PT)
NO_EMBEDDINGS = Rule("S21-no-embeddings", "error", f"{tasks.EMBEDDINGS} is answered by embedding models only", _PT)
EMBEDDINGS_UNLIKELY = Rule(
    "embeddings-unlikely", "warning", f"S21: a model served for {tasks.EMBEDDINGS} is an embedding model", _PT
)
SYSTEM_CATALOG = Rule(
    "S2-register-system", "error", "a version is registered in your own catalog; `system` is the platform's", _PT
)
REGISTER_CONFLICT = Rule(
    "register-conflict",
    "error",
    "registrations into one model agree on it, and each alias is set by one of them",
    _OURS,
)
REGISTER_SOURCE = Rule(
    "register-source", "error", "a version is made from a run, a model, or a folder with a complete model", _OURS
)
SOURCE_DOUBTFUL = Rule(
    "source-doubtful", "warning", "a version is made from a run, a model, or a folder with a complete model", _OURS
)
ALIAS_UNSET = Rule(
    "S4-alias", "error", "an alias that is followed points to a version, or is set by a registration of this file", _PT
)
NO_SCHEMA = Rule(
    "S2-schema", "error", "the catalog and the schema to register in exist: bandplan does not create them", _PT
)
SCHEMA_UNSEEN = Rule(
    "schema-unseen",
    "warning",
    "S2: the catalog and the schema to register in exist: bandplan does not create them",
    _PT,
)
MLFLOW_OLD = Rule("S22-mlflow", "error", "a model is logged with MLflow 2.11 or newer", _PT)
MODEL_TYPE = Rule("S23-model-type", "error", "an embedding model that is logged carries metadata model_type", _PT)
MODEL_TYPE_UNSEEN = Rule(
    "embedding-model-type", "warning", "S23: an embedding model was logged with metadata model_type", _PT
)
LEGACY_GATE = Rule("S28-legacy-gate", "error", "legacy workloads are deprecated and need allow_legacy: true", _LEGACY)
LEGACY = Rule(
    "legacy-deprecated",
    "warning",
    "S28: legacy optimized serving is deprecated; provisioned throughput replaces it",
    _LEGACY,
)
LEGACY_TASK = Rule("S25-legacy-task", "error", f"legacy optimized serving answers {tasks.LEGACY} only", _LEGACY)
LEGACY_MLFLOW = Rule(
    "legacy-mlflow",
    "warning",
    "S22: a model for legacy serving is logged with MLflow 2.4 or newer, or on Databricks Runtime 13.2 ML or newer",
    _LEGACY,
)
LEGACY_FAMILY = Rule(
    "legacy-family", "warning", "S25: legacy optimized serving knows Llama 2, MPT and Mistral", _LEGACY
)
LEGACY_REGISTER = Rule(
    "S25-legacy-register", "error", "a legacy workload serves a version that is registered already", _OURS
)
WORKLOAD_TYPE = Rule(
    "S26-workload-type",
    "error",
    "a workload has a type; it is worked out for 7, 13, 30 to 34 and 70 billion parameters only",
    _LEGACY,
)
WORKLOAD_UNUSUAL = Rule(
    "workload-type-unusual",
    "warning",
    "S26: recommended is GPU_LARGE for 7, 13, and 30 to 34 billion parameters, GPU_LARGE_2 for 70",
    _LEGACY,
)
WORKLOAD_UNLISTED = Rule(
    "workload-size-unlisted",
    "warning",
    "S26: compute is published for 7, 13, 30 to 34 and 70 billion parameters",
    _LEGACY,
)
GPU_ACCESS = Rule(
    "S26-gpu-access",
    "error",
    "from 50 billion parameters on, the Databricks account team grants GPU access first",
    _LEGACY,
)
SCALE_TO_ZERO = Rule("S27-scale-to-zero", "error", "legacy serving scales to zero on CPU only", _LEGACY)
UNNORMALISED = Rule("gte-unnormalised", "warning", "S32: GTE v1.5 (English) vectors do not have length 1", _PT)
REGION_NAME = Rule(
    "region-name",
    "error",
    "a region is named as Amazon Web Services, Azure or Google Cloud names it",
    "docs.databricks.com: Databricks clouds and regions",
)
REGION_MISSING = Rule("region-unavailable", "warning", "S37: a model is available in the fleet's region", _PT)
REGION_UNKNOWN = Rule(
    "region-unverified", "warning", "S37: Llama 3.1, 3.2 and 3.3 are not available in every region", _PT
)
NOT_IN_CATALOG = Rule(
    "S38-deepseek", "error", "DeepSeek R1 is not available in Unity Catalog; its distilled Llama is", _BANDS
)
ROLLOUT_MIXED = Rule(
    "rollout-mixed", "error", "a rollout moves traffic between versions with the same kind of capacity", _UNITS
)
WAIVER_OF_ERROR = Rule("waiver-of-error", "error", "warnings and policies can be waived, errors cannot", _OURS)
WAIVER_MISTYPED = Rule("waiver-mistyped", "warning", "a waiver names the id of a warning or of a policy", _OURS)
WAIVER_EXPIRED = Rule("waiver-expired", "error", "a waiver holds until its expiry date", _OURS)

ALL = (
    FAMILY,
    MIXED,
    INSTRUCT_ONLY,
    NO_INFO,
    NOT_ELIGIBLE,
    WHOLE_CHUNKS,
    WHOLE_UNITS,
    AUTO_UNITS,
    NON_LINEAR,
    BANDS_MANY,
    FLOOR_ZERO,
    CEILING_LOW,
    HEADROOM_LOW,
    UNMEETABLE,
    LATENCY_MISSED,
    DEMAND_LIMIT,
    WORKSPACE_RATE,
    EMBEDS_ONLY,
    NO_EMBEDDINGS,
    EMBEDDINGS_UNLIKELY,
    SYSTEM_CATALOG,
    REGISTER_CONFLICT,
    REGISTER_SOURCE,
    SOURCE_DOUBTFUL,
    ALIAS_UNSET,
    NO_SCHEMA,
    SCHEMA_UNSEEN,
    MLFLOW_OLD,
    MODEL_TYPE,
    MODEL_TYPE_UNSEEN,
    LEGACY_GATE,
    LEGACY,
    LEGACY_TASK,
    LEGACY_MLFLOW,
    LEGACY_FAMILY,
    LEGACY_REGISTER,
    WORKLOAD_TYPE,
    WORKLOAD_UNUSUAL,
    WORKLOAD_UNLISTED,
    GPU_ACCESS,
    SCALE_TO_ZERO,
    UNNORMALISED,
    REGION_NAME,
    REGION_MISSING,
    REGION_UNKNOWN,
    NOT_IN_CATALOG,
    ROLLOUT_MIXED,
    WAIVER_OF_ERROR,
    WAIVER_MISTYPED,
    WAIVER_EXPIRED,
)
"""Every rule, in the order of the page of rules."""
