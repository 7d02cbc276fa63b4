"""release/: the notes of a tag, and an sdist whose bytes depend on nothing but the files."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path

import pytest

from release.build import _rewrite_sdist
from release.notes import read_notes
from trainer_core import __version__

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG = """# Changelog

## 0.3.0 - 2027-01-02

### Added

- A thing.

## 0.2.0 - unreleased

- Another thing.
"""


def test_the_notes_of_a_tag_are_its_part_of_the_changelog() -> None:
    assert read_notes("v0.3.0", CHANGELOG, "0.3.0") == "### Added\n\n- A thing.\n"


@pytest.mark.parametrize(
    ("tag", "version", "reason"),
    [
        ("v0.3.0", "0.2.0", "is not v0.2.0"),
        ("0.3.0", "0.3.0", "is not v0.3.0"),
        ("v0.2.0", "0.2.0", "Write the date"),
        ("v0.4.0", "0.4.0", "no heading for 0.4.0"),
    ],
)
def test_a_tag_that_does_not_fit_is_refused(tag: str, version: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_notes(tag, CHANGELOG, version)


def test_the_newest_part_of_the_changelog_is_that_of_this_version() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert re.fullmatch(rf"{re.escape(__version__)} - (unreleased|\d{{4}}-\d\d-\d\d)", headings[0])


def make_sdist(path: Path, names: list[str], time: int, owner: str, mode: int) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uname, member.mode = len(name), time, owner, mode
            archive.addfile(member, io.BytesIO(name.encode()))


def test_order_time_owner_and_permissions_leave_no_trace_in_the_sdist(tmp_path: Path) -> None:
    make_sdist(tmp_path / "one.tar.gz", ["a", "b"], 1000, "anna", 0o664)
    make_sdist(tmp_path / "other.tar.gz", ["b", "a"], 2000, "otto", 0o600)
    for name in ("one", "other"):
        _rewrite_sdist(tmp_path / f"{name}.tar.gz", tmp_path / f"{name}.out", 5000)
    assert (tmp_path / "one.out").read_bytes() == (tmp_path / "other.out").read_bytes()
    with tarfile.open(tmp_path / "one.out") as archive:
        found = [(member.name, member.mode, member.mtime) for member in archive]
    assert found == [("a", 0o644, 5000), ("b", 0o644, 5000)]
