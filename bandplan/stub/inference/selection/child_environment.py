"""The environment of processes that engines start: this process's, without the secrets that are ours."""

from collections.abc import Collection, Mapping

OURS = ("ACTIONS_ID_TOKEN_", "ARM_", "DATABRICKS_", "MLFLOW_TRACKING_", "PULUMI_")
"""Beginnings of the names of variables that log in to workspaces and states. A model server needs none of them."""

OURS_BY_NAME = frozenset({"CI_JOB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN", "GITLAB_TOKEN", "SYSTEM_ACCESSTOKEN"})
"""Tokens of the CI systems that deployments run in."""

THEIRS = ("HF_", "HUGGING_FACE_")
"""Beginnings of the names of variables that downloads of weights need, even if a setting names one as a key."""


def child_environment(environ: Mapping[str, str], keys: Collection[str]) -> dict[str, str]:
    """Return the environment for a process of an engine; `keys` are the variables with the keys of other engines.

    A deny-list, because drivers, proxies, caches and the engines themselves read variables that nobody can list.
    """
    return {name: value for name, value in environ.items() if name.startswith(THEIRS) or not _is_ours(name, keys)}


def _is_ours(name: str, keys: Collection[str]) -> bool:
    return name.startswith(OURS) or name in OURS_BY_NAME or name in keys
