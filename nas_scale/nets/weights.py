"""Weights of networks in files: safetensors, which hold numbers and nothing that could be run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from nas_scale import atomic
from nas_scale.errors import UserError


def save_weights(weights: Mapping[str, Tensor], path: Path) -> None:
    """Writes the tensors by name, on the CPU and in order. Raises UserError where the file cannot be written."""
    from safetensors.torch import save

    atomic.write_bytes(path, save({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}))


def load_weights(net: nn.Module, path: Path) -> None:
    """Puts the file's tensors into the network. Raises UserError where they are damaged, or of another network.

    Counters of batches, which no forward pass uses, may be missing.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} holds no weights: {error}") from error
    try:
        lacking, foreign = net.load_state_dict(found, strict=False)
    except RuntimeError as error:  # a tensor of another shape
        raise UserError(f"{path} holds weights of another network: {str(error).splitlines()[-1].strip()}") from error
    wrong = [*foreign, *(name for name in lacking if not name.endswith("num_batches_tracked"))]
    if wrong:
        raise UserError(f"{path} holds weights of another network: {wrong[0]} does not fit")
