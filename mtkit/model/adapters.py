"""Low-rank adapters: small matrices beside the linear maps of a model that is there, which alone are trained (LoRA, Hu
et al. 2021).

Shapes: D numbers in, O numbers out, R rank.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtkit.errors import ConfigError
from mtkit.model.dropout import Dropout
from mtkit.model.linear import Linear, linear
from mtkit.wording import near_shown

KINDS = {
    "query": (("q_proj", "query"),),
    "key": (("kv_proj", "key"),),
    "value": (("kv_proj", "value"),),
    "output": (("out_proj", "output"),),
    "feed_forward": (("inner", "inner"), ("linear", "linear"), ("outer", "outer")),
}
"""What a recipe calls linear maps: the modules, and what their part is called in the name of an adapter. Keys and
values are one matrix here, and two parts of it."""

_PARTS = {"q_proj": ("query",), "kv_proj": ("key", "value"), "out_proj": ("output",)}
_PARTS |= {name: (name,) for name in ("inner", "linear", "outer")}


@dataclass(frozen=True)
class LowRankShape:
    """How large adapters are, and how much they count."""

    rank: int
    """R."""

    alpha: float
    """The product of the two matrices counts alpha / R times."""

    dropout: float = 0.0
    """Probability of dropout on what they read."""


class LowRank(nn.Module):
    """x down^T up^T alpha / R: nothing at first, as ``up`` is zero (section 4.1, equation 3)."""

    def __init__(self, shape: LowRankShape, n_in: int, rows: slice, like: Tensor) -> None:
        super().__init__()
        self.scale = shape.alpha / shape.rank
        self.rows = rows
        self.dropout = Dropout(shape.dropout)
        self.down = nn.Parameter(torch.empty(shape.rank, n_in, device=like.device))
        self.up = nn.Parameter(torch.zeros(rows.stop - rows.start, shape.rank, device=like.device))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) to what is added to the rows, (..., rows)."""
        return linear(linear(self.dropout(x), self.down), self.up) * self.scale

    def product(self) -> Tensor:
        """What is added to the rows of the weight, (rows, D)."""
        return (self.up.float() @ self.down.float()) * self.scale


