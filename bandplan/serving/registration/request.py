"""The request for a registration, and its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bandplan.serving.registration.sources.source import Source

Renew = Callable[[], str | None]
"""Returns the token to use from now on; None if it cannot be had at the moment."""


@dataclass(frozen=True)
class LogRequest:
    """A checkpoint to log in a run. `host` and `token` are those of the workspace; repr does not show the token.

    `renew` is asked for the token while MLflow works; None if the token does not expire.

    `experiment` None means the one of MLflow's own variables, otherwise the user's (`tracking.py`). `mlflow_version` is
    the MLflow that has to log it; None means the installed one.
    """

    source: Source
    task: str | None
    host: str
    token: str = field(repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict)
    mlflow_version: str | None = None
    experiment: str | None = None
    renew: Renew | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class RegistrationRequest:
    """A version to make of `source` under the three-level `name`; `digest` is that of the source.

    `task` and `metadata` decide what is logged of a checkpoint; of other sources `task` is compared with what they were
    logged for. With `reference_weights` the run of a checkpoint refers to the weights and the version alone holds them.
    `renew`: as in LogRequest.
    """

    name: str
    source: Source
    digest: str
    task: str | None
    host: str
    token: str = field(repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    mlflow_version: str | None = None
    experiment: str | None = None
    reference_weights: bool = False
    renew: Renew | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Logged:
    """A model in a run; `model_uri` is of the form models:/m-<id>."""

    run_id: str
    model_uri: str


@dataclass(frozen=True)
class Registered:
    """A READY version. `adopted` if it existed already; `run_id` and `model_uri` if a run was made for it."""

    version: str
    run_id: str | None = None
    adopted: bool = False
    model_uri: str | None = None
