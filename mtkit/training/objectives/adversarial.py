"""Training on token embeddings that are moved to where the model does worst, within a small distance.

All passes over a batch have the same dropout masks: what differs between them is the move alone. It is added before
embeddings are scaled, and the gradient that it follows is no gradient of the weights.
Shapes: B pairs, L length, N positions, D d_model, W width of the token embeddings.
"""

import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch
from mtkit.model.dropout import DropoutState, normal
from mtkit.model.encoder_decoder import Change, EncoderDecoder
from mtkit.model.memory import Memory
from mtkit.training.objectives.cross_entropy import projected_cross_entropy
from mtkit.training.objectives.divergence import Projection, Shares, projected_divergence, projected_pair
from mtkit.training.objectives.loss import Loss

Moves = dict[str, Tensor]
"""By side, src or tgt: what is added to its token embeddings, (B, L, W)."""


class FastGradient:
    """Cross-entropy, plus that of embeddings moved along its gradient g in each sentence, by epsilon * g / ||g||
    (Miyato et al. 2017, section 3; for translation Sato et al. 2019).
    """

    def __init__(self, *, pad_id: int, smoothing: float, epsilon: float, sides: tuple[str, ...], weight: float) -> None:
        """Take what it needs of the settings.

        Args:
            pad_id: Id of the padding.
            smoothing: Of both cross-entropies.
            epsilon: Norm of the move of a sentence, for each side.
            sides: Of ``src`` and ``tgt``, those that are moved.
            weight: Of the loss after the move.
        """
        self.pad_id = pad_id
        self.smoothing = smoothing
        self.epsilon = epsilon
        self.sides = sides
        self.weight = weight

    def __call__(self, model: EncoderDecoder, batch: Batch) -> Loss:
        """The loss of a batch."""
        passes = _Passes(model, batch, self.pad_id)
        none = {side: passes.zeros(side).requires_grad_() for side in self.sides}
        clean, nll = self._cross_entropy(passes.hidden(none), model, batch, again=True)
        gradients = torch.autograd.grad(clean, list(none.values()), retain_graph=True)
        worst = passes.moves(dict(zip(self.sides, gradients, strict=True)), self.epsilon)
        moved, _ = self._cross_entropy(passes.hidden(worst), model, batch)
        parts = {"cross_entropy": clean.detach(), "adversarial": moved.detach()}
        return Loss(clean + self.weight * moved, nll, batch.n_tgt_tokens, parts)

    def _cross_entropy(
        self, hidden: Tensor, model: EncoderDecoder, batch: Batch, *, again: bool = False
    ) -> tuple[Tensor, Tensor]:
        return projected_cross_entropy(
            hidden,
            model.output_weight,
            batch.tgt_out.flatten(),
            bias=model.output_bias,
            pad_id=self.pad_id,
            smoothing=self.smoothing,
            again=again,
        )


class VirtualAdversarial:
    """Cross-entropy, plus the divergence KL(clean || moved) from what the model predicts without a move, which is taken
    as a constant (Miyato et al. 2017, section 3; for translation Sato et al. 2019).

    The move follows the gradient of that divergence, taken at a random move of the same length: one step of the power
    iteration for the direction in which the prediction changes most.
    """

    def __init__(self, *, pad_id: int, smoothing: float, epsilon: float, sides: tuple[str, ...], weight: float) -> None:
        """As of ``FastGradient``; ``smoothing`` is that of the cross-entropy alone."""
        self.pad_id = pad_id
        self.smoothing = smoothing
        self.epsilon = epsilon
        self.sides = sides
        self.shares = Shares(clean=1, other=0, forward=weight, backward=0, clean_is_fixed=True)

    def __call__(self, model: EncoderDecoder, batch: Batch) -> Loss:
        """The loss of a batch."""
        device = batch.src.device
        drawn = {side: normal(_shape(model, batch, side), device) for side in self.sides}  # before the masks
        passes = _Passes(model, batch, self.pad_id)
        clean = passes.hidden({})
        start = {side: move.requires_grad_() for side, move in passes.moves(drawn, self.epsilon).items()}
        bias = None if model.output_bias is None else model.output_bias.detach()
        divergence = projected_divergence(
            Projection(clean.detach(), model.output_weight.detach(), bias),
            Projection(passes.hidden(start), model.output_weight.detach(), bias),
            batch.tgt_out.flatten().ne(self.pad_id),
        )
        gradients = torch.autograd.grad(divergence, list(start.values()))
        worst = passes.moves(dict(zip(self.sides, gradients, strict=True)), self.epsilon)
        pair = projected_pair(
            clean,
            passes.hidden(worst),
            model.output_weight,
            batch.tgt_out.flatten(),
            bias=model.output_bias,
            pad_id=self.pad_id,
            smoothing=self.smoothing,
            shares=self.shares,
        )
        parts = {"cross_entropy": pair.cross_entropy[0], "adversarial": pair.forward}
        return Loss(pair.total, pair.nll, batch.n_tgt_tokens, parts)


class _Passes:
    """Passes of a batch through a model, all under the same dropout masks."""

    def __init__(self, model: EncoderDecoder, batch: Batch, pad_id: int) -> None:
        self._model = model
        self._batch = batch
        self._padding = batch.src_padding_mask(pad_id)
        self._real = {"src": batch.src.ne(pad_id), "tgt": batch.tgt_out.ne(pad_id)}  # bool (B, L)
        self._device = batch.src.device
        self._before = DropoutState.now(self._device)
        self._encoded: tuple[Memory, DropoutState] | None = None  # without a move, and the state after it

    def zeros(self, side: str) -> Tensor:
        """A move that changes nothing."""
        return torch.zeros(_shape(self._model, self._batch, side), device=self._device)

    def hidden(self, moves: Moves) -> Tensor:
        """Hidden states (N, D) of embeddings with the moves; a source without one is encoded once for all passes."""
        memory, after = self._encode(moves.get("src"))
        after.restore(self._device)
        return self._model.decode(self._batch.tgt_in, memory, _added(moves.get("tgt"))).flatten(0, 1)

    def moves(self, directions: Moves, length: float) -> Moves:
        """Directions scaled to a length, in each sentence of each side by itself; padding stays as it is."""
        scaled = {}
        for side, direction in directions.items():
            direction = direction * self._real[side][..., None]
            norm = torch.linalg.vector_norm(direction, dim=(1, 2), keepdim=True)
            scaled[side] = length * direction / norm.clamp_min(torch.finfo(norm.dtype).tiny)
        return scaled

    def _encode(self, move: Tensor | None) -> tuple[Memory, DropoutState]:
        if move is None and self._encoded is not None:
            return self._encoded
        self._before.restore(self._device)
        memory = self._model.encode(self._batch.src, self._padding, _added(move))
        encoded = memory, DropoutState.now(self._device)
        if move is None:
            self._encoded = encoded
        return encoded


def _added(move: Tensor | None) -> Change | None:
    return None if move is None else lambda x: x + move


def _shape(model: EncoderDecoder, batch: Batch, side: str) -> torch.Size:
    """Of the token embeddings of a side, (B, L, W)."""
    ids, embedding = (batch.src, model.src_embedding) if side == "src" else (batch.tgt_in, model.tgt_embedding)
    return torch.Size([*ids.shape, embedding.tokens.embedding_dim])
