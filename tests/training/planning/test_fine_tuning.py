import pytest

from mtkit.training.planning.fine_tuning import peak_rate, suited


@pytest.mark.parametrize(
    ("n_parameters", "n_pairs", "rate"),
    [
        (20e6, 10_000, 2e-4),  # what is published
        (80e6, 1_000_000, 1e-4),  # four times the parameters, half the rate
        (5e6, 10_000, 4e-4),
        (0.5e6, 10_000, 1e-3),  # 1.3e-3 by the root is more than the most
        (0.5e6, 2_500, 5e-4),
        (600e6, 1_000, 5e-5),  # 1.2e-5 by the roots is less than the least
    ],
)
def test_the_rate_goes_with_the_roots_of_size_and_corpus(n_parameters: float, n_pairs: int, rate: float) -> None:
    assert peak_rate(int(n_parameters), n_pairs) == rate


@pytest.mark.parametrize(("n_parameters", "rate"), [(1_000_000, 2e-3), (80_000_000, 1e-3)])
def test_adapters_take_ten_times_the_rate_but_no_more_than_the_published_ones(n_parameters: int, rate: float) -> None:
    given = {"lora": {"rank": 8}}
    assert suited(n_parameters, 10_000, 250_000, given).values["learning_rate"] == pytest.approx(rate)
