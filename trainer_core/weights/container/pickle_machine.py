"""A symbolic machine that interprets the opcodes of a pickle without running any code; used through `read_pickle`.

The result is a tree of dict, list, tuple, str, int, float, bool, None, bytes and `TensorInfo`. Names that are not in
`_FUNCTIONS` or `STORAGES` are refused. The machine computes the result of the known functions itself and drops the
state that BUILD attaches. `Limits` bound time and memory. Opcodes: documentation of Python's pickletools.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trainer_core.weights.container.limits import Limits
from trainer_core.weights.container.refusal import WeightsError, require
from trainer_core.weights.container.tensor_info import StorageRef, TensorInfo, is_size, make_tensor

STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
_FUNCTIONS = {
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch.Size",
    "_codecs.encode",
    "__builtin__.bytes",
    "builtins.bytes",
}
_MAX_INTEGER_KEY = 1 << 53  # larger integers can be chosen so that all have the same hash


@dataclass(frozen=True)
class _Function:
    name: str


@dataclass(frozen=True)
class _StorageType:
    dtype: str


def read_pickle(data: bytes, start: int, limits: Limits) -> tuple[Any, int]:
    """Interpret the pickle that begins at `start` and return its tree and the position after it.

    Raises:
        WeightsError: the pickle is damaged, exceeds a limit, or names anything but tensors and plain values.
    """
    machine = _Machine(data, start, limits)
    value = machine.run()
    return _Copier(limits).copy(value, 0), machine.position


class _Machine:
    """The stack, the memo and the remaining budgets of one pickle."""

    def __init__(self, data: bytes, start: int, limits: Limits) -> None:
        self.position = start
        self._data = data
        self._limits = limits
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []  # the stack below each open mark
        self._memo: dict[int, Any] = {}
        self._opcodes = limits.opcodes
        self._elements = limits.elements
        self._encodable_characters = len(data)  # that may still be turned into bytes

    def run(self) -> Any:
        data, size = self._data, len(self._data)
        while True:
            self._count_operations(1)
            require(self.position < size, "the pickle is truncated")
            code = data[self.position]
            self.position += 1
            if code == 0x2E:  # STOP
                require(len(self._stack) == 1 and not self._outer, "the pickle ends in the middle of a value")
                return self._stack[0]
            step = _STEPS.get(code)
            if step is None:
                raise WeightsError(f"the pickle uses opcode {code:#04x}, which weights do not need")
            step(self)

    def _count_operations(self, count: int) -> None:
        self._opcodes -= count
        if self._opcodes < 0:
            raise WeightsError(f"the pickle has more than {self._limits.opcodes} operations")

    def _read_bytes(self, count: int) -> bytes:
        end = self.position + count
        require(end <= len(self._data), "the pickle is truncated")
        content = self._data[self.position : end]
        self.position = end
        return content

    def _read_number(self, code: str) -> Any:
        return struct.unpack(code, self._read_bytes(struct.calcsize(code)))[0]

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        require(bool(self._stack), "the pickle pops a value that does not exist")
        return self._stack.pop()

    def _top(self, kind: type) -> Any:
        require(
            bool(self._stack) and type(self._stack[-1]) is kind,
            f"the pickle adds items to something that is not a {kind.__name__}",
        )
        return self._stack[-1]

    # -- one method per opcode or family of opcodes ------------------------------------------------

    def protocol(self) -> None:
        version = self._read_bytes(1)[0]
        require(2 <= version <= 5, f"the pickle uses the unsupported protocol {version}")

    def frame(self) -> None:
        self._read_bytes(8)  # the length is only a hint for buffered readers

    def mark(self) -> None:
        self._outer.append(self._stack)
        self._stack = []

    def _pop_to_mark(self) -> list[Any]:
        require(bool(self._outer), "the pickle closes a group that it did not open")
        items, self._stack = self._stack, self._outer.pop()
        return items

    def pop(self) -> None:
        self._pop()

    def long_integer(self) -> None:
        self._push(int.from_bytes(self._read_bytes(self._read_bytes(1)[0]), "little", signed=True))

    def text(self, code: str, encoding: str) -> None:
        raw = self._read_bytes(self._read_number(code))
        try:
            self._push(raw.decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict"))
        except UnicodeDecodeError as error:
            raise WeightsError("the pickle contains invalid text") from error

    def raw(self, code: str) -> None:
        self._push(self._read_bytes(self._read_number(code)))

    def tuple_of(self, count: int) -> None:
        require(len(self._stack) >= count, "the pickle pops values that do not exist")
        items = tuple(self._stack[-count:])
        del self._stack[-count:]
        self._push(items)

    def tuple_since_mark(self) -> None:
        items = self._pop_to_mark()
        self._push(tuple(items))

    def append(self) -> None:
        value = self._pop()
        self._top(list).append(value)

    def appends(self) -> None:
        items = self._pop_to_mark()
        self._top(list).extend(items)

    def set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._top(dict)[self._check_key(key)] = value

    def set_items(self) -> None:
        items = self._pop_to_mark()
        target = self._top(dict)
        require(len(items) % 2 == 0, "the pickle has a key without a value")
        for key, value in zip(items[::2], items[1::2]):
            target[self._check_key(key)] = value

    def _check_key(self, key: Any) -> Any:
        if type(key) is str:
            require(len(key) <= self._limits.name_characters, f"a name has {len(key)} characters")
        else:
            require(
                type(key) in (int, bool) and abs(key) < _MAX_INTEGER_KEY,
                f"a dictionary key is neither text nor a small integer ({type(key).__name__})",
            )
        return key

    def put(self, code: str) -> None:
        index = self._read_number(code)
        require(bool(self._stack), "the pickle stores a value that does not exist")
        self._memo[index] = self._stack[-1]

    def memoize(self) -> None:
        require(bool(self._stack), "the pickle stores a value that does not exist")
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self, code: str) -> None:
        index = self._read_number(code)
        require(index in self._memo, "the pickle loads a value that it did not store")
        self._push(self._memo[index])

    def name(self) -> None:
        self._push(_find_global(f"{self._read_line()}.{self._read_line()}"))

    def name_from_stack(self) -> None:
        name, module = self._pop(), self._pop()
        require(type(name) is str and type(module) is str, "the pickle gives a name that is not text")
        self._push(_find_global(f"{module}.{name}"))

    def _read_line(self) -> str:
        end = self._data.find(b"\n", self.position, self.position + 256)
        require(end >= 0, "the pickle contains an invalid name")
        line = self._read_bytes(end - self.position + 1)[:-1]
        return line.decode("utf-8", "backslashreplace")

    def persistent(self) -> None:
        """Push the storage described by ("storage", type, key, location, number of elements, None or a view).

        Only legacy files have the last item.
        """
        value = self._pop()
        require(type(value) is tuple and len(value) in (5, 6), "a storage has an unknown description")
        tag, kind, key, location, numel = value[:5]
        require(
            tag == "storage" and type(kind) is _StorageType and is_size(numel), "a storage has an unknown description"
        )
        require(type(key) is str and len(key) <= self._limits.name_characters, "a storage has an invalid key")
        require(type(location) is str, "a storage has an invalid location")
        require(
            value[5:] in ((), (None,)),
            "it contains storage views, which PyTorch wrote before 0.4; save it again with a newer PyTorch",
        )
        self._push(StorageRef(key, kind.dtype, numel))

    def build(self) -> None:
        self._pop()
        self._top(dict)

    def reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        require(
            type(function) is _Function and type(arguments) is tuple,
            "the pickle calls something that is not a function",
        )
        self._push(self._apply_function(function.name, arguments))

    def _apply_function(self, name: str, arguments: tuple[Any, ...]) -> Any:
        kinds = tuple(type(argument) for argument in arguments)
        if name == "collections.OrderedDict" and kinds == ():
            return {}
        if name == "collections.OrderedDict" and kinds == (list,):
            return self._make_dict(arguments[0])
        if name.startswith("torch._utils._rebuild_tensor") and kinds[:4] == (StorageRef, int, tuple, tuple):
            return self._make_tensor(*arguments[:4])
        if name == "torch._utils._rebuild_parameter" and kinds[:1] == (TensorInfo,):
            return arguments[0]
        if name == "torch.Size" and kinds == (tuple,):
            return arguments[0]
        if name == "_codecs.encode" and kinds == (str, str):
            return self._encode(*arguments)
        if name.endswith(".bytes") and kinds == ():
            return b""
        raise WeightsError(f"{name} is called with arguments that weights never need")

    def _make_dict(self, pairs: list[Any]) -> dict[Any, Any]:
        """Return the dictionary of a list of [key, value], the form in which Python 2 wrote an OrderedDict."""
        self._count_operations(len(pairs))
        require(
            all(type(pair) in (list, tuple) and len(pair) == 2 for pair in pairs), "a dictionary has invalid entries"
        )
        return {self._check_key(key): value for key, value in pairs}

    def _make_tensor(
        self, storage: StorageRef, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
    ) -> TensorInfo:
        tensor = make_tensor(storage, offset, shape, stride, self._limits)
        self._elements -= tensor.numel
        require(self._elements >= 0, f"the tensors have more than {self._limits.elements} elements")
        return tensor

    def _encode(self, text: str, encoding: str) -> bytes:
        """Return the bytes that protocol 2 writes as text."""
        self._encodable_characters -= len(text)
        require(
            encoding == "latin1" and self._encodable_characters >= 0,
            "bytes have an unknown encoding or are too long in total",
        )
        try:
            return text.encode("latin1")
        except UnicodeEncodeError as error:
            raise WeightsError("bytes are stored as invalid text") from error


def _find_global(name: str) -> _Function | _StorageType:
    module, _, kind = name.rpartition(".")
    if module == "torch" and kind in STORAGES:
        return _StorageType(STORAGES[kind])
    if name in _FUNCTIONS:
        return _Function(name)
    if name.startswith("torch._utils._rebuild_"):
        raise WeightsError(
            f"it contains tensors of an unusual kind ({name[:120]!r}). "
            "Use a file with float32, float16 or bfloat16 values"
        )
    raise WeightsError(
        f"it refers to {name[:120]!r}, which is neither a tensor nor a plain value; nothing was run. "
        "Ask its author for a file that contains only weights, such as .safetensors"
    )


_Step = Callable[[_Machine], None]


def _bind(method: Callable[..., None], *arguments: Any) -> _Step:
    return lambda machine: method(machine, *arguments)


def _push_constant(value: Any) -> _Step:
    return lambda machine: machine._push(value)


def _push_number(code: str) -> _Step:
    return lambda machine: machine._push(machine._read_number(code))


_STEPS: dict[int, _Step] = {
    0x80: _Machine.protocol,
    0x95: _Machine.frame,
    ord("("): _Machine.mark,
    ord("0"): _Machine.pop,
    ord("N"): _push_constant(None),
    0x88: _push_constant(True),
    0x89: _push_constant(False),
    ord("J"): _push_number("<i"),
    ord("K"): _push_number("<B"),
    ord("M"): _push_number("<H"),
    ord("G"): _push_number(">d"),
    0x8A: _Machine.long_integer,
    ord("X"): _bind(_Machine.text, "<I", "utf-8"),
    0x8C: _bind(_Machine.text, "<B", "utf-8"),
    ord("U"): _bind(_Machine.text, "<B", "ascii"),
    ord("T"): _bind(_Machine.text, "<I", "ascii"),
    ord("B"): _bind(_Machine.raw, "<I"),
    ord("C"): _bind(_Machine.raw, "<B"),
    ord(")"): _push_constant(()),
    0x85: _bind(_Machine.tuple_of, 1),
    0x86: _bind(_Machine.tuple_of, 2),
    0x87: _bind(_Machine.tuple_of, 3),
    ord("t"): _Machine.tuple_since_mark,
    ord("]"): lambda machine: machine._push([]),
    ord("a"): _Machine.append,
    ord("e"): _Machine.appends,
    ord("}"): lambda machine: machine._push({}),
    ord("s"): _Machine.set_item,
    ord("u"): _Machine.set_items,
    ord("q"): _bind(_Machine.put, "<B"),
    ord("r"): _bind(_Machine.put, "<I"),
    0x94: _Machine.memoize,
    ord("h"): _bind(_Machine.get, "<B"),
    ord("j"): _bind(_Machine.get, "<I"),
    ord("c"): _Machine.name,
    0x93: _Machine.name_from_stack,
    ord("Q"): _Machine.persistent,
    ord("R"): _Machine.reduce,
    ord("b"): _Machine.build,
}


class _Copier:
    """A copier of values into a tree of bounded size and depth, so that every walk of the tree ends."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._remaining = limits.nodes

    def copy(self, value: Any, depth: int) -> Any:
        self._remaining -= 1
        require(self._remaining >= 0, f"it contains more than {self._limits.nodes} values")
        kind = type(value)
        if kind in (dict, list, tuple):
            require(depth < self._limits.depth, f"it is nested more than {self._limits.depth} levels deep")
            if kind is dict:
                return {key: self.copy(item, depth + 1) for key, item in value.items()}
            return kind(self.copy(item, depth + 1) for item in value)
        is_leaf = value is None or kind in (bool, int, float, str, bytes, TensorInfo)
        require(is_leaf, "it contains a storage or a function in place of a value")
        return value
