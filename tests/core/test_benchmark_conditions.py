"""Every benchmark prints the conditions of its figures."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import conditions
from trainer_core.machine import name_processor

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [
    path for path in sorted((ROOT / "benchmarks").glob("*.py")) if '__name__ == "__main__"' in path.read_text("utf-8")
]


def test_the_conditions_name_processor_load_torch_date_and_commit() -> None:
    pytest.importorskip("torch")
    text = conditions.describe_conditions()
    assert text.startswith(f"{name_processor()}, ")
    assert re.search(
        r"\d+ processors, .+, load .+, torch \d[^ ]+, \d{4}-\d\d-\d\d, (commit [0-9a-f]{7,}|no commit)", text
    )


def test_a_changed_file_and_a_folder_without_git_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "_ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert conditions._describe_commit() == "no commit"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=A", "-c", "user.email=a@b"]
    (tmp_path / "a.py").write_text("1")
    for words in (["init", "-q"], ["add", "a.py"], ["commit", "-qm", "Add a"]):
        subprocess.run([*git, *words], check=True)
    assert re.fullmatch(r"commit [0-9a-f]{7,}", conditions._describe_commit())
    (tmp_path / "a.py").write_text("2")
    assert conditions._describe_commit().endswith(" with changes")


def iterate_prints(node: ast.AST, functions: dict[str, ast.FunctionDef]) -> Iterator[ast.Call]:
    """Yield the calls of `print` in the order in which they run, with those of the script's functions that are called.

    The body of an `if` that ends with `return` is left out: a child process, or a command that measures nothing.
    """
    if isinstance(node, (ast.FunctionDef, ast.Lambda)):
        return
    children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Return):
        children = [node.test, *node.orelse]
    for child in children:
        yield from iterate_prints(child, functions)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "print":
            yield node
        called = functions.pop(node.func.id, None)  # its first call counts
        for statement in called.body if called else []:
            yield from iterate_prints(statement, functions)


def find_first_print(source: str) -> str:
    """Return the first call of `print` of a script that is started."""
    statements = ast.parse(source).body
    functions = {statement.name: statement for statement in statements if isinstance(statement, ast.FunctionDef)}
    (start,) = (
        statement for statement in statements if isinstance(statement, ast.If) and "__main__" in ast.dump(statement)
    )
    return ast.unparse(next(iterate_prints(start, functions)))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_prints_the_conditions_above_its_figures(script: Path) -> None:
    assert "describe_conditions()" in find_first_print(script.read_text("utf-8"))


def test_figures_above_the_conditions_are_found() -> None:
    source = """
def main():
    if child:
        print(1)
        return
    measure()
    print(describe_conditions())

def measure():
    for figure in figures:
        print(figure)

if __name__ == "__main__":
    sys.exit(main())
"""
    assert find_first_print(source) == "print(figure)"
    assert find_first_print(source.replace("    measure()\n", "")) == "print(describe_conditions())"


def test_there_are_benchmarks() -> None:
    assert len(SCRIPTS) > 15
