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

# Rooms by floor, from the ground. A room is a package, or a module beside them; it may use itself and lower floors.
# docs/architecture.md shows the same map.
CORE_FLOORS: tuple[tuple[str, ...], ...] = (
    (
        "trainer_core",
        "errors",
        "environment",
        "files",
        "input_files",
        "machine",
        "events",
        "control",
        "randomness",
        "uploads",
        "torch_threads",
        "priority",
        "sleep_inhibitor",
        "watches",
        "requirements",
        "pasted_path",
        "workers",
        "signals",
    ),
    ("json_files", "pixels", "text", "thread_choice", "verdict"),
    ("settings", "data", "scenes", "camera", "model"),
    ("previews", "weights.container", "starters"),
    ("blind", "sinks", "weights.rrdb", "calibration"),
    ("workspace", "weights"),
    ("planning",),
    ("training", "verbs"),
    ("cli", "tool_options"),
    ("tools",),
    ("__main__",),
)
APP_FLOORS: tuple[tuple[str, ...], ...] = (
    ("app", "system"),
    ("widgets",),
    ("help", "runs"),
    ("form",),
    ("run",),
    ("charts", "preview"),
    ("enlarge", "simulation"),
    ("export",),
    ("drops", "menus"),
    ("window",),
    ("start",),
    ("__main__",),
)
TORCH_FREE = {  # rooms and modules that can be imported without torch
    "errors",
    "files",
    "input_files",
    "machine",
    "json_files",
    "requirements",
    "events",
    "control",
    "randomness",
    "settings",
    "data",
    "scenes",
    "previews",
    "starters",
    "blind",
    "sinks",
    "workspace",
    "planning",
    "cli",
    "tools",
    "tool_options",
    "verbs.photo_choice",
    "verbs.picture_files",
    "verbs.export_options",
    "verbs.inspect",
    "verbs.install",
    "verbs.output_files",
    "pixels",
    "uploads",
    "text",
    "pasted_path",
    "watches",
    "workers",
    "verdict",
    "signals",
    "weights.warm_start",
    "camera.profile",
    "camera.parameters",
    "calibration.captures",
    "calibration.clean_frames",
    "calibration.closeness",
}


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


def room_of(name: str, floors: tuple[tuple[str, ...], ...]) -> str:
    """The innermost room that the dotted name `name` lies in."""
    house, *parts = name.split(".")
    rooms = {room for floor in floors for room in floor}
    inner = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((room for room in inner if room in rooms), house if not is_module(house, parts) else parts[0])


def is_module(house: str, parts: list[str]) -> bool:
    """Whether the first part is a module or a package that no floor names."""
    place = ROOT / house / parts[0] if parts else ROOT
    return bool(parts) and (place.is_dir() or place.with_suffix(".py").exists())


def arrows_up(house: str, floors: tuple[tuple[str, ...], ...]) -> dict[tuple[str, str], str]:
    """(room, room it uses) -> where, for each import that does not lead to a lower floor."""
    floor_of = {room: number for number, floor in enumerate(floors) for room in floor}
    found = {}
    for path in (path for path in MODULES if path.is_relative_to(ROOT / house)):
        room = room_of(name_of(path), floors)
        assert room in floor_of, f"{name_of(path)} lies in no room of the map"
        for line, imported in imports_of(path):
            if imported.split(".")[0] == house:
                used = room_of(imported, floors)
                if used != room and floor_of[used] >= floor_of[room]:
                    found[room, used] = f"{name_of(path)}:{line}"
    return found


def test_a_room_of_the_core_uses_only_lower_floors() -> None:
    assert not arrows_up("trainer_core", CORE_FLOORS)


def test_a_room_of_the_window_uses_only_lower_floors() -> None:
    assert not arrows_up("app", APP_FLOORS)


def test_every_room_of_the_map_exists() -> None:
    for house, floors in (("trainer_core", CORE_FLOORS), ("app", APP_FLOORS)):
        for room in (room for floor in floors for room in floor if room != house):
            place = ROOT / house / room.replace(".", "/")
            assert place.is_dir() or place.with_suffix(".py").exists(), room


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
    tree = tree_of(path)  # a match statement or a parenthesized `with` is a syntax error there
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


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_data_decode_opens_image_files(path: Path) -> None:
    """It has the limits. Pillow and Qt would open anything of any size."""
    for call in (n for n in ast.walk(tree_of(path)) if isinstance(n, ast.Call)):
        function = ast.unparse(call.func)
        where = f"{path.name}:{call.lineno} {function}"
        assert not function.endswith(("Image.open", "QImageReader", "QMovie", ".fromData", ".loadFromData")), where
        assert function not in {"QImage", "QPixmap"} or len(call.args) > 1, where  # width and height, or a path


