from pathlib import Path

import pytest
import torch

from mtkit.errors import CheckpointError, ConfigError, DataError
from mtkit.forced.aligner import Aligner, Choice, links, pharaoh, remember
from tests.conftest import ToyTask
from tests.tiny import LINES, save_tiny_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model", n_decoder_layers=3)


def test_words_are_linked_by_the_weights_of_their_pieces() -> None:
    # Source: two words of 2 and 1 pieces, and the end; target: words of 1, 2 and 1 pieces.
    weights = torch.tensor(
        [
            [0.3, 0.3, 0.35, 0.05],  # its word has 0.6 in two pieces, more than the 0.35 of the other
            [0.1, 0.1, 0.8, 0.0],
            [0.5, 0.3, 0.1, 0.1],  # with the row above 1.0 to 0.9 for the first word
            [0.1, 0.1, 0.2, 0.6],  # the end of the sentence is no word
        ]
    )
    assert links(weights, [2, 1], [1, 2, 1]) == {(0, 0), (0, 1)}
    assert links(weights[:0], [2, 1], []) == set()
    assert links(torch.ones(1, 1), [], [1]) == set()
    assert pharaoh({(10, 0), (2, 1), (2, 0)}) == "2-0 2-1 10-0"


def test_each_pair_is_aligned_by_itself(bundle: Path) -> None:
    aligner = Aligner.load(bundle, device="cpu", threads=1)
    together = aligner.align(LINES, LINES[::-1])
    for found, src, tgt in zip(together, LINES, LINES[::-1], strict=True):
        assert aligner.align([f"  {src}"], [f"{tgt} "]) == [found]
        assert found is not None
        targets = [t for _, t in found]
        assert len(targets) == len(set(targets))  # one link for a target word at most
        assert all(s < len(src.split()) and t < len(tgt.split()) for s, t in found)
    assert aligner.align([""], [LINES[0]]) == [set()]
    assert aligner.align([LINES[0]], [""]) == [set()]
    assert aligner.align([" ".join(LINES * 9), LINES[0]], LINES[:2])[0] is None


def test_the_layer_is_the_one_asked_for_or_remembered(bundle: Path) -> None:
    assert Aligner.load(bundle, device="cpu", threads=1).choice == Choice(2, reading=False)
    assert Aligner.load(bundle, layer=3, device="cpu", threads=1).choice == Choice(3, reading=False)
    different = {pharaoh(found or set()) for found in _all_choices(bundle)}
    assert len(different) > 1
    path = remember(bundle, Choice(1, reading=True))
    assert Aligner.load(bundle, device="cpu", threads=1).choice == Choice(1, reading=True)
    assert Aligner.load(bundle, layer=3, reading=False, device="cpu", threads=1).choice == Choice(3, reading=False)
    path.write_text("{}")
    with pytest.raises(CheckpointError, match=r"alignment.json: damaged; delete it"):
        Aligner.load(bundle, device="cpu", threads=1)
    path.unlink()
    with pytest.raises(ConfigError, match="layer 4: the decoder attends in layers 1 to 3"):
        Aligner.load(bundle, layer=4, device="cpu", threads=1)
    with pytest.raises(DataError, match="2 source segments but 1"):
        Aligner.load(bundle, device="cpu", threads=1).align(["a", "b"], ["a"])


def _all_choices(bundle: Path) -> list[set[tuple[int, int]] | None]:
    by_choice = Aligner.load(bundle, device="cpu", threads=1).align_by_all(LINES[:1], LINES[1:2])
    assert len(by_choice) == 6
    for choice, found in by_choice.items():
        chosen = Aligner.load(bundle, layer=choice.layer, reading=choice.reading, device="cpu", threads=1)
        assert chosen.align(LINES[:1], LINES[1:2]) == found
    return [found[0] for found in by_choice.values()]


@pytest.mark.parametrize("architecture", ["rnn", "conv"])
def test_other_architectures_align_too(architecture: str, tmp_path: Path) -> None:
    aligner = Aligner.load(save_tiny_bundle(tmp_path / "model", architecture=architecture), device="cpu", threads=1)
    assert aligner.choice == Choice(1, reading=False)
    assert all(found for found in aligner.align(LINES, LINES))


@pytest.mark.slow
def test_a_model_that_reverses_aligns_backwards(toy_task: ToyTask, tmp_path: Path) -> None:
    """Digit i of n becomes letter n - 1 - i: what it learnt to look at is known."""
    from mtkit.training.run import train

    settings = toy_task.recipe(
        data__prepared=str(tmp_path / "prepared"), training__max_updates=1200, training__validate_every=600
    )
    run = train(settings, tmp_path / "run")
    src = (toy_task.directory / "test.num").read_text().split("\n")[:-1]
    tgt = (toy_task.directory / "test.abc").read_text().split("\n")[:-1]
    aligner = Aligner.load(run.directory, device="cpu", threads=1)
    best = 0.0
    for by_choice in aligner.align_by_all(src, tgt).values():
        n_right = n_words = 0
        for line, found in zip(src, by_choice, strict=True):
            n = len(line.split())
            n_right += len((found or set()) & {(n - 1 - t, t) for t in range(n)})
            n_words += n
        best = max(best, n_right / n_words)
    assert best > 0.9
