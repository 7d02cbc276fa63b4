"""A tensor as a file's header describes it, without torch: type, shape, strides and where its values lie."""

from __future__ import annotations

from dataclasses import dataclass

from trainer_core.weights.container.limits import Limits
from trainer_core.weights.container.refusal import require

# The number of bytes of one element, by torch's name of the type.
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
        """Its size in the file."""
        return self.numel * ITEM_BYTES[self.dtype]


@dataclass(frozen=True)
class TensorInfo:
    """A window on a storage; `offset` and `stride` count elements."""

    storage: StorageRef
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def dtype(self) -> str:
        """torch's name of the element type, such as "float32"."""
        return self.storage.dtype

    @property
    def numel(self) -> int:
        """The number of elements."""
        return product(self.shape)

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements lie in row-major order without gaps."""
        return all(
            size == 1 or step == want for size, step, want in zip(self.shape, self.stride, row_major(self.shape))
        )


def product(numbers: tuple[int, ...]) -> int:
    """The product of all numbers, 1 of none."""
    result = 1
    for number in numbers:
        result *= number
    return result


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a contiguous tensor of this shape."""
    return tuple(product(shape[axis + 1 :]) for axis in range(len(shape)))


def make_tensor(
    storage: StorageRef, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], limits: Limits
) -> TensorInfo:
    """A checked tensor.

    Raises:
        WeightsError: it has too many dimensions, lies outside its storage, or visits an element twice.
    """
    require(
        len(shape) == len(stride) <= limits.dimensions,
        f"a tensor has {len(shape)} dimensions and {len(stride)} strides",
    )
    require(
        all(is_size(number) for number in (offset, *shape, *stride)), "a tensor's shape or place is no plain number"
    )
    reach = 1  # the elements spanned so far, from the fastest axis on
    if 0 not in shape:
        for step, size in sorted(zip(stride, shape)):
            require(size == 1 or step >= reach, f"a tensor of shape {list(shape)} overlaps itself")
            reach += (size - 1) * step
        require(offset + reach <= storage.numel, f"a tensor of shape {list(shape)} reaches beyond its values")
    return TensorInfo(storage, offset, shape, stride)


def is_size(value: object) -> bool:
    """Whether `value` is an int that can be a size or offset."""
    return type(value) is int and 0 <= value < 1 << 48
