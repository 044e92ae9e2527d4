"""Low-rank adapters as PEFT keeps them: ``adapter_config.json`` and ``adapter_model.safetensors``.

Adapters of an imported model have the names of its first layout there, so that PEFT finds their places; those of other
models have the names of mtkit, with keys and values apart. ``mtkit_adapter.json`` beside them says which model they
belong to; those of other programs have none.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from mtkit.bundle.bundle import Bundle
from mtkit.errors import CheckpointError, DataError
from mtkit.exchange.giving_back import matches_of
from mtkit.exchange.origin import Origin
from mtkit.files.reading import read_json, sha256_file, version_in
from mtkit.files.tensor_file import check_finite, read_tensor_file
from mtkit.files.whole import atomic_directory
from mtkit.model.adapters import LowRankShape, adaptable, rows_of
from mtkit.model.fitting import skeleton
from mtkit.model.weights import load_tensors

CONFIG, WEIGHTS, NOTE = "adapter_config.json", "adapter_model.safetensors", "mtkit_adapter.json"
FORMAT_VERSION = 1

_KEY = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<matrix>[AB])(\.default)?\.weight")
_PLACES = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "output": "out_proj"}
_PLAIN: dict[str, list[Any]] = {
    "bias": ["none"],
    "use_dora": [False],
    "fan_in_fan_out": [False],
    "modules_to_save": [None, []],
    "alpha_pattern": [{}, None],
    "layer_replication": [None],
    "lora_bias": [False],
    "target_parameters": [None, []],
    "trainable_token_indices": [None, {}],
}
"""Settings of PEFT's with the values that mtkit knows."""

_MAX_SCALE = 1e6

Adapters = dict[str, tuple[Tensor, Tensor, float]]
"""By the name of the part: ``down`` (R, D), ``up`` (rows, R), and how much their product counts."""


def module_names(base: Bundle) -> dict[str, str]:
    """What PEFT calls each part of a model that may have adapters."""
    config, origin = base.model, Origin.of(base.metadata, base.directory)
    names = {part: _own_name(part) for part in _parts(base)}
    if origin is None or origin.layout != "huggingface":
        return names
    for match in matches_of(origin, config):
        above, _, last = match.ours.removesuffix(".weight").rpartition(".")
        parts = {"q_proj": ["query"], "kv_proj": ["key", "value"], "out_proj": ["output"]}.get(last, [last])
        for part, theirs in zip(parts, match.theirs, strict=False):
            if match.ours.endswith(".weight") and f"{above}.{part}" in names:
                names[f"{above}.{part}"] = theirs.removesuffix(".weight")
    return names


