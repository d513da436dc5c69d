"""What a preview says of an update that failed: the platform's reason, fit for a message."""

from tests.endpoint.builders import served
from tests.provider.workbench import Workbench

SECRET = "dapi" + "0123456789abcdef" * 2


def test_reason_of_a_failed_update_is_cut_and_without_tokens(bench: Workbench) -> None:
    bench.make_endpoint()
    before = bench.create(bench.inputs())
    bench.fail_next_update(f"refused {SECRET} " + "x" * 4_000)
    bench.put_config(servedEntities=[served(maxProvisionedThroughput=3920)])

    bench.diff(before, bench.inputs())

    said = [text for text in bench.warnings if "the last update failed" in text]
    assert len(said) == 1 and "refused" in said[0]
    assert len(said[0]) < 2_000 and SECRET not in said[0]