def test_files_are_opened_for_reading_in_input_files_only() -> None:
    """Anything else would wait for a pipe, or read a device without end."""
    # `files` copies what it has just written, `hardware`, `machine` and `priority` read files of the system.
    allowed = {
        "trainer_core.input_files",
        "trainer_core.files",
        "trainer_core.machine",
        "trainer_core.priority",
        "trainer_core.planning.hardware",
    }
    found = []
    for path in (path for path in MODULES if name_of(path) not in allowed and path.name != "crash_log.py"):
        for call in (n for n in ast.walk(tree_of(path)) if isinstance(n, ast.Call)):
            function, text = ast.unparse(call.func), ast.unparse(call)
            is_open = function in {"open", "io.open"} and not any(
                mode in text for mode in ("'wb'", "'rb+'", "'ab'", "'w'")
            )
            if is_open or function.endswith((".read_text", ".read_bytes", "np.load", "np.fromfile")):
                found.append(f"{name_of(path)}:{call.lineno} {text}")
    resources = [entry for entry in found if "resources" in entry]
    assert [entry for entry in found if entry not in resources] == [], "use open_regular or read_regular"


def test_outside_of_a_run_paths_are_asked_for_without_errors() -> None:
    """`Path.exists` and the like raise some errors, such as that of a lost network drive; os.path does not."""
    rooms = ("app", "trainer_core.planning", "trainer_core.verbs", "trainer_core.calibration", "trainer_core.previews")
    own_files = {"app.system.display"}
    found = [
        f"{name_of(path)}:{call.lineno} {ast.unparse(call)}"
        for path in MODULES
        if name_of(path).startswith(rooms) and name_of(path) not in own_files
        for call in ast.walk(tree_of(path))
        if isinstance(call, ast.Call) and not call.args and isinstance(call.func, ast.Attribute)
        if call.func.attr in ("exists", "is_dir", "is_file")
    ]
    assert found == [], "use os.path.exists, isdir or isfile"


def test_only_these_modules_can_reach_a_network() -> None:
    """SECURITY.md promises what they do; host names, addresses of files and the socket of a desktop reach nothing."""
    network = ("socket", "ssl", "http", "urllib.request", "ftplib", "asyncio", "torch.hub", "PySide6.QtNetwork")
    parts = tuple(f"{name}." for name in network)
    found = {name_of(path) for path in MODULES for _, name in imports_of(path) if f"{name}.".startswith(parts)}
    assert found == {
        "trainer_core.verbs.fetch",
        "trainer_core.blind.page",
        "trainer_core.pasted_path",
        "trainer_core.workspace.lock",
        "trainer_core.training.process_group",
        "trainer_core.sinks.tensorboard",
        "app.system.display",
    }


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def blocking(*names: str) -> str:
    return "import sys, runpy; " + "".join(f"sys.modules[{name!r}] = None; " for name in names)


def part_of(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def test_what_must_not_need_torch_can_be_imported_without_it() -> None:
    names = [name_of(p) for p in CORE if any(part_of(name_of(p), f"trainer_core.{room}") for room in TORCH_FREE)]
    assert len(names) > 40
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


def test_a_camera_profile_is_read_without_torch(tmp_path: Path) -> None:
    code = blocking("torch") + (
        "from pathlib import Path; from trainer_core.camera import BUILTIN_PROFILES, CameraProfile; import json\n"
        "written = Path(sys.argv[1]) / 'own.json'\n"
        "for name in BUILTIN_PROFILES:\n"
        "    profile = CameraProfile.builtin(name); written.write_text(json.dumps(profile.to_json()))\n"
        "    print(CameraProfile.load(written) == profile)"
    )
    done = run_python(code, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "True"]


def test_the_linter_checks_every_module() -> None:
    pytest.importorskip("ruff")
    command = [sys.executable, "-m", "ruff", "check", "--show-files"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {str(path) for path in MODULES} <= set(listed)
