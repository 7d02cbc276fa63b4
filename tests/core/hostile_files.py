"""Weight files that mean harm or are broken, made byte by byte: nothing here needs torch or runs anything."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

LEGACY_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
ORDERED = b"ccollections\nOrderedDict\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
FLOATS = struct.pack("<8f", *range(8))


# -- pickles -----------------------------------------------------------------------------------


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def tuple_of(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def dict_of(**items: bytes) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def storage(numel: int = 8, kind: bytes = b"FloatStorage", key: str = "0", *more: bytes) -> bytes:
    return tuple_of(text("storage"), b"ctorch\n" + kind + b"\n", text(key), text("cpu"), number(numel), *more) + b"Q"


def tensor(
    shape: tuple[int, ...] = (2, 4), stride: tuple[int, ...] = (4, 1), offset: int = 0, store: bytes | None = None
) -> bytes:
    sizes, steps = (tuple_of(*map(number, numbers)) for numbers in (shape, stride))
    arguments = (storage() if store is None else store, number(offset), sizes, steps, b"\x89", ORDERED + b")R")
    return REBUILD + tuple_of(*arguments) + b"R"


def pickle(body: bytes, protocol: int = 2) -> bytes:
    return b"\x80" + bytes([protocol]) + body + b"."


def call(module: str, name: str, *arguments: bytes) -> bytes:
    return f"c{module}\n{name}\n".encode() + tuple_of(*arguments) + b"R"


GOOD = pickle(dict_of(weight=tensor()))


# -- archives ----------------------------------------------------------------------------------


def archive(
    data_pkl: bytes = GOOD, values: bytes | None = FLOATS, compression: int = zipfile.ZIP_STORED, **more: bytes
) -> bytes:
    """What torch.save writes, in the essentials; `more` are records by name with "_" for "/"."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        file.writestr("archive/data.pkl", data_pkl)
        if values is not None:
            file.writestr("archive/data/0", values)
        for name, content in more.items():
            file.writestr("archive/" + name.replace("__", "/"), content)
    return buffer.getvalue()


def patched(data: bytes, old: bytes, new: bytes, *, last: bool = False) -> bytes:
    at = data.rfind(old) if last else data.find(old)
    assert at >= 0
    return data[:at] + new + data[at + len(old) :]


def with_entry_field(offset: int, form: str, value: int, *, which: bytes = b"PK\1\2") -> bytes:
    """A good archive with one figure of its first directory entry (or other structure) replaced."""
    data = bytearray(archive())
    struct.pack_into(form, data, data.find(which) + offset, value)
    return bytes(data)


def legacy(
    body: bytes | None = None,
    keys: bytes = b"](" + text("0") + b"e",
    values: bytes = FLOATS,
    numel: int = 8,
    little: bytes = b"\x88",
    version: int = 1001,
) -> bytes:
    """What torch.save wrote before 1.6."""
    body = dict_of(weight=tensor(store=storage(8, b"FloatStorage", "0", b"N"))) if body is None else body
    head = LEGACY_MAGIC + pickle(number(version)) + pickle(dict_of(little_endian=little))
    return head + pickle(body) + pickle(keys) + struct.pack("<q", numel) + values


def safetensors(header: object = None, values: bytes = FLOATS, length: int | None = None) -> bytes:
    header = {"w": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}} if header is None else header
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + values


