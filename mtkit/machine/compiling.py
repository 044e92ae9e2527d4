"""Two levers on the process itself: memory that is kept instead of given back, and compiled layers.

Either can be left out without any other change than speed.
"""

from collections.abc import Sequence

import torch
import torch._functorch.config
from torch import nn

from mtkit.log import logger


def compile_layers(layers: Sequence[nn.Module], device: torch.device, *, backward_again: bool = False) -> bool:
    """Compile the forward pass of each layer when it is first used: one kernel does what lies between two products.

    Layers of a kind share their code, for any batch size and length. Returns whether it was done: without a working
    compiler they stay as they are.

    Args:
        layers: What is compiled.
        device: Where they are.
        backward_again: Whether an objective goes back through one forward pass more than once, so that the first
            backward pass must not overwrite what the forward pass has kept.
    """
    if backward_again:
        torch._functorch.config.donated_buffer = False
    try:
        torch.compile(lambda x: torch.relu(x + 1))(torch.ones(8, device=device))
    except Exception as error:  # of any kind: torch, a compiler, a driver
        logger.info("layers are not compiled: %s", str(error).partition("\n")[0] or type(error).__name__)
        return False
    for layer in layers:
        layer.compile(dynamic=True)
    return True
