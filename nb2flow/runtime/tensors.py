"""torch tensors: as memory, like NumPy's arrays, so that views stay views and a slice takes only itself along.

torch's own pickling writes the whole storage of each view, drops gradients, and makes a tensor inside a computation a
leaf of a new one. This file never imports torch: a tensor to reduce proves that it is there.
"""

from __future__ import annotations

import ctypes
import pickle
import sys
from typing import TYPE_CHECKING, Any

from . import rebuild
from .faults import UncarryableError
from .memory import Span

if TYPE_CHECKING:
    from .carrier import Carrier


def reduce_tensor(carrier: Carrier, tensor: Any) -> Any:
    """A dense CPU tensor over a buffer of the blob; other kinds as torch does it, where that is not silently wrong."""
    torch = sys.modules["torch"]
    if tensor.requires_grad and not tensor.is_leaf:
        raise UncarryableError("belongs to a computation, whose gradients cannot be carried (.detach() it)", tensor)
    if tensor._backward_hooks:
        raise UncarryableError("is a tensor with backward hooks, which cannot be carried", tensor)
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.numel() == 0:
        return NotImplemented
    span = _span_of(tensor)
    region = carrier.region_of(span)
    plain = type(tensor) in (torch.Tensor, torch.nn.Parameter) and not tensor.is_conj() and not tensor.is_neg()
    if tensor.device.type != "cpu" or not plain:
        if region is not None:
            raise UncarryableError("is a tensor that shares memory with another variable's", tensor)
        return NotImplemented
    source: Any = region
    if region is not None:
        offset, stride = tensor.data_ptr() - region.low, tensor.stride()
    else:
        dense = tensor if span.high - span.low == _nbytes(tensor) else tensor.detach().contiguous()
        raw = (ctypes.c_ubyte * _nbytes(tensor)).from_address(dense.data_ptr())
        carrier.keep(dense)
        source, offset, stride = pickle.PickleBuffer(raw), 0, dense.stride()
    layout = (tensor.dtype, tuple(tensor.size()), tuple(stride), tensor.requires_grad)
    state = {"grad": tensor.grad, "dict": dict(vars(tensor))}
    parameter = type(tensor) is not torch.Tensor
    return rebuild.tensor, (source, offset, *layout, parameter), state, None, None, rebuild.fill_tensor


def _nbytes(tensor: Any) -> int:
    return int(tensor.numel() * tensor.element_size())


def _span_of(tensor: Any) -> Span:
    low = tensor.data_ptr()
    reach = sum((n - 1) * s for n, s in zip(tensor.size(), tensor.stride()))
    layout = tuple(tensor.size()), tensor.stride()
    return Span(low, low + (reach + 1) * tensor.element_size(), _nbytes(tensor), layout, tensor)