def entry(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


# -- the collections ---------------------------------------------------------------------------


def code_runners(canary: str) -> Iterator[tuple[str, bytes]]:
    """Pickles that would create the file `canary`, or run something, by every route there is."""
    shell = text(f"touch {canary}")
    python = text(f"open({canary!r}, 'w')")
    calls = {
        "os.system": call("os", "system", shell),
        "posix.system": call("posix", "system", shell),
        "nt.system": call("nt", "system", shell),
        "eval": call("builtins", "eval", python),
        "eval-py2": call("__builtin__", "eval", python),
        "exec": call("builtins", "exec", python),
        "compile": call("builtins", "compile", python, text("x"), text("exec")),
        "popen": call("subprocess", "Popen", tuple_of(text("touch"), text(canary))),
        "getattr": call("__builtin__", "getattr", b"cos\npath\n", text("join")),
        "import": call("importlib", "import_module", text("antigravity")),
        "run-code": call("runpy", "_run_code", python, b"}"),
        "marshal": call("marshal", "loads", b"C\x01N"),
        "pickle": call("pickle", "loads", b"C\x01N"),
        "partial": call("functools", "partial", b"cos\nsystem\n", shell),
        "attrgetter": call("operator", "attrgetter", text("system")),
        "torch.load": call("torch", "load", text(canary)),
        "torch.hub": call("torch.hub", "load_state_dict_from_url", text("http://localhost/x")),
        "jit": call("torch.jit", "load", text(canary)),
        "dotted": call("collections", "OrderedDict.fromkeys", b"]"),
        "reconstructor": call("copyreg", "_reconstructor", b"c__builtin__\nobject\n", b"c__builtin__\nobject\n", b"N"),
        "numpy": call("numpy.core.multiarray", "_reconstruct", b"cnumpy\nndarray\n", tuple_of(number(0)), b"C\x01b"),
        "path": call("pathlib", "PosixPath", text("/")),
        "url": call("urllib.request", "urlopen", text("http://localhost/")),
        "browser": call("webbrowser", "open", text("http://localhost/")),
        "thread": call("_thread", "start_new_thread", b"cos\nabort\n", b")"),
        "signal": call("os", "kill", number(0), number(9)),
    }
    yield from ((f"call {name}", archive(pickle(dict_of(weight=body)))) for name, body in calls.items())
    yield "stack global", archive(pickle(text("os") + text("system") + b"\x93" + tuple_of(shell) + b"R", 4))
    yield "inst", archive(pickle(b"(" + shell + b"ios\nsystem\n"))
    yield "obj", archive(pickle(b"(cos\nsystem\n" + shell + b"o"))
    yield "newobj", archive(pickle(b"cos\nsystem\n" + tuple_of(shell) + b"\x81"))
    yield "newobj ex", archive(pickle(b"cos\nsystem\n" + tuple_of(shell) + b"}\x92", 4))
    yield "extension", archive(pickle(b"\x82\x01" + tuple_of(shell) + b"R"))
    yield "bare name", archive(pickle(b"cos\nsystem\n"))
    yield "in the storage", archive(pickle(dict_of(w=tensor(store=tuple_of(text("storage"), b"cos\nsystem\n") + b"Q"))))
    yield "in the hooks", archive(GOOD[:-1] + b"0" + calls["os.system"] + b".")
    yield "on a key", archive(pickle(b"}(" + calls["os.system"] + b"Nu"))
    yield "text persistent id", archive(pickle(b"P0\n"))
    yield "legacy", legacy(dict_of(weight=calls["os.system"]))
    yield "legacy head", LEGACY_MAGIC + pickle(calls["os.system"])
    yield "legacy keys", legacy(keys=calls["os.system"])
    yield "bare pickle", pickle(calls["os.system"])
    yield "bare pickle 4", pickle(calls["os.system"], 4)
    yield "built state", archive(pickle(call("argparse", "Namespace") + dict_of(x=shell) + b"b"))


def oversized_files() -> Iterator[tuple[str, bytes]]:
    """Small files that ask for much memory or time."""
    yield "bytearray", archive(pickle(call("builtins", "bytearray", number(1 << 30))))
    yield "tensor call", archive(pickle(call("torch", "FloatTensor", number(1 << 33))))
    yield "stride 0", archive(pickle(dict_of(w=tensor((1 << 20, 1 << 20), (0, 0)))))
    yield "overlap", archive(pickle(dict_of(w=tensor((4, 4), (1, 1)))))
    yield "deflated", archive(GOOD, bytes(1 << 20), zipfile.ZIP_DEFLATED)
    yield "deep lists", archive(pickle(b"]" * 200_000 + b"a" * 199_999))
    yield "deep tuples", archive(pickle(b")" + b"\x85" * 200_000))
    yield "deep dicts", archive(pickle(b"}" + (text("a") + b"}") * 20 + b"s" * 20))
    yield "marks", archive(pickle(b"(" * 490_000))
    yield "many operations", archive(pickle(b"N0" * 300_000 + b"N"))
    yield "self-containing list", archive(pickle(b"]q\x00h\x00a"))
    yield "self-containing dict", archive(pickle(b"}q\x00" + text("a") + b"h\x00s"))
    doubled = b"]q\x00" + b"".join(b"](h" + bytes([k]) + b"h" + bytes([k]) + b"eq" + bytes([k + 1]) for k in range(60))
    yield "60 doublings", archive(pickle(doubled))
    wide = (
        b"]("
        + b"N" * 1000
        + b"eq\x00"
        + b"".join(b"](" + b"h" + bytes([k]) * 1 + b"eq" + bytes([k + 1]) for k in range(3))
    )
    yield "wide graph", archive(pickle(wide + b"0](" + b"h\x03" * 1000 + b"e"))
    yield (
        "encode again and again",
        archive(
            pickle(
                b"]("
                + text("x" * 100_000)
                + b"q\x00"
                + (b"c_codecs\nencode\n(h\x00" + text("latin1") + b"tR") * 5000
                + b"e"
            )
        ),
    )
    pairs = b"](" + b"](U\x01aNe" * 1000 + b"eq\x01"
    yield "pairs again and again", archive(pickle(b"](" + pairs + (ORDERED + b"(h\x01tR") * 5000 + b"e"))
    clashing = b"".join(number(k * ((1 << 61) - 1)) + b"N" for k in range(1, 20_000))
    yield "keys with one hash", archive(pickle(b"}(" + clashing + b"u"))
    yield "long text", archive(pickle(b"\x8d" + struct.pack("<Q", 1 << 62)))
    yield "long bytes", archive(pickle(b"B" + struct.pack("<I", (1 << 32) - 1)))
    yield "long integer", archive(pickle(b"\x8b" + struct.pack("<i", (1 << 31) - 1)))
    yield "legacy size lie", legacy(numel=1 << 40)
    yield "legacy without keys", legacy(dict_of(w=tensor((1 << 27,), (1,), store=storage(1 << 27))), keys=b"]")
    yield "safetensors length", safetensors(length=1 << 62)
    yield "safetensors deep header", safetensors(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    yield (
        "safetensors many digits",
        safetensors(b'{"w":{"dtype":"F32","shape":[' + b"9" * 900_000 + b'],"data_offsets":[0,32]}}'),
    )
    yield "safetensors large header", safetensors(b"{" + b" " * (3 << 20) + b"}")


def inconsistent_files() -> Iterator[tuple[str, bytes]]:
    """Files whose figures do not agree, or that other programs would read differently."""
    good = archive()
    end = good.rfind(b"PK\5\6")
    yield "offset beyond", archive(pickle(dict_of(w=tensor(offset=1))))
    yield "negative offset", archive(pickle(dict_of(w=tensor(offset=-1))))
    yield "negative stride", archive(pickle(dict_of(w=tensor(stride=(4, -1)))))
    yield "huge shape", archive(pickle(dict_of(w=tensor((1 << 40, 1 << 40), (1 << 40, 1)))))
    yield "shape without strides", archive(pickle(dict_of(w=tensor((2, 4), (4,)))))
    yield "nine dimensions", archive(pickle(dict_of(w=tensor((1,) * 9, (1,) * 9))))
    yield (
        "shape of text",
        archive(pickle(dict_of(w=REBUILD + tuple_of(storage(), number(0), tuple_of(text("8")), b")", b"N") + b"R"))),
    )
    yield "record too short", archive(values=FLOATS[:-4])
    yield "record too long", archive(values=FLOATS + bytes(4))
    yield "record missing", archive(values=None)
    two = dict_of(a=tensor(), b=tensor((8,), (1,), store=storage(8, b"IntStorage")))
    yield "one storage, two types", archive(pickle(two))
    yield "big-endian", archive(byteorder=b"big")
    yield "TorchScript", archive(GOOD, FLOATS, zipfile.ZIP_STORED, constants__x=b"", **{"constants.pkl": GOOD})
    yield "program", archive(code____torch__=b"")
    yield "two pickles", archive(GOOD, FLOATS, zipfile.ZIP_STORED, inner__data__x=b"", **{"inner__data.pkl": GOOD})
    buffer = io.BytesIO(good)
    with zipfile.ZipFile(buffer, "a") as file:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file.writestr("archive/data.pkl", pickle(dict_of(other=tensor())))
    yield "duplicate entry", buffer.getvalue()
    yield "other local name", patched(good, b"archive/data.pkl", b"archive/Data.pkl")
    yield "other central name", patched(good, b"archive/data/0", b"archive/data/1", last=True)
    yield "other local size", with_entry_field(22, "<I", 1, which=b"PK\3\4")
    yield "encrypted", with_entry_field(8, "<H", 1)
    yield "unknown method", with_entry_field(10, "<H", 99)
    yield "packed size", with_entry_field(20, "<I", 7)
    yield "place outside", with_entry_field(42, "<I", 1 << 31)
    yield "overlapping", with_entry_field(42, "<I", good.find(b"PK\3\4", 4))
    yield "record within a record", _nested()
    yield "too many entries", good[:end] + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, 1 << 20, 0, 0)
    yield "directory elsewhere", with_entry_field(16, "<I", 0, which=b"PK\5\6")
    yield "comment", good[:-2] + b"\4\0abcd"
    yield "split", with_entry_field(4, "<H", 1, which=b"PK\5\6")
    yield "two ends", good + good[end:]
    yield "surplus", good + b"x"
    yield "prefix", b"#!/bin/sh\n" + good
    yield "flipped value", patched(good, FLOATS, bytes([FLOATS[0] ^ 1]) + FLOATS[1:])
    yield "flipped pickle", patched(good, b"weight", b"weighu")
    yield "surplus in the pickle", archive(GOOD + b"N.")
    yield "not a number", archive(values=struct.pack("<8f", *[float("nan")] * 8))
    yield "infinity", archive(values=FLOATS[:-4] + struct.pack("<f", float("inf")))
    switches = pickle(dict_of(w=tensor((8,), (1,), store=storage(8, b"BoolStorage"))))
    yield "switch of 2", archive(switches, b"\2" * 8)
    yield "no data.pkl", archive()[:0] + _plain_zip()
    yield "legacy big-endian", legacy(little=b"\x89")
    yield "legacy version", legacy(version=7)
    yield "legacy surplus", legacy() + b"x"
    yield (
        "legacy view",
        legacy(dict_of(w=tensor(store=storage(8, b"FloatStorage", "0", tuple_of(text("1"), number(0), number(8)))))),
    )
    yield "legacy unused storage", legacy(dict_of(a=b"N"))
    yield "safetensors overlap", safetensors({"a": entry([8], 0, 32), "b": entry([4], 0, 16)})
    yield "safetensors overlap and hole", safetensors({"a": entry([4], 0, 16), "b": entry([4], 0, 16)})
    yield "safetensors hole", safetensors({"a": entry([4], 0, 16)})
    yield "safetensors beyond", safetensors({"a": entry([8], 32, 64)})
    yield "safetensors negative", safetensors({"a": entry([-8], 0, 32)})
    yield "safetensors fraction", safetensors(b'{"a":{"dtype":"F32","shape":[8.0],"data_offsets":[0,32]}}')
    yield "safetensors constant", safetensors(b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,32]}}')
    yield "safetensors size", safetensors({"a": entry([9], 0, 32)})
    yield "safetensors type", safetensors({"a": entry([8], 0, 32, "F8_E4M3")})
    yield "safetensors double", safetensors(b'{"a":%s,"a":%s}' % ((json.dumps(entry([8], 0, 32)).encode(),) * 2))
    yield "safetensors extra field", safetensors({"a": {**entry([8], 0, 32), "x": 1}})
    yield "safetensors metadata", safetensors({"__metadata__": {"a": 1}, "w": entry([8], 0, 32)})
    yield "safetensors text", safetensors(b"{\xff}")
    yield "safetensors surplus", safetensors() + b"x"
    yield "safetensors NaN", safetensors(values=struct.pack("<8f", *[float("nan")] * 8))


