"""The model that computes: itself, or for bf16 on a CPU a twin whose weights are cast once an update."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtkit.machine.compute import Compute
from mtkit.model.encoder_decoder import EncoderDecoder


class WorkingCopy:
    """What forward and backward run on; the trained weights and their gradients stay in float32 elsewhere.

    On a CPU autocast would cast every weight in each of the passes that share an update. The twin has the weights of
    linear maps in bf16, and all else in common with the model: embeddings, whose rare and frequent rows need sums in
    float32, and normalisation.
    """

    def __init__(self, trained: EncoderDecoder, *, compute: Compute) -> None:
        """Stand in for ``trained``, which is on its device; to be made after its weights were restored."""
        self.trained = trained
        self.compute = compute
        self.model = trained
        self._cast: list[tuple[Tensor, Tensor]] = []  # weights of the two
        if compute.on_cpu and compute.precision == "bf16":
            self.model = _twin(trained)
        self.parameters: list[tuple[nn.Parameter, nn.Parameter]] = [
            pair for pair in zip(trained.parameters(), self.model.parameters(), strict=True) if pair[0].requires_grad
        ]
        """Pairs of a trained parameter and the one that computes in its place, mostly itself."""
        self._cast = [(master, twin) for master, twin in self.parameters if master is not twin]

    @torch.no_grad()
    def refresh(self) -> None:
        """Take over the trained weights, after each update."""
        if self._cast:
            torch._foreach_copy_([twin for _, twin in self._cast], [master for master, _ in self._cast])

    def add_gradients(self, gradients: Sequence[Tensor | None]) -> None:
        """Add up gradients of the parameters, in their order, on the trained ones, in float32."""
        for (master, _), gradient in zip(self.parameters, gradients, strict=True):
            if gradient is None:
                continue
            if master.grad is None:
                master.grad = gradient.to(master.dtype)
            else:
                master.grad += gradient


def _twin(trained: EncoderDecoder) -> EncoderDecoder:
    linear = [module for module in trained.modules() if isinstance(module, nn.Linear)]
    output = trained.output_weight  # its products are the loss's own matter
    cast = {id(p) for module in linear for p in module.parameters() if p is not output}
    shared = [*trained.parameters(), *trained.buffers()]
    twin = copy.deepcopy(trained, {id(tensor): tensor for tensor in shared if id(tensor) not in cast})
    for parameter in twin.parameters():
        if all(parameter is not tensor for tensor in shared):
            parameter.data = parameter.data.to(torch.bfloat16)
    return twin.train()
