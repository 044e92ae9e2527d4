"""Word-level distillation: the predictions of a teacher are learnt beside the references.

Shapes: B batch, T target length, N = B * T, D d_model (of either model), V vocabulary.
"""

import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.training.objectives.cross_entropy import projected_cross_entropy
from mtkit.training.objectives.divergence import Projection, projected_divergence
from mtkit.training.objectives.loss import Loss


class Distillation:
    """Cross-entropy mixed with the divergence from a teacher (Hinton et al. 2015; Kim and Rush 2016, section 3.1).

    With the temperature τ, the teacher's and the student's logits u and z, p = softmax(u / τ) and q = softmax(z / τ),
    the loss of a target token is (1 - weight) * CE(reference, softmax(z)) + weight * τ² * KL(p || q). The gradient of
    the second term in z is τ (q - p): that of the cross-entropy to p, which differs by the entropy of p and is not zero
    where student and teacher agree. τ² keeps the gradient from shrinking as τ grows (Hinton et al. 2015, section 2).
    """

    def __init__(
        self, teacher: EncoderDecoder, *, pad_id: int, smoothing: float, weight: float, temperature: float
    ) -> None:
        """Learn from ``teacher``, which is on the device of the models that will learn, in evaluation mode.

        It reads the same ids. Several threads may use it at once.
        """
        self.teacher = teacher
        self.pad_id = pad_id
        self.smoothing = smoothing
        self.weight = weight
        self.temperature = temperature

    def __call__(self, model: EncoderDecoder, batch: Batch) -> Loss:
        """The loss of a batch; neither model's (B, T, V) logits ever exist at once.

        ``parts`` are cross_entropy and distillation, τ² KL, as they are before they are weighted.
        """
        padded = batch.n_src_tokens < batch.src.numel()
        mask = batch.src.eq(self.pad_id) if padded else None
        targets = batch.tgt_out.flatten()
        hidden = model(batch.src, batch.tgt_in, mask).flatten(0, 1)  # (N, D)
        weight, bias = model.output_weight, model.output_bias
        cross_entropy, nll = projected_cross_entropy(
            hidden, weight, targets, bias=bias, pad_id=self.pad_id, smoothing=self.smoothing
        )
        divergence = projected_divergence(
            self._predicted(batch, mask),
            Projection(hidden, weight, bias),
            targets.ne(self.pad_id),
            temperature=self.temperature,
        )
        distillation = self.temperature**2 * divergence
        total = (1 - self.weight) * cross_entropy + self.weight * distillation
        parts = {"cross_entropy": cross_entropy.detach(), "distillation": distillation.detach()}
        return Loss(total, nll, batch.n_tgt_tokens, parts)

    @torch.no_grad()
    def _predicted(self, batch: Batch, mask: Tensor | None) -> Projection:
        """What the teacher predicts; no gradient flows to it."""
        hidden = self.teacher(batch.src, batch.tgt_in, mask).flatten(0, 1)
        weight, bias = self.teacher.output_weight, self.teacher.output_bias
        return Projection(hidden, weight.detach(), None if bias is None else bias.detach())
