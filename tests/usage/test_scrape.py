"""One minute of an endpoint from its metrics export."""

from bandplan.serving.workspace.metrics import samples
from bandplan.usage.scrape import Scrape, scrape_of

EXPORT = """\
# TYPE request_count_total gauge
request_count_total{endpoint_name="e",served_entity_name="a"} 40
request_count_total{endpoint_name="e",served_entity_name="b"} 2
request_4xx_count_total{endpoint_name="e",served_entity_name="a"} 3
request_5xx_count_total{endpoint_name="e",served_entity_name="b"} 1
provisioned_concurrent_requests_total{endpoint_name="e",served_entity_name="a"} 8
provisioned_concurrent_requests_total{endpoint_name="e",served_entity_name="b"} 4
gpu_usage_percentage{endpoint_name="e",served_entity_name="a",gpu="0"} 41.5
gpu_usage_percentage{endpoint_name="e",served_entity_name="a",gpu="1"} 63
"""


def test_counts_and_concurrency_are_sums_of_the_entities_and_gpu_use_the_busiest_one() -> None:
    assert scrape_of(samples(EXPORT)) == Scrape(42, 3, 1, 12, 63)


def test_export_without_requests_is_a_gap_and_not_an_idle_minute() -> None:
    assert scrape_of(samples('cpu_usage_percentage{x="y"} 0\n')) is None
    assert scrape_of(samples("")) is None
    assert scrape_of(samples('request_count_total{x="y"} 0\n')) == Scrape(0)
