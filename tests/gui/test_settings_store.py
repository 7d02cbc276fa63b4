"""The window's own store: a damaged one is copied before the next write replaces it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.system.settings_store import open_settings_store, set_aside_damaged_store


@pytest.mark.parametrize("content", [bytes(3000), b"\xff\xfe[General\n", b"[General]\na\x07b=\xf0\x9f\n", b"x\x01=1\n"])
def test_a_damaged_store_is_copied_before_it_is_replaced(content: bytes) -> None:
    path = Path(open_settings_store().fileName())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    copy = set_aside_damaged_store()
    store = open_settings_store()
    store.setValue("theme", "dark")
    store.sync()
    assert copy is not None and copy.read_bytes() == content
    assert path.read_bytes() != content and open_settings_store().value("theme") == "dark"


def test_a_good_or_a_missing_store_is_not_copied() -> None:
    path = Path(open_settings_store().fileName())
    path.unlink(missing_ok=True)
    assert set_aside_damaged_store() is None
    store = open_settings_store()
    store.setValue("theme", "dark")
    store.sync()
    assert set_aside_damaged_store() is None
    assert [file.name for file in path.parent.glob("*damaged*")] == []
