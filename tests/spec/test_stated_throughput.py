import pytest

from bandplan.serving.spec.throughput import (
    BandRange,
    BandThroughput,
    ModelUnitThroughput,
    StatedThroughput,
    TokenRange,
    TokensPerSecondThroughput,
    WantedBandRange,
    WantedUnits,
)

FORMS = [
    (BandThroughput(bands=BandRange(min=1, max=2)), "bands", (1, 2), {"min": 3, "max": 4}),
    (BandThroughput(bands=WantedBandRange(want=4, accept=2)), "bands", (1, 4), {"min": 3, "want": 4}),
    (TokensPerSecondThroughput(tokens_per_second=TokenRange(min=0, max=980)), "bands", (0, 980), {"min": 3, "max": 4}),
    (ModelUnitThroughput(model_units=50), "model_units", (50, 50), {"": 4}),
    (ModelUnitThroughput(model_units=WantedUnits(want=100, accept=50)), "model_units", (100, 100), {"want": 4}),
]


@pytest.mark.parametrize(("stated", "sold_in", "wanted", "changed"), FORMS)
def test_each_form_says_what_it_wants(
    stated: StatedThroughput, sold_in: str, wanted: tuple[int, int], changed: dict[str, int]
) -> None:
    assert (stated.sold_in, stated.wanted, stated.changed(3, 4)) == (sold_in, wanted, changed)


def test_amounts_are_those_written() -> None:
    assert FORMS[1][0].amounts == {"min": 1, "want": 4, "accept": 2}
    assert FORMS[3][0].amounts == {"": 50}
