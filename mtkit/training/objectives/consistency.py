"""Losses that make a model predict the same twice: R-Drop (Liang et al. 2021) and SimCut (Gao et al. 2022).

Both passes are one, over a batch that has each pair twice. Shapes: B pairs, L length, N positions, D d_model.
"""

import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch
from mtkit.model.dropout import chances
from mtkit.model.encoder_decoder import Change, EncoderDecoder
from mtkit.training.objectives.divergence import PairLoss, Shares, projected_pair
from mtkit.training.objectives.loss import Loss


class RDrop:
    """Cross-entropy of both passes, which differ in dropout, plus alpha times the divergence between them:

    CE(1) + CE(2) + alpha / 2 * (KL(1 || 2) + KL(2 || 1))   (Liang et al. 2021, equations 2 to 4)
    """

    def __init__(self, *, pad_id: int, smoothing: float, alpha: float) -> None:
        self.pad_id = pad_id
        self.smoothing = smoothing
        self.shares = Shares(clean=1, other=1, forward=alpha / 2, backward=alpha / 2)

    def __call__(self, model: EncoderDecoder, batch: Batch) -> Loss:
        """The loss of a batch; its cross-entropy and its divergence are told as the means of two."""
        pair = _two_passes(model, batch, self.pad_id, self.smoothing, self.shares)
        first, second = pair.cross_entropy
        parts = {"cross_entropy": (first + second) / 2, "consistency": (pair.forward + pair.backward) / 2}
        return Loss(pair.total, pair.nll, batch.n_tgt_tokens, parts)


class SimCut:
    """Cross-entropy of a pass over the batch as it is, plus alpha times the divergence of one that lacks some tokens:

    CE(clean) + alpha * KL(clean || cut)   (Gao et al. 2022); the gradient flows through both passes
    """

    def __init__(
        self, *, pad_id: int, smoothing: float, alpha: float, cutoff: float, never_cut: frozenset[int]
    ) -> None:
        """Take what it needs of the settings.

        Args:
            pad_id: Id of the padding.
            smoothing: Of the cross-entropy.
            alpha: Weight of the divergence.
            cutoff: Probability that a token is cut: that its embedding is zero.
            never_cut: Ids that are always read, such as those of languages. The end of the source and what the decoder
                reads first are too.
        """
        self.pad_id = pad_id
        self.smoothing = smoothing
        self.cutoff = cutoff
        self.never_cut = sorted(never_cut)
        self.shares = Shares(clean=1, other=0, forward=alpha, backward=0)

    def __call__(self, model: EncoderDecoder, batch: Batch) -> Loss:
        """The loss of a batch."""
        last = batch.src_lengths[:, None] - 1 == torch.arange(batch.src.size(1), device=batch.src.device)
        first = torch.zeros_like(batch.tgt_in, dtype=torch.bool)
        first[:, 0] = True
        src_change, tgt_change = self._cut(batch.src, last), self._cut(batch.tgt_in, first)
        pair = _two_passes(model, batch, self.pad_id, self.smoothing, self.shares, src_change, tgt_change)
        parts = {"cross_entropy": pair.cross_entropy[0], "consistency": pair.forward}
        return Loss(pair.total, pair.nll, batch.n_tgt_tokens, parts)

    def _cut(self, ids: Tensor, always: Tensor) -> Change:
        """Zeros for the embeddings of some of the tokens ``ids`` (B, L) in the second of two passes.

        Where the bool (B, L) ``always`` is True a token is read.
        """
        cut = chances(self.cutoff, ids.shape, ids.device) & ~always
        if self.never_cut:
            cut &= ~torch.isin(ids, torch.tensor(self.never_cut, device=ids.device))
        return _of_second(lambda x: x.masked_fill(cut[..., None], 0))


def _of_second(change: Change) -> Change:
    """A change for the second of two passes alone."""

    def both(x: Tensor) -> Tensor:
        first, second = x.chunk(2)
        return torch.cat([first, change(second)])

    return both


def _two_passes(
    model: EncoderDecoder,
    batch: Batch,
    pad_id: int,
    smoothing: float,
    shares: Shares,
    src_change: Change | None = None,
    tgt_change: Change | None = None,
) -> PairLoss:
    padding = batch.src_padding_mask(pad_id)
    hidden = model(
        batch.src.repeat(2, 1),
        batch.tgt_in.repeat(2, 1),
        None if padding is None else padding.repeat(2, 1),
        src_change=src_change,
        tgt_change=tgt_change,
    )
    first, second = hidden.flatten(0, 1).chunk(2)  # (N, D) each
    return projected_pair(
        first,
        second,
        model.output_weight,
        batch.tgt_out.flatten(),
        bias=model.output_bias,
        pad_id=pad_id,
        smoothing=smoothing,
        shares=shares,
    )
