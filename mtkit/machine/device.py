"""Devices and precisions by their names; ``compute`` has what is made of them.

torch is imported inside the functions that need it: translating with CTranslate2 does not.
"""

import re
from typing import TYPE_CHECKING, Literal

from mtkit.errors import DeviceError, UnknownDeviceError

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "bf16"]


def check_device(name: str) -> None:
    """Refuse what does not name a device, without torch and whether or not there is such a device here.

    Raises:
        UnknownDeviceError: If it is not auto, cpu, cuda or a numbered GPU such as cuda:1.
    """
    if re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", str(name)) is None:
        raise UnknownDeviceError(f"device {name}: unknown; use auto, cpu or cuda")


def choose_device(name: str) -> "torch.device":
    """Turn ``auto``, ``cpu`` or ``cuda`` into a device.

    Raises:
        DeviceError: If there is no such name, or a GPU is asked for where there is none.
    """
    import torch

    name = str(name)  # of a torch.device too
    check_device(name)

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        build = "this build of torch has no CUDA" if torch.version.cuda is None else "torch sees no GPU"
        raise DeviceError(f"device {name}: {build}; use --device cpu or auto")
    device = torch.device(name)
    if device.type == "cuda" and device.index is not None and device.index >= torch.cuda.device_count():
        raise DeviceError(f"device {name}: this machine has {torch.cuda.device_count()} GPU(s), counted from 0")
    return device


def choose_precision(name: str, device: "torch.device") -> Precision:
    """Turn ``auto``, ``fp32`` or ``bf16`` into a precision: bf16 on a GPU that multiplies in it, else fp32.

    On a CPU bf16 is a matter of measurement: see ``mtkit.training.planning.tuning``.

    Raises:
        UnknownDeviceError: If it is none of these.
    """
    if name not in ("auto", "fp32", "bf16"):
        raise UnknownDeviceError(f"precision {name}: unknown; use auto, fp32 or bf16")
    if name == "auto":
        return "bf16" if device.type == "cuda" and bf16_is_native(device) else "fp32"
    return "bf16" if name == "bf16" else "fp32"


def bf16_is_native(device: "torch.device") -> bool:
    """Whether the device multiplies in bf16 itself, and does not spell it out in float32."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)
