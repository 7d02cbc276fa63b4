"""The workflows have not run yet, so what they call is called here or by .ci/run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import run as set_up
from trainer_core import __version__

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
CI_RUN = (ROOT / ".ci" / "run").read_text("utf-8")
# What a script names in place of the interpreter.
PYTHON = re.compile(r'(?:python3?|\.venv/bin/python|"\$PYTHON")\Z')
PUBLISHING = ("gh release create",)
SYSTEM = ("sudo apt-get", "mkdir", "case")


def scripts_of(workflow: Path) -> list[str]:
    """The commands of all steps, one for each line of a script; continued lines are joined."""
    text = workflow.read_text("utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^ +run: (?:\|\n((?:^ {10}.*\n)+)|'?(.+?)'?$)", text, re.MULTILINE)
    return [line.strip() for block, line in blocks for line in (block or line).splitlines()]


SCRIPTS = [line for workflow in WORKFLOWS for line in scripts_of(workflow)]


def test_every_step_that_runs_something_is_found() -> None:
    steps = sum(workflow.read_text("utf-8").count(" run: ") for workflow in WORKFLOWS)
    assert len(WORKFLOWS) == 2 and len(SCRIPTS) >= steps > 8


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script[:60])
def test_what_a_workflow_calls_is_run_before_each_change(script: str) -> None:
    if script.startswith((*PUBLISHING, *SYSTEM)):
        return
    if script == ".ci/run":
        assert os.access(ROOT / script, os.X_OK) or os.name == "nt"
        return
    program, *words = shlex.split(script, posix=False)
    assert PYTHON.match(program), script
    if words[0] == "run.py":
        assert f"python3 {words[0]} {words[1]}" in CI_RUN
    else:
        assert words[:2] == ["-m", "release.notes"] or f"-m {words[1]}" in CI_RUN  # the notes are made below


def test_the_packages_that_a_workflow_installs_are_those_of_run_py() -> None:
    (code,) = {code for script in SCRIPTS for code in re.findall(r'python -c "(.+?)"', script)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [*set_up.QT_LIBRARIES.values(), *set_up.TEST_PROGRAMS.values()]


def test_the_notes_of_this_version_are_made_once_it_has_a_date() -> None:
    command = [sys.executable, "-m", "release.notes", f"v{__version__}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    if done.returncode == 0:
        assert "### Added" in done.stdout
    else:
        assert "Write the date of the release there" in done.stderr


@pytest.mark.parametrize(("tag", "kind"), [("v1.0.0rc1", "--prerelease"), ("v1.0.0", "--latest")])
@pytest.mark.skipif(os.name != "posix", reason="a script of a shell")
def test_a_release_candidate_is_no_latest_release(tag: str, kind: str) -> None:
    (script,) = [line for line in SCRIPTS if line.startswith("case ")]
    command = ["bash", "-c", f'{script}\necho "$kind"']
    done = subprocess.run(command, env={**os.environ, "GITHUB_REF_NAME": tag}, capture_output=True, text=True)
    assert done.stdout.strip() == kind


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_each_question_of_an_issue_form_is_complete_and_has_a_name_of_its_own(form: Path) -> None:
    head, *elements = re.split(r"^  - type: ", form.read_text("utf-8"), flags=re.MULTILINE)
    assert re.findall(r"^(\w+):", head, re.MULTILINE) == ["name", "description", "labels", "body"]
    questions = [element for element in elements if not element.startswith("markdown\n")]
    names = [re.findall(r"^    id: (\w+)$", question, re.MULTILINE) for question in questions]
    assert questions and len({name for (name,) in names}) == len(questions)
    for question in questions:
        assert question.startswith(("textarea\n", "dropdown\n", "input\n"))
        assert re.search(r"^      label: \S", question, re.MULTILINE)
        assert question.startswith("dropdown\n") == bool(
            re.search(r"^      options:\n        - ", question, re.MULTILINE)
        )


def test_the_issue_form_requires_the_report_and_names_what_the_program_has() -> None:
    text = " ".join((ROOT / ".github" / "ISSUE_TEMPLATE" / "fault.yml").read_text("utf-8").split())
    report = text.partition("id: report")[2].partition(" - type: ")[0]
    assert "validations: required: true" in report
    window = "\n".join(path.read_text("utf-8") for path in (ROOT / "app").rglob("*.py"))
    for entry in ("Copy", "Save report", "Show report", "About", "Copy as command"):
        assert entry in text and re.search(f'"[^"]*{entry}', window.replace("&", "")), entry
    scripts = (ROOT / "pyproject.toml").read_text("utf-8")
    assert all(f"{name} =" in scripts for name in re.findall(r"wqv-[a-z-]+", text))
