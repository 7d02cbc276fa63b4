"""Follow a pickle's opcodes without running anything: a symbolic machine with a short list of known names.

The result is a tree of dict, list, tuple, str, int, float, bool, None, bytes and `TensorInfo`. Names other
than those in `_FUNCTIONS` and `STORAGES` are refused, functions are never called but understood, the state that
BUILD attaches is dropped. Time and memory are bounded by `Limits`. Opcodes: Python's pickletools documentation.
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
_MAX_INTEGER_KEY = 1 << 53  # beyond it integers can be chosen so that all fall on one hash


@dataclass(frozen=True)
class _Function:
    name: str


@dataclass(frozen=True)
class _StorageType:
    dtype: str


def read_pickle(data: bytes, start: int, limits: Limits) -> tuple[Any, int]:
    """Interpret the pickle that begins at `start`; its tree and the position after it.

    Raises:
        WeightsError: it is damaged, exceeds a limit, or names anything but tensors and plain values.
    """
    machine = _Machine(data, start, limits)
    value = machine.run()
    return _Copier(limits).copy(value, 0), machine.position


class _Machine:
    def __init__(self, data: bytes, start: int, limits: Limits) -> None:
        self.position = start
        self._data = data
        self._limits = limits
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []  # the stacks below each mark
        self._memo: dict[int, Any] = {}
        self._opcodes = limits.opcodes
        self._elements = limits.elements
        self._encodable = len(data)  # characters that may still be turned into bytes

    def run(self) -> Any:
        while True:
            self._count_nodes(1)
            code = self._read_bytes(1)[0]
            if code == 0x2E:  # STOP
                require(len(self._stack) == 1 and not self._outer, "the pickle ends in the middle of a value")
                return self._stack[0]
            step = _STEPS.get(code)
            if step is None:
                raise WeightsError(f"the pickle uses opcode {code:#04x}, which weights do not need")
            step(self)

    def _count_nodes(self, count: int) -> None:
        self._opcodes -= count
        require(self._opcodes >= 0, f"the pickle has more than {self._limits.opcodes} operations")

    def _read_bytes(self, count: int) -> bytes:
        end = self.position + count
        require(end <= len(self._data), "the pickle is cut off")
        piece = self._data[self.position : end]
        self.position = end
        return piece

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._read_bytes(struct.calcsize(form)))[0]

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        require(bool(self._stack), "the pickle takes a value that is not there")
        return self._stack.pop()

    def _top(self, kind: type) -> Any:
        require(
            bool(self._stack) and type(self._stack[-1]) is kind,
            f"the pickle fills something that is no {kind.__name__}",
        )
        return self._stack[-1]

    # -- one method an opcode, or a family of them ------------------------------------------------

    def protocol(self) -> None:
        version = self._read_bytes(1)[0]
        require(2 <= version <= 5, f"the pickle has protocol {version}")

    def frame(self) -> None:
        self._read_bytes(8)  # only a hint for buffered readers

    def mark(self) -> None:
        self._outer.append(self._stack)
        self._stack = []

    def _pop_to_mark(self) -> list[Any]:
        require(bool(self._outer), "the pickle closes what it has not opened")
        items, self._stack = self._stack, self._outer.pop()
        return items

    def pop(self) -> None:
        self._pop()

    def long_integer(self) -> None:
        self._push(int.from_bytes(self._read_bytes(self._read_bytes(1)[0]), "little", signed=True))

    def text(self, form: str, encoding: str) -> None:
        raw = self._read_bytes(self._number(form))
        try:
            self._push(raw.decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict"))
        except UnicodeDecodeError as error:
            raise WeightsError("the pickle holds broken text") from error

    def raw(self, form: str) -> None:
        self._push(self._read_bytes(self._number(form)))

    def tuple_of(self, count: int) -> None:
        require(len(self._stack) >= count, "the pickle takes values that are not there")
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
        self._top(dict)[self._key(key)] = value

    def set_items(self) -> None:
        items = self._pop_to_mark()
        target = self._top(dict)
        require(len(items) % 2 == 0, "the pickle gives a key without a value")
        for key, value in zip(items[::2], items[1::2]):
            target[self._key(key)] = value

    def _key(self, key: Any) -> Any:
        if type(key) is str:
            require(len(key) <= self._limits.name_characters, f"a name has {len(key)} characters")
        else:
            require(type(key) in (int, bool) and abs(key) < _MAX_INTEGER_KEY, f"a key is a {type(key).__name__}")
        return key

    def put(self, form: str) -> None:
        index = self._number(form)
        require(bool(self._stack), "the pickle remembers a value that is not there")
        self._memo[index] = self._stack[-1]

    def memoize(self) -> None:
        require(bool(self._stack), "the pickle remembers a value that is not there")
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self, form: str) -> None:
        index = self._number(form)
        require(index in self._memo, "the pickle recalls a value that it never stored")
        self._push(self._memo[index])

    def name(self) -> None:
        self._push(_known_global(f"{self._line()}.{self._line()}"))

    def name_from_stack(self) -> None:
        name, module = self._pop(), self._pop()
        require(type(name) is str and type(module) is str, "the pickle names something that is no text")
        self._push(_known_global(f"{module}.{name}"))

    def _line(self) -> str:
        end = self._data.find(b"\n", self.position, self.position + 256)
        require(end >= 0, "the pickle holds a broken name")
        line = self._read_bytes(end - self.position + 1)[:-1]
        return line.decode("utf-8", "backslashreplace")

    def persistent(self) -> None:
        """("storage", type, key, location, number of elements); legacy files add None, or a view, to it."""
        value = self._pop()
        require(type(value) is tuple and len(value) in (5, 6), "a storage is described in an unknown way")
        tag, kind, key, location, numel = value[:5]
        require(
            tag == "storage" and type(kind) is _StorageType and is_size(numel),
            "a storage is described in an unknown way",
        )
        require(type(key) is str and len(key) <= self._limits.name_characters, "a storage has no proper key")
        require(type(location) is str, "a storage has no proper place")
        require(
            value[5:] in ((), (None,)), "it holds views on storages, as PyTorch before 0.4 wrote them; save it anew"
        )
        self._push(StorageRef(key, kind.dtype, numel))

    def build(self) -> None:
        self._pop()
        self._top(dict)

    def reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        require(
            type(function) is _Function and type(arguments) is tuple, "the pickle calls something that is no function"
        )
        self._push(self._apply_function(function.name, arguments))

    def _apply_function(self, name: str, arguments: tuple[Any, ...]) -> Any:
        kinds = tuple(type(argument) for argument in arguments)
        if name == "collections.OrderedDict" and kinds == ():
            return {}
        if name == "collections.OrderedDict" and kinds == (list,):
            return self._pairs(arguments[0])
        if name.startswith("torch._utils._rebuild_tensor") and kinds[:4] == (StorageRef, int, tuple, tuple):
            return self._tensor(*arguments[:4])
        if name == "torch._utils._rebuild_parameter" and kinds[:1] == (TensorInfo,):
            return arguments[0]
        if name == "torch.Size" and kinds == (tuple,):
            return arguments[0]
        if name == "_codecs.encode" and kinds == (str, str):
            return self._encoded(*arguments)
        if name.endswith(".bytes") and kinds == ():
            return b""
        raise WeightsError(f"{name} is called in a way that weights never need")

    def _pairs(self, pairs: list[Any]) -> dict[Any, Any]:
        """Python 2 wrote an OrderedDict as a list of [key, value]."""
        self._count_nodes(len(pairs))
        require(
            all(type(pair) in (list, tuple) and len(pair) == 2 for pair in pairs), "a dictionary has broken entries"
        )
        return {self._key(key): value for key, value in pairs}

    def _tensor(self, storage: StorageRef, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> TensorInfo:
        tensor = make_tensor(storage, offset, shape, stride, self._limits)
        self._elements -= tensor.numel
        require(self._elements >= 0, f"the tensors have more than {self._limits.elements} elements")
        return tensor

    def _encoded(self, text: str, encoding: str) -> bytes:
        """How protocol 2 writes bytes."""
        self._encodable -= len(text)
        require(encoding == "latin1" and self._encodable >= 0, "bytes are given in an unknown encoding or too often")
        try:
            return text.encode("latin1")
        except UnicodeEncodeError as error:
            raise WeightsError("bytes are given in broken text") from error


def _known_global(name: str) -> _Function | _StorageType:
    module, _, kind = name.rpartition(".")
    if module == "torch" and kind in STORAGES:
        return _StorageType(STORAGES[kind])
    if name in _FUNCTIONS:
        return _Function(name)
    raise WeightsError(
        f"it names {name[:120]!r}, which is neither a tensor nor a plain value. It was not run. "
        "If you trust its maker, ask for a file that holds only weights, such as .safetensors"
    )


_Step = Callable[[_Machine], None]


def _bind(method: Callable[..., None], *arguments: Any) -> _Step:
    return lambda machine: method(machine, *arguments)


def _constant(value: Any) -> _Step:
    return lambda machine: machine._push(value)


def _number(form: str) -> _Step:
    return lambda machine: machine._push(machine._number(form))


_STEPS: dict[int, _Step] = {
    0x80: _Machine.protocol,
    0x95: _Machine.frame,
    ord("("): _Machine.mark,
    ord("0"): _Machine.pop,
    ord("N"): _constant(None),
    0x88: _constant(True),
    0x89: _constant(False),
    ord("J"): _number("<i"),
    ord("K"): _number("<B"),
    ord("M"): _number("<H"),
    ord("G"): _number(">d"),
    0x8A: _Machine.long_integer,
    ord("X"): _bind(_Machine.text, "<I", "utf-8"),
    0x8C: _bind(_Machine.text, "<B", "utf-8"),
    ord("U"): _bind(_Machine.text, "<B", "ascii"),
    ord("T"): _bind(_Machine.text, "<I", "ascii"),
    ord("B"): _bind(_Machine.raw, "<I"),
    ord("C"): _bind(_Machine.raw, "<B"),
    ord(")"): _constant(()),
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
    """Copies the machine's values into a tree of bounded size and depth, so that no walk can run for ever."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.nodes

    def copy(self, value: Any, depth: int) -> Any:
        self._left -= 1
        require(self._left >= 0, f"it holds more than {self._limits.nodes} values")
        kind = type(value)
        if kind in (dict, list, tuple):
            require(depth < self._limits.depth, f"it is nested more than {self._limits.depth} deep")
            if kind is dict:
                return {key: self.copy(item, depth + 1) for key, item in value.items()}
            return kind(self.copy(item, depth + 1) for item in value)
        plain = value is None or kind in (bool, int, float, str, bytes, TensorInfo)
        require(plain, "it holds a piece of a tensor or a function where a value should be")
        return value
