"""What weights are before the first update.

What is neither a linear map nor an embedding initialises itself where it is built.
"""

import math

import torch
from torch import nn

from mtkit.settings.model import ModelConfig


def initialise(model: nn.Module, config: ModelConfig) -> None:
    """Fill linear maps, embeddings, convolutions and recurrent layers anew, from torch's generator.

    Linear maps are Xavier-uniform with zero biases (Glorot and Bengio 2010), embeddings of unit variance once they are
    scaled. Convolutions before a gated linear unit keep the variance (Gehring et al. 2017, section 3.5). Recurrent
    layers are Xavier from the input and orthogonal from state to state (Saxe et al. 2014), and an LSTM's forget gate
    starts open (Jozefowicz et al. 2015).
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
            if module.padding_idx is not None:
                with torch.no_grad():
                    module.weight[module.padding_idx] = 0
        elif isinstance(module, nn.Conv1d):
            fan_in = module.in_channels * module.kernel_size[0]
            nn.init.normal_(module.weight, std=math.sqrt(4 * (1 - config.dropout) / fan_in))
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        elif isinstance(module, nn.LSTM | nn.GRU):
            _initialise_recurrent(module)
    if config.scales_by_depth():
        for side in ("encoder", "decoder"):
            for depth, layer in enumerate(getattr(model, side).layers, start=1):
                _scale(layer, depth**-0.5)


def _initialise_recurrent(layer: nn.LSTM | nn.GRU) -> None:
    size = layer.hidden_size
    for name, parameter in layer.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
            if isinstance(layer, nn.LSTM) and name.startswith("bias_ih"):
                with torch.no_grad():
                    parameter[size : 2 * size] = 1.0
        else:
            for gate in parameter.data.split(size):
                (nn.init.orthogonal_ if name.startswith("weight_hh") else nn.init.xavier_uniform_)(gate)


def _scale(layer: nn.Module, factor: float) -> None:
    """DS-Init: the deeper a layer, the smaller its linear maps (Zhang et al. 2019, equation 8)."""
    with torch.no_grad():
        for module in layer.modules():
            if isinstance(module, nn.Linear):
                module.weight *= factor
