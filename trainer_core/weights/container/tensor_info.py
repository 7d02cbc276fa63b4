"""Descriptions of tensors and storages as a file header gives them: type, shape, strides, position (no torch)."""

from __future__ import annotations

from dataclasses import dataclass

from trainer_core.weights.container.limits import Limits
from trainer_core.weights.container.refusal import require

# Bytes of one element by torch name of the type.
ITEM_BYTES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}
FLOATS = frozenset({"float64", "float32", "float16", "bfloat16"})


@dataclass(frozen=True)
class StorageRef:
    """A flat array in the file: its key, element type and number of elements."""

    key: str
    dtype: str
    numel: int

    @property
    def nbytes(self) -> int:
        """Size in the file in bytes."""
        return self.numel * ITEM_BYTES[self.dtype]


@dataclass(frozen=True)
class TensorInfo:
    """A view of a storage; `offset` and `stride` count elements."""

    storage: StorageRef
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def dtype(self) -> str:
        """Element type by its torch name, such as "float32"."""
        return self.storage.dtype

    @property
    def numel(self) -> int:
        """Number of elements."""
        return product(self.shape)

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements are in row-major order without gaps."""
        return all(
            size == 1 or step == want for size, step, want in zip(self.shape, self.stride, row_major(self.shape))
        )


def product(numbers: tuple[int, ...]) -> int:
    """Return the product of all numbers, 1 for none."""
    result = 1
    for number in numbers:
        result *= number
    return result


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of a contiguous tensor of this shape."""
    return tuple(product(shape[axis + 1 :]) for axis in range(len(shape)))


def make_tensor(
    storage: StorageRef, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], limits: Limits
) -> TensorInfo:
    """Build a tensor description from untrusted numbers.

    Raises:
        WeightsError: the tensor has too many dimensions, exceeds its storage, or uses an element twice.
    """
    require(
        len(shape) == len(stride) <= limits.dimensions,
        f"a tensor has {len(shape)} dimensions and {len(stride)} strides",
    )
    require(
        all(is_size(number) for number in (offset, *shape, *stride)),
        "a tensor's shape, strides or offset are not plain numbers",
    )
    reach = 1  # elements spanned so far, starting at the fastest axis
    if 0 not in shape:
        for step, size in sorted(zip(stride, shape)):
            require(size == 1 or step >= reach, f"a tensor of shape {list(shape)} overlaps itself")
            reach += (size - 1) * step
        require(offset + reach <= storage.numel, f"a tensor of shape {list(shape)} extends beyond its values")
    return TensorInfo(storage, offset, shape, stride)


def is_size(value: object) -> bool:
    """Whether `value` is an int in the range of a size or offset."""
    return type(value) is int and 0 <= value < 1 << 48