class AdaptedLinear(Linear):
    """A linear map of a model, which stays as it is, with adapters to some of its rows."""

    adapted = True

    def __init__(self, base: Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = base.in_features, base.out_features
        self.weight, self.bias = base.weight, base.bias
        self.adapters = nn.ModuleDict()

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., O)."""
        out = linear(x, self.weight, self.bias)
        for adapter in self._each():
            added = adapter(x)
            missing = adapter.rows.start, self.out_features - adapter.rows.stop
            out = out + (F.pad(added, missing) if any(missing) else added)
        return out

    @property
    def whole_weight(self) -> Tensor:
        """The weight with what the adapters add to it, (O, D)."""
        whole = self.weight.float().clone()
        for adapter in self._each():
            whole[adapter.rows] += adapter.product()
        return whole.to(self.weight.dtype)

    def merged(self) -> Linear:
        """A plain linear map that computes the same."""
        plain = Linear.__new__(Linear)
        nn.Module.__init__(plain)
        plain.in_features, plain.out_features = self.in_features, self.out_features
        with torch.no_grad():
            self.weight.copy_(self.whole_weight)
        plain.weight, plain.bias = self.weight, self.bias
        return plain

    def _each(self) -> Iterator[LowRank]:
        for adapter in self.adapters.values():
            assert isinstance(adapter, LowRank)
            yield adapter


def adaptable(model: nn.Module) -> dict[str, Linear]:
    """The linear maps that may have adapters, each part by its name: ``decoder.layers.0.cross_attention.value``."""
    found: dict[str, Linear] = {}
    for name, module in model.named_modules():
        above, _, last = name.rpartition(".")
        if isinstance(module, Linear) and last in _PARTS and ".layers." in f".{name}":
            found |= {f"{above}.{part}": module for part in _PARTS[last]}
    return found


def adapt(model: nn.Module, shape: LowRankShape, names: Sequence[str]) -> list[str]:
    """Put adapters beside linear maps, and let nothing but them be trained.

    Args:
        model: With the weights that stay.
        shape: Of the adapters.
        names: Names of ``KINDS``, in all layers, or of parts as ``adaptable`` has them; ``*`` stands for anything.

    Returns:
        The names of the parts that have one now.

    Raises:
        ConfigError: If a name fits nothing, with those that are near.
    """
    known = adaptable(model)
    chosen: list[str] = []
    for name in names:
        kinds = {part for _, part in KINDS.get(name, ())}
        found = [part for part in known if part.rpartition(".")[2] in kinds or fnmatchcase(part, name)]
        if not found:
            raise ConfigError(f"training.lora.modules: {name}: the model has nothing of this name{_near(name, known)}")
        chosen += found
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for part in dict.fromkeys(chosen):
        _add(model, part, shape)
    return [part for part in known if part in chosen]


def add_adapters(model: nn.Module, adapters: Mapping[str, tuple[Tensor, Tensor, float]]) -> None:
    """Put adapters with given matrices beside linear maps.

    Args:
        model: With the weights that stay.
        adapters: By the name of the part: ``down`` (R, D), ``up`` (rows, R), and how much their product counts.
    """
    for part, (down, up, scale) in adapters.items():
        adapter = _add(model, part, LowRankShape(len(down), scale * len(down)))
        with torch.no_grad():
            adapter.down.copy_(down)
            adapter.up.copy_(up)


def rows_of(module: Linear, part: str) -> slice:
    """The rows of the output that a part is."""
    half = module.out_features // 2
    match part:
        case "key":
            return slice(0, half)
        case "value":
            return slice(half, module.out_features)
    return slice(0, module.out_features)


def adapter_tensors(model: nn.Module) -> dict[str, tuple[Tensor, Tensor, float]]:
    """The matrices of the adapters, as ``add_adapters`` takes them."""
    found = {}
    for name, module in model.named_modules():
        if isinstance(module, LowRank):
            above, _, part = name.partition(".adapters.")
            key = f"{above.rpartition('.')[0]}.{part}"
            found[key] = module.down.detach().cpu(), module.up.detach().cpu(), module.scale
    return found


def has_adapters(model: nn.Module) -> bool:
    """Whether any linear map has adapters."""
    return any(isinstance(module, AdaptedLinear) for module in model.modules())


def merge_adapters(model: nn.Module) -> None:
    """Take the adapters into the weights, in place: what the model computes stays the same."""
    for parent in list(model.modules()):
        for name, module in list(parent.named_children()):
            if isinstance(module, AdaptedLinear):
                setattr(parent, name, module.merged().train(module.training))


def _add(model: nn.Module, part: str, shape: LowRankShape) -> LowRank:
    above, _, last = part.rpartition(".")
    parent = model.get_submodule(above)
    (name,) = (name for name, parts in _PARTS.items() if last in parts)
    module = getattr(parent, name)
    if not isinstance(module, AdaptedLinear):
        module = AdaptedLinear(module).train(module.training)
        setattr(parent, name, module)
    adapter = LowRank(shape, module.in_features, rows_of(module, last), module.weight)
    module.adapters[last] = adapter.train(module.training)
    return adapter


def _near(name: str, known: Mapping[str, Linear]) -> str:
    """What an unknown name may have been meant to be, as the end of a message."""
    there = [kind for kind, parts in KINDS.items() if {part for _, part in parts} & {_last(each) for each in known}]
    otherwise = f"there are {', '.join(there)}" if there else "none of its layers can have adapters"
    return near_shown(name, [*there, *known], otherwise)


def _last(part: str) -> str:
    return part.rpartition(".")[2]