def foreign_files() -> Iterator[tuple[str, bytes]]:
    """Other things under a weight file's name."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as file:
        file.addfile(tarfile.TarInfo("storages"))
    yield "empty", b""
    yield "one byte", b"\x80"
    yield "JPEG", b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(500)
    yield "PNG", b"\x89PNG\r\n\x1a\n" + bytes(500)
    yield "web page", b"\n<!DOCTYPE html><html></html>"
    yield "git-lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    yield "gzip", b"\x1f\x8b" + zlib.compress(GOOD)
    yield "tar", tar.getvalue()
    yield "ONNX", b"\x08\x07\x12\x07pytorch" + bytes(500)
    yield "GGUF", b"GGUF" + bytes(500)
    yield "zeros", bytes(4096)
    yield "text", b"hello " * 100


def truncated() -> Iterator[tuple[str, bytes]]:
    """Good files cut at every 5 %."""
    for form, data in (("zip", archive()), ("legacy", legacy()), ("safetensors", safetensors())):
        yield from ((f"{form} cut at {part} %", data[: len(data) * part // 100]) for part in range(5, 100, 5))


def all_hostile(canary: str) -> dict[str, bytes]:
    """Every file by its name."""
    found = [*code_runners(canary), *oversized_files(), *inconsistent_files(), *foreign_files(), *truncated()]
    assert len({name for name, _ in found}) == len(found)
    return dict(found)


def _nested() -> bytes:
    """The values lie inside another record: what is changed in one changes in the other."""
    name = b"archive/data/0"
    inner = (
        struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, zlib.crc32(FLOATS), 32, 32, len(name), 0) + name + FLOATS
    )
    outer = archive(values=None, outer=inner)
    end = outer.rfind(b"PK\5\6")
    count, size, start = struct.unpack("<H2I", outer[end + 10 : end + 20])
    facts = (b"PK\1\2", 20, 20, 0, 0, 0, 0, zlib.crc32(FLOATS), 32, 32, len(name), 0, 0, 0, 0, 0, outer.find(inner))
    more = struct.pack("<4s6H3I5H2I", *facts) + name
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count + 1, count + 1, size + len(more), start, 0)
    return outer[:end] + more + tail


def _plain_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("readme.txt", "hello")
    return buffer.getvalue()
