"""A pretended GPU: tensors elsewhere that compute here and refuse to meet the CPU's.

Torch without CUDA cannot make tensors that say ``cuda``, so they say ``meta``: whatever
asks ``device.type != "cpu"`` goes the way of a GPU. Values are real, so code that looks at
them runs to its end, which `FakeTensorMode` does not allow.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

FAR = torch.device("meta")
_MOVES = ("aten::_to_copy", "aten::copy_")
# Real GPUs take indices from the CPU.
_INDEXING = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_")


def near(value):
    """Return the tensor behind a pretended one."""
    return value.near if isinstance(value, Far) else value


def far(value):
    """Put a tensor on the pretended GPU; anything else stays what it is."""
    return Far(value) if isinstance(value, torch.Tensor) and not isinstance(value, Far) else value


class Far(torch.Tensor):
    """A tensor on the pretended GPU."""

    @staticmethod
    def __new__(cls, value):
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            value.shape,
            strides=value.stride(),
            storage_offset=value.storage_offset(),
            dtype=value.dtype,
            device=FAR,
        )
        made.near = value
        return made

    def tolist(self):
        return self.near.tolist()

    def item(self):
        return self.near.item()

    def __float__(self):
        return float(self.near)

    def __int__(self):
        return int(self.near)

    __index__ = __int__

    def __bool__(self):
        return bool(self.near)

    def new_tensor(self, data, **options):
        return far(self.near.new_tensor(data, **options))

    def numpy(self, *_args, **_kwargs):
        raise TypeError("can't convert a tensor on a GPU to numpy; copy it to the CPU first")

    __array__ = numpy

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def _check(func, args, tensors):
    """Refuse what a GPU refuses: CPU tensors beside its own, numbers and indices aside."""
    if func._schema.name in _INDEXING:
        if not isinstance(args[0], Far):
            raise RuntimeError(f"{func}: indices on the GPU for a tensor on the CPU")
        tensors = [value for value in args[2:3] if isinstance(value, torch.Tensor)]
    strays = [tuple(t.shape) for t in tensors if not isinstance(t, Far) and t.ndim]
    if strays:
        raise RuntimeError(f"{func}: tensors on GPU and CPU, {strays} on the latter")


def _run(func, args, kwargs):
    tensors = [v for v in tree_flatten((args, kwargs))[0] if isinstance(v, torch.Tensor)]
    there = any(isinstance(value, Far) for value in tensors)
    name, wanted = func._schema.name, kwargs.get("device")
    if there and name not in _MOVES:
        _check(func, args, tensors)
    here = kwargs if wanted is None else {**kwargs, "device": torch.device("cpu")}
    result = func(*tree_map(near, args), **tree_map(near, here))
    if "out" in kwargs:
        return kwargs["out"]
    if name.endswith("_"):
        return args[0]
    stays = there if wanted is None else torch.device(wanted) == FAR
    return tree_map(far, result) if stays else result


class Pretend(TorchDispatchMode):
    """Within the block tensors can be made on, and moved to, the pretended GPU."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})

    def __enter__(self):
        self.real = torch.tensor

        def tensor(data, dtype=None, device=None, **options):
            made = self.real(data, dtype=dtype, **options)
            return far(made) if device is not None and torch.device(device) == FAR else made

        torch.tensor = tensor
        return super().__enter__()

    def __exit__(self, *error):
        torch.tensor = self.real
        return super().__exit__(*error)


def send(model):
    """Move all parameters and buffers of a module to the pretended GPU."""
    for module in model.modules():
        for store in (module._parameters, module._buffers):
            for name, value in store.items():
                if value is not None:
                    store[name] = Far(value.detach())
