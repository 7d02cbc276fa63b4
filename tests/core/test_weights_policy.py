"""One place opens weight files: no other module knows how."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path for room in ("trainer_core", "app", "resources") for path in (ROOT / room).rglob("*.py"))
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "zipfile"}
FORBIDDEN_CALLS = {"torch.load", "torch.jit.load", "torch.export.load", "torch.hub.load", "np.load", "numpy.load"}
WEIGHTS = ROOT / "trainer_core" / "weights"
OPENERS = {WEIGHTS / "container" / "reader.py"}
WRITER = WEIGHTS / "container" / "writer.py"


def names_in(tree: ast.Module) -> set[str]:
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, (ast.Attribute, ast.Name))}


def test_the_writer_writes_pickles_and_archives_but_reads_none() -> None:
    tree = ast.parse(WRITER.read_text("utf-8"))
    used = {name for name in names_in(tree) if name.startswith(("pickle.", "zipfile."))}
    assert used == {"pickle.Pickler", "zipfile.ZipFile", "zipfile.ZipInfo"}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    modes = [ast.unparse(call.args[1]) for call in calls if ast.unparse(call.func).endswith(("ZipFile", ".open"))]
    assert modes == ["'w'", "'w'"]


def test_nothing_that_unpickles_or_unzips_is_imported_or_called() -> None:
    for path in MODULES:
        if path == WRITER:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & FORBIDDEN_IMPORTS, path
            if isinstance(node, ast.ImportFrom) and node.module:
                assert node.module.split(".")[0] not in FORBIDDEN_IMPORTS, path
                taken = {alias.name for alias in node.names}
                assert node.module != "torch" or not taken & {"load", "jit", "package", "export"}, path
                assert not node.module.startswith("safetensors") or taken <= {"save", "save_file"}, path
        assert not names_in(tree) & FORBIDDEN_CALLS, path


def test_of_the_weights_only_the_reader_opens_files() -> None:
    assert all(path.is_file() for path in OPENERS)
    for path in WEIGHTS.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        opened = {ast.unparse(call.func) for call in calls} & {"open", "os.open", "io.open", "mmap.mmap"}
        reads = [call for call in calls if ast.unparse(call.func).endswith((".read_bytes", ".read_text", ".fromfile"))]
        assert path in OPENERS or (not opened and not reads), path
