"""A provider of toys for the engine's tests: a real provider whose world is a folder, one JSON file per toy.

`toy:index/thing:Thing` has inputs `name` (a change replaces, old deleted first), `kind` (a change replaces, new made
first), `size` (changes in place), `of` (anything; a change replaces when the text starts with `fixed`), `seconds` and
`slow_delete` (seconds to make it, and to delete it) and `trouble` (what goes wrong: `create`, `update`, `delete`,
`check`, `read`, `init` when made, `unready` when updated, `sick` when read). Output: `made`, the times it was written.
The world's `log` file has one line per effect, in order. A file `hold` with a number holds up
what would come after so many effects, until it is removed. `TOY_WORLD` names the folder when it runs as a plugin
executable.
"""

import contextlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pulumi.provider.experimental import provider as protocol

from bandplan.plugin.errors import InitFailed, ProviderError
from bandplan.plugin.values import UNKNOWN, plain, property_values

PropertyDiff, Kind = protocol.PropertyDiff, protocol.PropertyDiffKind


class Toys(protocol.Provider):
    def __init__(self, world: Path) -> None:
        self.world = world
        self.world.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()

    def effects(self) -> list[str]:
        log = self.world / "log"
        return log.read_text().splitlines() if log.exists() else []

    def things(self) -> dict[str, dict[str, Any]]:
        return {file.stem: json.loads(file.read_text()) for file in self.world.glob("*.json")}

    async def check_config(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        return protocol.CheckResponse(inputs=request.new_inputs, failures=[])

    async def diff_config(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        return protocol.DiffResponse(changes=False)

    async def configure(self, request: protocol.ConfigureRequest) -> protocol.ConfigureResponse:
        return protocol.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        failures = []
        if plain(request.new_inputs).get("trouble") == "check":
            failures = [protocol.CheckFailure("trouble", "toys must not be troublesome")]
        return protocol.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        old, new = plain(request.old_state), plain(request.new_inputs)
        old.pop("made", None)
        detailed: dict[str, PropertyDiff] = {}
        first = False
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) == new.get(key):
                continue
            kind = Kind.ADD if key not in old else Kind.DELETE if key not in new else Kind.UPDATE
            if key in ("name", "kind") or (key == "of" and str(old.get(key)).startswith("fixed")):
                kind = Kind(kind.value + 1)
                first = first or key != "kind"
            detailed[key] = PropertyDiff(kind, True)
        replaces = [key for key, diff in detailed.items() if diff.kind.name.endswith("_REPLACE")]
        return protocol.DiffResponse(
            changes=bool(detailed),
            replaces=replaces,
            delete_before_replace=first,
            diffs=list(detailed),
            detailed_diff=detailed,
        )

    async def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        inputs = plain(request.properties)
        if request.preview:
            return protocol.CreateResponse("", property_values({**inputs, "made": UNKNOWN}))
        if inputs.get("trouble") == "create":
            raise ProviderError("the factory is closed")
        thing_id = f"{inputs['name']}.{inputs.get('kind', 'plain')}"
        self._be_held()
        if seconds := inputs.get("seconds"):
            time.sleep(seconds)
        with self._lock:
            if (self.world / f"{thing_id}.json").exists():
                raise ProviderError(f"{thing_id} exists")
            outputs = {**inputs, "made": 1}
            self._write(thing_id, outputs, f"create {thing_id}")
        if inputs.get("trouble") == "init":
            raise InitFailed(thing_id, property_values(outputs), ["the paint is wet"])
        return protocol.CreateResponse(thing_id, property_values(outputs))

    async def update(self, request: protocol.UpdateRequest) -> protocol.UpdateResponse:
        inputs = plain(request.news)
        if request.preview:
            return protocol.UpdateResponse(property_values({**inputs, "made": UNKNOWN}))
        if inputs.get("trouble") == "update":
            raise ProviderError("the paint is out")
        outputs = {**inputs, "made": plain(request.olds).get("made", 0) + 1}
        with self._lock:
            self._write(request.resource_id, outputs, f"update {request.resource_id}")
        if inputs.get("trouble") == "unready":
            raise InitFailed(request.resource_id, property_values(outputs), ["the paint is wet again"])
        return protocol.UpdateResponse(property_values(outputs))

    async def read(self, request: protocol.ReadRequest) -> protocol.ReadResponse:
        file = self.world / f"{request.resource_id}.json"
        if not file.exists():
            return protocol.ReadResponse("")
        outputs = json.loads(file.read_text())
        if outputs.get("trouble") == "read":
            raise ProviderError("it hides")
        inputs = {key: value for key, value in outputs.items() if key != "made"}
        if outputs.get("trouble") == "sick":
            raise InitFailed(request.resource_id, property_values(outputs), ["it has a fever"], property_values(inputs))
        return protocol.ReadResponse(request.resource_id, property_values(outputs), property_values(inputs))

    async def delete(self, request: protocol.DeleteRequest) -> None:
        if plain(request.properties).get("trouble") == "delete":
            raise ProviderError("nobody lets go of it")
        self._be_held()
        time.sleep(plain(request.properties).get("slow_delete", 0))
        with self._lock:
            (self.world / f"{request.resource_id}.json").unlink(missing_ok=True)
            self._log(f"delete {request.resource_id}")

    async def get_schema(self, request: protocol.GetSchemaRequest) -> protocol.GetSchemaResponse:
        return protocol.GetSchemaResponse('{"name": "toy", "version": "1.0.0"}')

    async def cancel(self) -> None:
        return None

    def _be_held(self) -> None:
        hold = self.world / "hold"
        with contextlib.suppress(FileNotFoundError):
            while len(self.effects()) >= int(hold.read_text()):
                time.sleep(0.01)

    def _write(self, thing_id: str, outputs: dict[str, Any], line: str) -> None:
        # At once and whole: a test may look at the world while another process works on it, or is killed.
        unfinished = self.world / f"{thing_id}.unfinished"
        unfinished.write_text(json.dumps(outputs))
        unfinished.rename(self.world / f"{thing_id}.json")
        self._log(line)

    def _log(self, line: str) -> None:
        with (self.world / "log").open("a") as out:
            out.write(line + "\n")


if __name__ == "__main__":
    from bandplan.plugin.server import serve

    serve(Toys(Path(os.environ["TOY_WORLD"])), "1.0.0", sys.argv[1:])
