"""R-Drop and SimCut against what their papers say, written down slowly."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mtkit.data.batches.batch import Batch, collate
from mtkit.data.tokens.special import OWN
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.training.objectives.consistency import RDrop, SimCut
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.objectives.objective import Objective
from tests.training.objectives.models import ARCHITECTURES, assert_close, batch, new_model, with_gradient

pytestmark = pytest.mark.processor

PLAIN = CrossEntropy(pad_id=0, smoothing=0.1)


def simcut(alpha: float = 3.0, cutoff: float = 0.3, never_cut: frozenset[int] = frozenset()) -> SimCut:
    return SimCut(pad_id=0, smoothing=0.1, alpha=alpha, cutoff=cutoff, never_cut=never_cut)


def r_drop(alpha: float = 5.0) -> RDrop:
    return RDrop(pad_id=0, smoothing=0.1, alpha=alpha)


def log_probs(model: EncoderDecoder, hidden: Tensor) -> Tensor:
    return model.project(hidden).log_softmax(-1)


def divergence(log_p: Tensor, log_q: Tensor, pairs: Batch) -> Tensor:
    """KL(p || q), by torch's own function."""
    kl = F.kl_div(log_q, log_p, log_target=True, reduction="none").sum(-1)
    return kl[pairs.tgt_out.ne(0)].sum()


def entropy(log_p: Tensor, pairs: Batch) -> Tensor:
    return F.cross_entropy(
        log_p.flatten(0, 1), pairs.tgt_out.flatten(), ignore_index=0, label_smoothing=0.1, reduction="sum"
    )


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_r_drop_is_the_loss_of_the_paper(name: str) -> None:
    """Oracle: both halves of the same forward pass, and torch's own losses."""
    model, pairs = new_model(dropout=0.3, **ARCHITECTURES[name]), batch()
    seed_dropout(1, 1)
    loss = r_drop()(model, pairs)
    found = with_gradient(model, loss)
    seed_dropout(1, 1)
    hidden = model(pairs.src.repeat(2, 1), pairs.tgt_in.repeat(2, 1), pairs.src.eq(0).repeat(2, 1))
    first, second = log_probs(model, hidden).chunk(2)
    assert not torch.equal(first, second)
    kl = divergence(first, second, pairs) + divergence(second, first, pairs)
    loss.total = entropy(first, pairs) + entropy(second, pairs) + 5 * kl / 2
    assert_close(found, with_gradient(model, loss))
    torch.testing.assert_close(loss.parts["consistency"], kl.detach() / 2)
    assert loss.n_tokens == pairs.n_tgt_tokens


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_simcut_is_the_loss_of_the_paper(name: str) -> None:
    """Oracle: a second pass with the embeddings of some tokens zero, which are found out by a change that listens."""
    model, pairs = new_model(**ARCHITECTURES[name]), batch()
    seed_dropout(1, 1)
    cut = [~simcut()._cut(pairs.src, last(pairs))(ones(pairs.src)).chunk(2)[1].bool()]
    cut.append(~simcut()._cut(pairs.tgt_in, first_column(pairs))(ones(pairs.tgt_in)).chunk(2)[1].bool())
    assert all(each.any() for each in cut)
    seed_dropout(1, 1)
    loss = simcut()(model, pairs)
    found = with_gradient(model, loss)
    padding = pairs.src.eq(0)
    clean = log_probs(model, model(pairs.src, pairs.tgt_in, padding))
    memory = model.encode(pairs.src, padding, lambda x: x * ~cut[0])
    other = log_probs(model, model.decode(pairs.tgt_in, memory, lambda x: x * ~cut[1]))
    loss.total = entropy(clean, pairs) + 3 * divergence(clean, other, pairs)
    assert_close(found, with_gradient(model, loss))
    assert_close([loss.nll], [CrossEntropy(pad_id=0, smoothing=0.0)(model, pairs).total])


