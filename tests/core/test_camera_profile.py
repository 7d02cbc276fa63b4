"""Camera profiles: what is accepted, and what is said about the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest

from trainer_core.camera.profile import BUILTIN_PROFILES, CameraProfile
from trainer_core.errors import UserError


@pytest.mark.parametrize("name", BUILTIN_PROFILES)
def test_builtin_profiles_survive_writing_and_reading(name: str, tmp_path: Path) -> None:
    profile = CameraProfile.builtin(name)
    path = tmp_path / "watch.json"
    path.write_text(json.dumps(profile.to_json()), encoding="utf-8")
    assert CameraProfile.load(path) == profile


def test_a_profile_without_a_name_is_called_after_its_file(tmp_path: Path) -> None:
    data = CameraProfile.builtin("wqv1").to_json()
    del data["name"], data["notes"]
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    assert CameraProfile.load(path).name == "mine"


def test_a_profile_from_before_a_parameter_existed_means_what_it_meant(tmp_path: Path) -> None:
    data = CameraProfile.builtin("wqv1").to_json()
    del data["ranges"]["sharpen_bias"]
    path = tmp_path / "old.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    assert CameraProfile.load(path).ranges["sharpen_bias"] == (0.0, 0.0)


def _drop(data: Any) -> None:
    del data["ranges"]["gamma"]


def _set(section: str, key: str, value: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        data[section][key] = value

    return change


def _top(key: str, value: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        data[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_drop, "missing gamma"),
        (_set("ranges", "sharpness", [0, 1]), "unknown sharpness"),
        (_set("ranges", "gamma", [0.9, 0.5]), "must not exceed"),
        (_set("ranges", "gamma", [0.5, 9.0]), "between 0.2 and 2"),
        (_set("ranges", "gamma", [0.5]), r"\[low, high\]"),
        (_set("ranges", "gamma", 0.5), r"\[low, high\]"),
        (_set("ranges", "gain", [0.0, 1.0]), "between 0.01"),
        (_set("ranges", "gamma", [0.5, float("nan")]), "must be a number"),
        (_set("ranges", "gamma", [True, 1.0]), "must be a number"),
        (_set("chances", "indoor", 1.5), "between 0 and 1"),
        (_top("chances", {}), "missing indoor"),
        (_top("ranges", None), '"ranges" is missing'),
        (_top("kind", "infrared"), '"mono" or "color"'),
        (_top("kind", ["mono"]), '"mono" or "color"'),
        (_top("kind", "color"), "does not fit a color camera"),
        (_top("schema", 2), "newer version"),
        (_top("schema", "1"), '"schema" is'),
        (_top("name", 5), "must be text"),
    ],
)
def test_a_wrong_profile_is_refused_by_what_is_wrong(change: Callable[[Any], None], said: str, tmp_path: Path) -> None:
    data = CameraProfile.builtin("wqv1").to_json()
    change(data)
    path = tmp_path / "watch.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(UserError, match=said) as caught:
        CameraProfile.load(path)
    assert "watch.json" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"[1, 2]", b"{", b"[" * 200_000, b'{"schema": 1}'])
def test_a_file_that_is_no_profile_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "watch.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a camera profile"):
        CameraProfile.load(path)


def test_a_missing_or_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Cannot read"):
        CameraProfile.load(tmp_path / "none.json")
    huge = tmp_path / "huge.json"
    huge.write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(UserError, match="too large"):
        CameraProfile.load(huge)


def test_an_unknown_builtin_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="wqv1, wqv10"):
        CameraProfile.builtin("wqv99")


@pytest.mark.parametrize("name", BUILTIN_PROFILES)
def test_the_documentation_lists_every_parameter_with_its_builtin_range(name: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "camera.md").read_text(encoding="utf-8")
    table = text.split(f"### {name}\n")[1].split("\n#")[0]
    profile = CameraProfile.builtin(name)
    for parameter, (low, high) in profile.ranges.items():
        row = next(line for line in table.splitlines() if line.startswith(f"| `{parameter}` |"))
        assert f"| {low:g} – {high:g} |" in row
    for parameter, chance in profile.chances.items():
        assert f"| `{parameter}` |" in table and f"| {chance:g} |" in table
