"""The rules that models.yaml alone can break, by subject."""

from __future__ import annotations

from bandplan.serving.spec import tasks
from bandplan.serving.spec.problem import MORE, Rule

_PT = "docs.databricks.com: Provisioned throughput Foundation Model APIs"
_API = "docs.databricks.com: Serving endpoints API"
_OURS = "this project"

FILE = Rule("file", "error", "models.yaml is one readable UTF-8 file of less than 5 MB", _OURS)
YAML = Rule("yaml", "error", "the file is one YAML document", "yaml.org: YAML 1.2")
YAML_TAB = Rule("yaml-tab", "error", "YAML is indented with spaces, never tabs", "yaml.org: YAML 1.2")
YAML_ANCHOR = Rule(
    "yaml-anchor", "error", "an alias repeats an anchor that was written, and closed, before it", "yaml.org: YAML 1.2"
)
YAML_LIMIT = Rule(
    "yaml-limit",
    "error",
    "a file has at most 250,000 values, 40 deep, and 500,000 with defaults and overrides applied to every entry",
    _OURS,
)
DUPLICATE_KEY = Rule("duplicate-key", "error", "a key is written once in its mapping", "yaml.org: YAML 1.2")
KEY_TYPE = Rule("key-type", "error", "a key is text", _OURS)

UNKNOWN_KEY = Rule("unknown-key", "error", "only the keys of the schema may be written", _OURS)
MISSING_KEY = Rule("missing-key", "error", "the key is required", _OURS)
TYPE = Rule("type", "error", "a value has the kind that the schema gives", _OURS)
VALUE = Rule("value", "error", "a value is one that the schema allows", _OURS)
ONE_OF = Rule("one-of", "error", "of mutually exclusive keys, exactly one is given", _OURS)

ENDPOINT_NAME = Rule(
    "endpoint-name",
    "error",
    "an endpoint name is 1 to 63 letters, digits, - and _, begins with a letter or digit, and is not reserved",
    _API,
)
DUPLICATE_NAME = Rule("duplicate-name", "error", "an endpoint has one entry", _API)
DUPLICATE_SERVED_NAME = Rule(
    "duplicate-served-name", "error", "served entities of an endpoint have different names", _API
)
TRAFFIC = Rule("traffic", "error", "traffic of an endpoint's served entities adds up to 100 percent", _API)
UNKNOWN_OVERRIDE = Rule("unknown-override", "error", "an override names an entry of models", _OURS)
OVERRIDE_STACK = Rule("override-stack", "warning", "overrides name a stack of the project", _OURS)
BAND_ORDER = Rule("S8-order", "error", "max is at least min, and more than 0", _PT)
ACCEPT_ORDER = Rule("S18-accept", "error", "accept is less than want, and at least min", _PT)
MODEL_NAME = Rule("S2-name", "error", "a model has a three-level Unity Catalog name, catalog.schema.model", _PT)
PINNED_VERSION = Rule(
    "S4-version", "error", "a model version is pinned: its number, in quotes, or an alias that identifies it", _PT
)
TASK = Rule("S21-task", "error", f"a task is {tasks.ONE_OF}", _PT)
BOTH_FAMILIES = Rule("S1-both", "error", "an entity has a band or model units, never both", _PT)
ROLLOUT_STEPS = Rule("rollout-steps", "error", "the steps of a rollout ascend, and the last one is 100", _OURS)
ROLLOUT_ONE_MODEL = Rule(
    "rollout-one-model",
    "error",
    "a rollout is for one model of provisioned throughput, written in the entry itself",
    _OURS,
)
PRINCIPAL = Rule(
    "principal",
    "error",
    "a user is named by email address, a service principal by its application id (a UUID); `admins` always manages",
    "docs.databricks.com: Permissions API",
)
DUPLICATE_PRINCIPAL = Rule(
    "duplicate-principal",
    "error",
    "a principal is named once in a list; the letter case of email addresses and ids is ignored",
    "docs.databricks.com: Permissions API",
)
BUDGET_POLICY = Rule("budget-policy", "error", "a budget policy is named by its id, a UUID", _API)
SERVED_NAME = Rule(
    "served-name",
    "error",
    "a served name is letters, digits, - and _, at most 128, and begins with a letter or digit",
    _API,
)
ENTITIES_MANY = Rule("entities-many", "error", "an endpoint serves at most 15 entities", _API)
INFERENCE_TABLE = Rule("inference-table", "error", "an enabled inference table has a catalog and a schema", _API)
RATE_LIMIT = Rule(
    "rate-limit",
    "error",
    "a rate limit is on calls or tokens, once for the endpoint, for every user, or for one named principal",
    _API,
)
RATE_LIMITS_MANY = Rule(
    "rate-limits-many",
    "error",
    "an endpoint has at most 20 rate limits, 5 of them for groups",
    "docs.databricks.com: Configure rate limits for AI Gateway endpoints",
)
INTERPOLATION = Rule("interpolation", "error", "texts are used as written: no placeholder is replaced", _OURS)
OWN_TAG = Rule("own-tag", "error", "tags that begin with bandplan. are set by bandplan alone", _OURS)
NEVER_BELOW = Rule("never-below", "error", "never_below is in the unit of the entry's throughput", _OURS)
DEMAND_FOR_AUTO = Rule("S17-auto-demand", "error", "`throughput: auto` is worked out from the entry's demand", _OURS)

ANCHOR_PREFIX = "x-"
"""Prefix of a top-level key that holds anchors for the rest of the file and is otherwise ignored."""

ALL = (
    MORE,
    FILE,
    YAML,
    YAML_TAB,
    YAML_ANCHOR,
    YAML_LIMIT,
    DUPLICATE_KEY,
    KEY_TYPE,
    UNKNOWN_KEY,
    MISSING_KEY,
    TYPE,
    VALUE,
    ONE_OF,
    ENDPOINT_NAME,
    DUPLICATE_NAME,
    DUPLICATE_SERVED_NAME,
    TRAFFIC,
    UNKNOWN_OVERRIDE,
    OVERRIDE_STACK,
    BAND_ORDER,
    ACCEPT_ORDER,
    MODEL_NAME,
    PINNED_VERSION,
    TASK,
    BOTH_FAMILIES,
    ROLLOUT_STEPS,
    ROLLOUT_ONE_MODEL,
    PRINCIPAL,
    DUPLICATE_PRINCIPAL,
    BUDGET_POLICY,
    SERVED_NAME,
    ENTITIES_MANY,
    INFERENCE_TABLE,
    RATE_LIMIT,
    RATE_LIMITS_MANY,
    INTERPOLATION,
    OWN_TAG,
    NEVER_BELOW,
    DEMAND_FOR_AUTO,
)
"""Every rule, in the order of the page of rules."""
