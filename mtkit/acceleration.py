"""Two levers on the process itself: memory that is kept instead of given back, and compiled layers.

Either can be left out without any other change than speed.
"""

import ctypes
from collections.abc import Sequence
from contextlib import suppress

import torch
from torch import nn

from mtkit.log import logger

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # parameters of mallopt, from <malloc.h>


def keep_freed_memory() -> bool:
    """Let the allocator of the C library keep what is freed; returns whether it could be told to.

    By default every large tensor is mapped anew and the kernel clears each of its pages: 2 to 5 % of an update on a
    slow CPU, several times that on a fast one. The process then holds its peak until it ends.
    """
    with suppress(AttributeError, OSError, TypeError):  # another C library than GNU's, whose allocator has no such call
        mallopt = ctypes.CDLL(None).mallopt
        return mallopt(_M_MMAP_MAX, 0) == 1 and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1) == 1
    return False


def compile_layers(layers: Sequence[nn.Module], device: torch.device) -> bool:
    """Compile the forward pass of each layer when it is first used: one kernel does what lies between two products.

    Layers of a kind share their code, for any batch size and length. Returns whether it was done: without a working
    compiler they stay as they are.
    """
    try:
        torch.compile(lambda x: torch.relu(x + 1))(torch.ones(8, device=device))
    except Exception as error:  # of any kind: torch, a compiler, a driver
        logger.info("layers are not compiled: %s", str(error).partition("\n")[0] or type(error).__name__)
        return False
    for layer in layers:
        layer.compile(dynamic=True)
    return True
