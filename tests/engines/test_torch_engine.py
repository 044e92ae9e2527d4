from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch

from mtkit.bundle.bundle import load_bundle
from mtkit.engines.torch_engine import TorchEngine
from mtkit.machine.compute import Compute
from mtkit.search.hypothesis import Hypothesis, SearchOptions

OPTIONS = SearchOptions(beam_size=1, n_best=1, length_penalty=1.0, max_length_ratio=1.0, max_length_offset=2)


class Watched(TorchEngine):
    """Notes how many sentences each batch has."""

    def translate_ids(
        self,
        batch: Sequence[Sequence[int]],
        options: SearchOptions,
        tgt_prefix: Sequence[int] = (),  # noqa: ARG002
    ) -> list[list[Hypothesis]]:
        self.sizes = [*getattr(self, "sizes", []), len(batch)]
        return super().translate_ids(batch, options)


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(("n", "batch_size", "sizes"), [(7, 64, [1, 3, 3]), (1, 64, [1]), (9, 2, [1, 2, 2, 2, 2])])
def test_few_sentences_are_a_batch_for_each_core(
    bundle_directory: Path, n: int, batch_size: int, sizes: list[int]
) -> None:
    bundle = load_bundle(bundle_directory)
    tokenizer = bundle.tokenizer
    engine = Watched(
        bundle.build_model(),
        special=tokenizer.special,
        compute=Compute(torch.device("cpu"), "fp32", 3),
    )
    found = engine.begin([[5, 6, 7]] * n, OPTIONS, batch_size=batch_size, batch_type="sentences")()
    assert len(found) == n
    assert sorted(engine.sizes) == sizes