def write_adapter(directory: Path, adapters: Adapters, shape: LowRankShape, base: Bundle) -> None:
    """Write adapters of a model into a directory, whole or not at all; what is there is replaced.

    Raises:
        CheckpointError: If the disk is full or cannot be written.
    """
    names = module_names(base)
    tensors: dict[str, Tensor] = {}
    for part, (down, up, _) in adapters.items():
        prefix = f"base_model.model.{names[part]}"
        tensors |= {f"{prefix}.lora_A.weight": down.contiguous(), f"{prefix}.lora_B.weight": up.contiguous()}
    config = {
        "peft_type": "LORA",
        "task_type": "SEQ_2_SEQ_LM",
        "base_model_name_or_path": _name_of(base),
        "r": shape.rank,
        "lora_alpha": int(shape.alpha) if shape.alpha == int(shape.alpha) else shape.alpha,
        "lora_dropout": shape.dropout,
        "target_modules": [names[part] for part in adapters],
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    try:
        with atomic_directory(directory) as work:
            save_file(tensors, work / WEIGHTS, metadata={"format": "pt"})
            (work / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
            note = {
                "format_version": FORMAT_VERSION,
                "base": base.weights_sha256,
                "weights": sha256_file(work / WEIGHTS),
            }
            (work / NOTE).write_text(json.dumps(note, indent=2) + "\n")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{directory}: cannot write: {error}") from None


def read_adapter(directory: Path, base: Bundle) -> Adapters:
    """Adapters of a model, written by mtkit or by PEFT.

    Raises:
        CheckpointError: If there are none, they are damaged, of a kind that mtkit does not know, or of another model.
    """
    config = _read_config(directory)
    _check_base(directory, base)
    path = directory / WEIGHTS
    if not path.is_file():
        other = directory / "adapter_model.bin"
        hint = "; it is a pickle, which may run code: save it as safetensors" if other.exists() else ""
        raise CheckpointError(f"{path}: missing{hint}")
    pairs = _pairs_in(path)
    parts = {name: part for part, name in module_names(base).items()}
    shapes = _shapes_of(base)
    for module, matrices in pairs.items():
        if module not in parts:
            raise CheckpointError(f"{directory}: has adapters of {module}, which {base.path} has not: another base")
        n_in, n_out = shapes[parts[module]]
        (rank, found_in), (found_out, found_rank) = matrices["A"], matrices["B"]
        if (found_in, found_out, found_rank) != (n_in, n_out, rank) or rank == 0:
            told = f"{found_in} to {found_out}, there {n_in} to {n_out}"
            raise CheckpointError(f"{directory}: the adapters of {module} are from {told} numbers: another base")
    check_finite(path)
    tensors = {_plain(key): tensor.float() for key, tensor in load_tensors(path).items()}
    adapters: Adapters = {}
    for module in pairs:
        down, up = (tensors[f"{module}.{matrix}"] for matrix in "AB")
        scale = config["lora_alpha"] / (len(down) ** 0.5 if config.get("use_rslora") else len(down))
        adapters[parts[module]] = down, up, scale
    return adapters


def _own_name(part: str) -> str:
    above, _, last = part.rpartition(".")
    return f"{above}.{_PLACES.get(last, last)}"


def _parts(base: Bundle) -> list[str]:
    return list(_shapes_of(base))


def _shapes_of(base: Bundle) -> dict[str, tuple[int, int]]:
    """Numbers that go in and out of each part that may have adapters."""
    tokenizer = base.tokenizer
    sizes = {"src_vocab_size": tokenizer.src_vocab_size, "tgt_vocab_size": tokenizer.tgt_vocab_size}
    model = skeleton(base.model, **sizes, pad_id=tokenizer.pad_id)
    found = {}
    for part, module in adaptable(model).items():
        rows = rows_of(module, part.rpartition(".")[2])
        found[part] = module.in_features, rows.stop - rows.start
    return found


def _name_of(base: Bundle) -> str:
    origin = Origin.of(base.metadata, base.directory)
    return str(base.path) if origin is None else origin.source


def _read_config(directory: Path) -> dict[str, Any]:
    path = directory / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{directory}: holds no adapters: there is no {CONFIG}")
    try:
        config = read_json(path)
    except DataError as error:
        raise CheckpointError(str(error)) from None
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        kind = config.get("peft_type") if isinstance(config, dict) else None
        raise CheckpointError(f"{path}: adapters of the kind {kind!r}; mtkit knows LORA")
    for name, known in _PLAIN.items():
        if name in config and config[name] not in known:
            raise CheckpointError(f"{path}: {name} {config[name]!r}: mtkit does not know such adapters")
    alpha = config.get("lora_alpha")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha <= _MAX_SCALE:
        raise CheckpointError(f"{path}: damaged: lora_alpha {alpha!r}")
    return config


def _check_base(directory: Path, base: Bundle) -> None:
    """Refuse adapters that mtkit has made for another model, or that were changed since."""
    path = directory / NOTE
    if not path.exists():
        return
    try:
        note = read_json(path)
        version_in(note)
        made_for, weights = str(note["base"]), str(note["weights"])
    except (DataError, ValueError, KeyError, TypeError):
        raise CheckpointError(f"{path}: damaged") from None
    if made_for != base.weights_sha256:
        raise CheckpointError(
            f"{directory}: made for another base (weights {made_for[:12]}) than {base.path} (weights "
            f"{base.weights_sha256[:12]})"
        )
    if (directory / WEIGHTS).is_file() and sha256_file(directory / WEIGHTS) != weights:
        raise CheckpointError(f"{directory / WEIGHTS}: damaged (its sha256 is not the one in {NOTE})")


def _pairs_in(path: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """The shapes of both matrices of each module that has them."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for key, info in read_tensor_file(path).tensors.items():
        match = _KEY.fullmatch(key)
        if match is None or len(info.shape) != 2:
            raise CheckpointError(f"{path}: {key}: mtkit does not know such adapters")
        found.setdefault(match["module"], {})[match["matrix"]] = info.shape[0], info.shape[1]
    for module, matrices in found.items():
        if matrices.keys() != {"A", "B"}:
            raise CheckpointError(f"{path}: damaged: one of the two matrices of {module} is missing")
    if not found:
        raise CheckpointError(f"{path}: holds no adapters")
    return found


def _plain(key: str) -> str:
    match = _KEY.fullmatch(key)
    assert match is not None
    return f"{match['module']}.{match['matrix']}"


def told(adapters: Mapping[str, tuple[Tensor, Tensor, float]]) -> str:
    """Adapters in a few words."""
    ranks = sorted({len(down) for down, _, _ in adapters.values()})
    return f"{len(adapters)} adapters of rank {', '.join(map(str, ranks))}"
