"""The resource ModelVersion: a version that exists, is READY, and provides the requested capacity."""

from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from bandplan.plugin.errors import InitFailed, ProviderError
from bandplan.plugin.values import plain, property_values
from bandplan.provider.asked_capacity import deferred_lines, unmet_lines
from bandplan.provider.context import Context, told_to_user
from bandplan.provider.detailed_diff import property_diffs, top_level_names
from bandplan.provider.existing_version import keep_reason, live_differences, tend
from bandplan.provider.input_kinds import is_known
from bandplan.provider.model_version_inputs import INPUTS, REPLACING, WantedVersion, version_findings
from bandplan.provider.property_changes import property_changes
from bandplan.provider.version_making import Make, adopted_version, digest_of, make_version, source_problems
from bandplan.provider.version_outputs import OUTPUTS, as_live, recorded_answer, unknown_outputs, version_outputs
from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
from bandplan.serving.workspace.optimization_info import ask
from bandplan.serving.workspace.registry import Registry
from bandplan.serving.workspace.registry_entries import RegisteredVersion


class ModelVersions:
    """The calls on ModelVersion resources; synchronous. `make` makes a version, by default through MLflow."""

    def __init__(self, context: Context, make: Make | None = None) -> None:
        self._context = context
        self._make = make or make_version

    def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        """Add the digest of the source, which decides whether there is anything to make."""
        new = plain(request.new_inputs)
        failures = [sdk.CheckFailure(f.property_path, f.reason) for f in version_findings(new)]
        if failures or not all(is_known(new.get(name)) for name in ("name", "source", "task", "metadata")):
            return sdk.CheckResponse(inputs=request.new_inputs, failures=failures)
        wanted = WantedVersion.from_inputs(new)
        try:
            with told_to_user(wanted.source):
                digest = digest_of(self._context, wanted, lambda text: self._context.progress(request.urn, text))
        except RegistrationError as error:
            reasons = str(error).splitlines()
            return sdk.CheckResponse(request.new_inputs, [sdk.CheckFailure("source", reason) for reason in reasons])
        return sdk.CheckResponse(inputs={**request.new_inputs, **property_values({"digest": digest})}, failures=[])

    def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        old, new = plain(request.old_state), plain(request.new_inputs)
        detailed = property_diffs(property_changes(old, new, INPUTS), REPLACING)
        replaces = [name for name in REPLACING if name in detailed]
        if not replaces and is_known(new):
            for path, is_gone in self._live_differences(request.urn, WantedVersion.from_inputs(new), old).items():
                kind = sdk.PropertyDiffKind.UPDATE_REPLACE if is_gone else sdk.PropertyDiffKind.UPDATE
                detailed.setdefault(path, sdk.PropertyDiff(kind, False))
                replaces += [path] if is_gone else []
        if not replaces and is_known(new):
            self._refuse_what_cannot_be_had(WantedVersion.from_inputs(new), old)
        return sdk.DiffResponse(
            changes=bool(detailed),
            replaces=replaces,
            detailed_diff=detailed,
            diffs=top_level_names(detailed),
            stables=[] if replaces else ["name", "version", "runId"],
        )

    def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        inputs = plain(request.properties)
        if not is_known(inputs):
            return sdk.CreateResponse("", unknown_outputs(request.properties))
        wanted = WantedVersion.from_inputs(inputs)
        with told_to_user(wanted.name):
            if request.preview:
                return self._foresee(request, wanted)
            found = adopted_version(self._context, wanted)
            is_adopted = found is not None
            if found is None:
                found, is_adopted = self._made(request.urn, wanted)
            if is_adopted:
                self._context.progress(request.urn, _taken_over(wanted, found))
            live = tend(Registry(self._context.client), wanted, found, {})
            answer = self._ask(wanted.name, live.version)
        outputs = version_outputs(request.properties, live, answer, is_adopted=is_adopted)
        identity = f"{wanted.name}/{live.version}"
        self._check_capacity(wanted, live.version, answer, identity, outputs)
        return sdk.CreateResponse(identity, outputs)

    def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        old, wanted = plain(request.olds), WantedVersion.from_inputs(plain(request.news))
        kept = {name: request.olds[name] for name in OUTPUTS if name in request.olds}
        if request.preview:
            return sdk.UpdateResponse({**request.news, **kept})
        with told_to_user(wanted.name):
            registry = Registry(self._context.client)
            found = registry.version(wanted.name, str(old["version"]))
            if found is None:
                raise ProviderError(f"{request.resource_id}: the version is gone; run `up` again")
            live = tend(registry, wanted, found, old.get("tags") or {})
            answer = recorded_answer(old) or self._ask(wanted.name, live.version)
        outputs = version_outputs(request.news, live, answer, is_adopted=bool(old.get("adopted")))
        self._check_capacity(wanted, live.version, answer, request.resource_id, outputs)
        return sdk.UpdateResponse(outputs)

    def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        """Read the current version: description, tags, and what the platform reports about its throughput."""
        name, _, number = request.resource_id.rpartition("/")
        known = plain(request.properties)
        with told_to_user(request.resource_id):
            live = Registry(self._context.client).version(name, number)
        if live is None:
            return sdk.ReadResponse(resource_id="")
        if not known.get("source"):
            raise ProviderError(
                f"{request.resource_id}: a ModelVersion cannot be imported, because nothing records its source; "
                "declare it and run `up`, which takes over a version that is tagged with the same source's digest"
            )
        changes = as_live(known, live)
        inputs = {name: value for name, value in request.properties.items() if name in INPUTS and name not in changes}
        inputs |= property_values({name: value for name, value in changes.items() if value})
        with told_to_user(request.resource_id):
            answer = self._ask(name, number)
        outputs = version_outputs(inputs, live, answer, is_adopted=bool(known.get("adopted")))
        return sdk.ReadResponse(request.resource_id, outputs, inputs)

    def delete(self, request: sdk.DeleteRequest) -> None:
        """Delete the version only if that was requested and it is unused."""
        state = plain(request.properties)
        name, _, number = request.resource_id.rpartition("/")
        if state.get("retain") is not False:
            self._context.progress(request.urn, f"{request.resource_id} is kept (retain)")
            return
        with told_to_user(request.resource_id):
            reason = keep_reason(self._context.client, name, number)
            if reason:
                self._context.warn(request.urn, f"{name} version {number} is kept although retain is false: {reason}")
            else:
                Registry(self._context.client).delete_version(name, number)

    def _foresee(self, request: sdk.CreateRequest, wanted: WantedVersion) -> sdk.CreateResponse:
        found = adopted_version(self._context, wanted)
        if found is None:
            self._refuse_unsuitable_source(request.urn, wanted)
            for line in deferred_lines(wanted.name, wanted.throughput):
                self._context.warn(request.urn, line)
            return sdk.CreateResponse("", unknown_outputs(request.properties))
        self._context.progress(request.urn, _taken_over(wanted, found))
        answer = self._ask(wanted.name, found.version)
        problems = unmet_lines(wanted.name, found.version, answer, wanted.throughput)
        if problems:
            raise ProviderError(_unfit(wanted.name, found.version, problems))
        return sdk.CreateResponse(
            f"{wanted.name}/{found.version}", version_outputs(request.properties, found, answer, is_adopted=True)
        )

    def _refuse_unsuitable_source(self, urn: str, wanted: WantedVersion) -> None:
        try:
            errors, warnings = source_problems(self._context, wanted)
        except RegistrationError as error:
            raise ProviderError(str(error)) from error
        if errors:
            raise ProviderError("\n".join([f"{wanted.name} cannot be registered from {wanted.source}:", *errors]))
        for warning in warnings:
            self._context.warn(urn, warning)

    def _made(self, urn: str, wanted: WantedVersion) -> tuple[RegisteredVersion, bool]:
        """Return the version, and whether someone else had made it meanwhile."""
        try:
            made = self._make(self._context, wanted, lambda text: self._context.progress(urn, text))
        except RegistrationError as error:
            raise ProviderError(str(error)) from error
        live = Registry(self._context.client).version(wanted.name, made.version)
        if live is None:
            raise ProviderError(f"{wanted.name}: version {made.version} was registered and is gone; run `up` again")
        return live, made.adopted

    def _ask(self, name: str, version: str) -> OptimizationInfo | Unavailable:
        return ask(self._context.client, ModelVersion(name, version))

    def _live_differences(self, urn: str, wanted: WantedVersion, old: Mapping[str, Any]) -> dict[str, bool]:
        """Map each differing property path to whether it takes a new version; warn about each."""
        number = str(old["version"])
        with told_to_user(wanted.name):
            live = Registry(self._context.client).version(wanted.name, number)
        if live is None:
            self._context.warn(urn, f"{wanted.name}: version {number} is gone; `up` registers it again from its source")
            return {"version": True}
        found = {}
        for difference in live_differences(old, live):
            self._context.warn(urn, f"{wanted.name} version {number}: not as declared: {difference}")
            found[difference.property_path] = False
        return found

    def _refuse_what_cannot_be_had(self, wanted: WantedVersion, old: Mapping[str, Any]) -> None:
        """Raise ProviderError if the existing version cannot provide what is now requested of it."""
        version = str(old["version"])
        answer = recorded_answer(old) or self._asked_again(wanted, version)
        problems = unmet_lines(wanted.name, version, answer, wanted.throughput)
        if problems:
            raise ProviderError(_unfit(wanted.name, version, problems))

    def _asked_again(self, wanted: WantedVersion, version: str) -> OptimizationInfo | Unavailable:
        with told_to_user(wanted.name):
            return self._ask(wanted.name, version)

    def _check_capacity(
        self,
        wanted: WantedVersion,
        version: str,
        answer: OptimizationInfo | Unavailable,
        identity: str,
        outputs: dict[str, PropertyValue],
    ) -> None:
        """Raise InitFailed if capacity is missing: the version stays, in the state too, and its dependents wait."""
        problems = unmet_lines(wanted.name, version, answer, wanted.throughput)
        if problems:
            raise InitFailed(identity, outputs, [_unfit(wanted.name, version, problems)])


def _unfit(name: str, version: str, problems: tuple[str, ...]) -> str:
    lines = "\n".join(f"  {problem}" for problem in problems)
    return (
        f"{name} version {version} is registered, but cannot be served as requested:\n{lines}\n"
        "  The version stays, its alias was not moved, and no endpoint was created or changed for it. Change the "
        "entry, or its source (transformers flavor, the entry's task, metadata model_type for embeddings, an "
        "architecture that provisioned throughput supports), then run `up` again"
    )


def _taken_over(wanted: WantedVersion, found: RegisteredVersion) -> str:
    return f"version {found.version} of {wanted.name} was already made from this source; it is taken over"
