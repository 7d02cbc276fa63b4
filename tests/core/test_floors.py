"""The house rules: who may import whom, what stays free of torch and Qt, what no module may do."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path for room in ("trainer_core", "app", "resources") for path in (ROOT / room).rglob("*.py"))
CORE = [path for path in MODULES if path.is_relative_to(ROOT / "trainer_core")]

# Rooms of trainer_core by floor. A room may use rooms of lower floors and itself; what is not named here is
# a verb of the tools (upscale, inspect, …), on the floor of training.
FLOORS: tuple[tuple[set[str], ...], ...] = (
    ({"", "errors", "schema", "presets", "config", "settings"}, {"export_options"}),
    ({"files"}, {"environment"}),  # durable writing; knows nothing of this program
    ({"events", "previews"}, {"control"}, {"data"}, {"camera"}, {"model"}),
    ({"weights"}, {"sinks"}, {"workspace"}, {"realism"}, {"picture_files"}, {"preview_photos"}),
    ({"training"},),
    ({"cli", "__main__"}, {"tools"}),
)
TORCH_FREE = (  # noqa: SIM905
    "errors schema config presets settings events control files workspace data sinks cli tools picture_files "
    "run_models export_options previews preview_photos elsewhere resumable"
).split()


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything a module imports, also inside functions."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def room_of(name: str) -> str:
    """The room of a dotted name below trainer_core; "" for what is written in its __init__."""
    room = [*name.split("."), ""][1]
    here = ROOT / "trainer_core" / room
    return room if here.is_dir() or here.with_suffix(".py").exists() else ""


def place_of(room: str) -> tuple[int, set[str]]:
    for floor, rooms in enumerate(FLOORS):
        for names in rooms:
            if room in names:
                return floor, names
    return len(FLOORS) - 2, {room}


def test_a_module_uses_only_floors_below_or_its_own_room() -> None:
    wrong = []
    for path in CORE:
        floor, own = place_of(room_of(name_of(path)))
        for line, imported in imports_of(path):
            room = room_of(imported) if imported.split(".")[0] == "trainer_core" else None
            if room is not None and room not in own and place_of(room)[0] >= floor:
                wrong.append(f"{name_of(path)}:{line} uses {imported}")
    assert not wrong


def test_the_core_never_imports_the_window() -> None:
    forbidden = {"app", "PySide6", "shiboken6", "pyqtgraph"}
    wrong = [f"{p}:{line} {name}" for p in CORE for line, name in imports_of(p) if name.split(".")[0] in forbidden]
    assert not wrong


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_at_most_400_lines_long_and_says_what_it_is_for(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= 400
    assert not source.strip() or ast.get_docstring(tree_of(path)), "no docstring"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_can_be_read_by_python_3_9(path: Path) -> None:
    tree = tree_of(path)  # a match statement or a parenthesised `with` is a syntax error there
    annotated = any(isinstance(n, (ast.AnnAssign, ast.arg)) and n.annotation for n in ast.walk(tree))
    future = any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in tree.body)
    assert future or not annotated, "needs: from __future__ import annotations"
    too_new = {"zip": {"strict"}, "dataclass": {"slots", "kw_only"}}
    for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        keywords = {k.arg for k in call.keywords}
        assert not keywords & too_new.get(ast.unparse(call.func).split(".")[-1], set()), f"line {call.lineno}"


def test_only_the_command_line_reads_sys_argv() -> None:
    allowed = {"trainer_core.cli", "trainer_core.tools", "trainer_core.__main__"}
    for path in CORE:
        if name_of(path) not in allowed:
            reads = [
                n for n in ast.walk(tree_of(path)) if isinstance(n, ast.Attribute) and ast.unparse(n) == "sys.argv"
            ]
            assert not reads, f"{path} reads sys.argv"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_unpickles_evaluates_or_asks_a_shell(path: Path) -> None:
    for call in (n for n in ast.walk(tree_of(path)) if isinstance(n, ast.Call)):
        function = ast.unparse(call.func)
        keywords = {k.arg: ast.unparse(k.value) for k in call.keywords}
        where = f"{path.name}:{call.lineno} {function}"
        assert function not in {"eval", "exec", "os.system", "os.popen"}, where
        assert not function.startswith(("pickle.", "cPickle.", "marshal.", "shelve.")), where
        assert function not in {"torch.jit.load", "torch.export.load", "torch.package.PackageImporter"}, where
        assert keywords.get("shell") in (None, "False"), where
        assert keywords.get("allow_pickle") in (None, "False"), where
        assert function != "torch.load" or keywords.get("weights_only") == "True", where


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def blocking(*names: str) -> str:
    return "import sys, runpy; " + "".join(f"sys.modules[{name!r}] = None; " for name in names)


def test_what_must_not_need_torch_can_be_imported_without_it() -> None:
    names = [name_of(p) for p in CORE if room_of(name_of(p)) in TORCH_FREE]
    assert len(names) > 15
    done = run_python(blocking("torch") + f"[__import__(name) for name in {names!r}]")
    assert done.returncode == 0, done.stderr


def test_the_network_s_description_does_not_import_torch() -> None:
    assert "torch" not in {name.split(".")[0] for _, name in imports_of(ROOT / "trainer_core" / "model" / "spec.py")}


def test_the_whole_core_can_be_imported_without_qt() -> None:
    pytest.importorskip("torch")
    names = [name_of(p) for p in CORE if not name_of(p).endswith("__main__")]
    done = run_python(blocking("PySide6", "pyqtgraph", "app") + f"[__import__(name) for name in {names!r}]")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["trainer_core", "trainer_core.tools"])
def test_help_and_usage_errors_need_neither_torch_nor_qt(module: str) -> None:
    start = blocking("torch", "PySide6", "pyqtgraph") + f"runpy.run_module({module!r}, run_name='__main__')"
    helped = run_python(start, "--help")
    assert helped.returncode == 0, helped.stderr
    assert "usage" in helped.stdout.lower()
    wrong = run_python(start, "--no-such-option")
    assert wrong.returncode == 2, wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert wrong.stdout == ""