def ones(ids: Tensor) -> Tensor:
    return torch.ones(2 * ids.size(0), ids.size(1), 1)


def last(pairs: Batch) -> Tensor:
    return pairs.src.eq(OWN.eos)


def first_column(pairs: Batch) -> Tensor:
    return (torch.arange(pairs.tgt_in.size(1)) == 0).expand_as(pairs.tgt_in)


def embeddings(objective: Objective, pairs: Batch) -> tuple[Tensor, Tensor]:
    """True where the second pass reads a token, of source and target."""
    model = new_model()
    seen = []
    for embedding in (model.src_embedding, model.tgt_embedding):
        embedding.tokens.weight.data.fill_(1.0)
        embedding.scale, embedding.positions = 1.0, None
        embedding.register_forward_hook(lambda _, __, output: seen.append(output.chunk(2)))
    objective(model, pairs)
    for clean, _ in seen:
        assert clean.eq(1).all()
    return seen[0][1][..., 0].bool(), seen[1][1][..., 0].bool()


def test_tokens_are_cut_with_their_probability_and_never_those_that_say_what_is_asked() -> None:
    tag, n, length = 7, 20, 20
    pairs = collate([[tag, *range(8, 8 + 10), *[5] * length]] * n, [[tag, *[6] * length]] * n, OWN)
    seed_dropout(3, 1)
    src, tgt = embeddings(simcut(cutoff=0.2, never_cut=frozenset({tag})), pairs)
    assert src[:, 0].all()  # the tag
    assert src[:, -1].all()  # the end of the sentence
    assert tgt[:, :2].all()  # what the decoder reads first, and the tag
    for kept in (src[:, 1:-1], tgt[:, 2:]):
        share = 1 - kept.double().mean().item()
        assert abs(share - 0.2) < 5 * (0.2 * 0.8 / kept.numel()) ** 0.5  # five standard deviations
    assert not torch.equal(src[0], src[1])
    seed_dropout(3, 1)
    without_tags, _ = embeddings(simcut(cutoff=0.2), pairs)
    assert not without_tags[:, 0].all()


def test_the_end_of_a_shorter_source_is_read_too() -> None:
    pairs = collate([[5] * n for n in range(1, 20)], [[6]] * 19, OWN)
    seed_dropout(3, 1)
    src, _ = embeddings(simcut(cutoff=0.9), pairs)
    assert src[torch.arange(19), pairs.src_lengths - 1].all()
    assert not src[:, 0].all()


def test_with_nothing_that_differs_simcut_is_the_cross_entropy() -> None:
    model, pairs = new_model(), batch()
    expected = with_gradient(model, PLAIN(model, pairs))
    for objective in (simcut(cutoff=0.0), simcut(alpha=0.0)):
        loss = objective(model, pairs)
        assert_close(with_gradient(model, loss), expected)
        assert_close([loss.parts["cross_entropy"]], expected[:1])
    assert simcut(cutoff=0.0)(model, pairs).parts["consistency"].abs() < 1e-12


def test_without_dropout_r_drop_is_twice_the_cross_entropy() -> None:
    model, pairs = new_model(), batch()
    expected = [2 * each for each in with_gradient(model, PLAIN(model, pairs))]
    for alpha in (0.0, 5.0):
        assert_close(with_gradient(model, r_drop(alpha)(model, pairs)), expected)


@pytest.mark.parametrize("objective", [r_drop(), simcut()], ids=["r_drop", "simcut"])
def test_the_second_pass_pulls_too(objective: Objective) -> None:
    """Both sides of the divergence have a gradient: at equal cross-entropy the loss falls along it."""
    model, pairs = new_model(dropout=0.2), batch()
    losses = []
    for _ in range(12):
        seed_dropout(1, 1)
        loss = objective(model, pairs)
        losses.append(loss.parts["consistency"].item())
        gradients = with_gradient(model, loss)[1:]
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter.sub_(gradient, alpha=4e-3)
    assert losses[-1] < 0.7 * losses[0]
