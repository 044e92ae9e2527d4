"""Every architecture learns two small tasks that need all of it: to copy short strings, and to reverse them."""

import pytest
import torch
from torch import Tensor

from mtkit.data.tokens.special import OWN
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.beam import beam_search
from mtkit.search.hypothesis import SearchOptions
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_rules import without_idle
from tests.model.combinations import COMBINATIONS

BOS, EOS, FIRST, VOCAB_SIZE = 2, 3, 4, 12
BATCH, N_TEST, MAX_UPDATES = 64, 200, 2_000
MORE_UPDATES = {"rnn": 4_000, "rnn-gru-one-way": 4_000}  # what attention read is not fed to their next step
SIZES: dict[str, object] = {
    "d_model": 32,
    "n_heads": 4,
    "d_ff": 64,
    "n_encoder_layers": 2,
    "n_decoder_layers": 2,
    "max_length": 16,
    "dropout": 0.0,
}

BAG_OF_TOKENS = "no-positions"
QUICK = ["transformer", "bahdanau", "conv", "ssru"]


def strings(n: int, seed: int) -> list[list[int]]:
    """Random strings of 3 to 7 symbols."""
    random = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, 8, (n,), generator=random).tolist()
    return [torch.randint(FIRST, VOCAB_SIZE, (length,), generator=random).tolist() for length in lengths]


def padded(rows: list[list[int]]) -> Tensor:
    width = max(map(len, rows))
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


def accuracy(model: EncoderDecoder, task: str) -> float:
    """Share of unseen strings that greedy search gets wholly right."""
    sources = strings(N_TEST, seed=0)
    src = padded([[*source, EOS] for source in sources])
    options = SearchOptions(beam_size=1, n_best=1, length_penalty=1.0, max_length_ratio=1.0, max_length_offset=2)
    model.eval()
    found = beam_search(model, src, options, special=OWN, max_length=16)
    model.train()
    wanted = sources if task == "copy" else [source[::-1] for source in sources]
    return sum(hypotheses[0].ids == ids for hypotheses, ids in zip(found, wanted, strict=True)) / N_TEST


def learnt(name: str, task: str) -> float:
    """Train until 99 % are right, at most for so many updates; returns the accuracy reached."""
    overrides, max_updates = COMBINATIONS[name], MORE_UPDATES.get(name, MAX_UPDATES)
    torch.manual_seed(1)
    config = ModelConfig.model_validate(without_idle(SIZES, overrides) | overrides)
    model = EncoderDecoder(config, src_vocab_size=VOCAB_SIZE, tgt_vocab_size=VOCAB_SIZE, pad_id=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, betas=(0.9, 0.98), fused=True)
    for update in range(1, max_updates + 1):
        sources = strings(BATCH, seed=update)
        targets = sources if task == "copy" else [source[::-1] for source in sources]
        src = padded([[*source, EOS] for source in sources])
        tgt_in, tgt_out = padded([[BOS, *t] for t in targets]), padded([[*t, EOS] for t in targets])
        for group in optimizer.param_groups:
            group["lr"] = 4e-3 * min(1.0, update / 100) * (1 - update / (max_updates + 1))
        logits = model.project(model(src, tgt_in, src == 0))
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), tgt_out.flatten(), ignore_index=0).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if update % 100 == 0:
            reached = accuracy(model, task)
            if reached >= 0.99:
                return reached
    return reached


@pytest.mark.parametrize("name", QUICK)
def test_short_strings_are_copied(name: str) -> None:
    assert learnt(name, "copy") >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("task", ["copy", "reverse"])
@pytest.mark.parametrize("name", [name for name in COMBINATIONS if name != BAG_OF_TOKENS])
def test_every_architecture_copies_and_reverses(name: str, task: str) -> None:
    assert learnt(name, task) >= 0.99


@pytest.mark.slow
def test_what_cannot_know_the_order_does_not_reverse() -> None:
    """So that the task is one."""
    assert learnt(BAG_OF_TOKENS, "reverse") < 0.5
