"""The built-in models: which are present, which one is chosen, what is said when one is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.core.starter_files import make_starter, use_starters
from trainer_core.errors import NewerFileError, UserError
from trainer_core.starters.card import read_card
from trainer_core.starters.registry import choose_nearest_starter, choose_starter, find_starter, find_starters
from trainer_core.watches import WQV1, WQV10
from trainer_core.weights.programs import find_scale_marks


def test_starters_are_listed_by_watch_and_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_starters(monkeypatch, tmp_path, "wqv10_x2", "wqv1_x8", "wqv1_x2")
    (tmp_path / "wqv10_x8_starter.json").write_text("{}", encoding="utf-8")  # without a weight file
    (tmp_path / "wqv10_x4_starter.pth").write_bytes(b"without a card")
    assert [s.name for s in find_starters()] == ["wqv1_x2_starter", "wqv1_x8_starter", "wqv10_x2_starter"]
    assert [find_scale_marks(s.name) for s in find_starters()] == [(2,), (8,), (2,)]


def test_a_missing_starter_is_named_with_those_that_are_present(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_starters(monkeypatch, tmp_path, "wqv10_x4", "wqv1_x8", "wqv1_x4", "wqv1_x2")
    assert choose_starter(WQV1, 8).name == "wqv1_x8_starter"
    with pytest.raises(UserError) as caught:
        choose_starter(WQV10, 2)
    assert str(caught.value) == (
        "There is no built-in model for the color watch (WQV-3, WQV-10) at x2. Built-in models exist for the mono "
        "watch at x2, x4 and x8 and for the color watch at x4. Choose one of these, or a weight file of your own."
    )
    use_starters(monkeypatch, tmp_path / "empty")
    with pytest.raises(
        UserError, match=r"^This installation has no built-in models\. Choose a weight file of your own\.$"
    ):
        choose_starter(WQV1, 4)


def test_the_nearest_scale_is_the_next_larger_one_else_the_largest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_starters(monkeypatch, tmp_path, "wqv1_x2", "wqv1_x8", "wqv10_x4")
    assert [choose_nearest_starter(WQV1, scale).scale for scale in (2, 4, 8)] == [2, 8, 8]
    assert [choose_nearest_starter(WQV10, scale).scale for scale in (2, 4, 8)] == [4, 4, 4]


def test_a_starter_is_found_by_its_name_and_its_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_starters(monkeypatch, tmp_path, "wqv1_x4")
    for name in ("wqv1_x4_starter", "wqv1_x4"):
        found = find_starter(name)
        assert found is not None and found.name == "wqv1_x4_starter"
    assert find_starter("wqv1_x4.pth") is None and find_starter("harbor_x4") is None
    with pytest.raises(UserError, match="no built-in model for the color watch"):
        find_starter("wqv10_x2")


def test_a_changed_weight_file_is_not_intact(tmp_path: Path) -> None:
    path = make_starter(tmp_path, mono=True, scale=4)
    starter = read_card(path.with_suffix(".json"))
    assert starter.is_intact and starter.spec.num_feat == 8
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert not starter.is_intact


def test_a_card_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path) -> None:
    card = make_starter(tmp_path, mono=True, scale=4, schema=2).with_suffix(".json")
    with pytest.raises(NewerFileError, match="Update this program"):
        read_card(card)
    for entries in ({"watch": "wqv5"}, {"network": {"features": 3}}, {"mirrors": None}, {"measured": [{"psnr": 3}]}):
        make_starter(tmp_path, mono=True, scale=4, **entries)
        with pytest.raises(UserError, match=r"wqv1_x4_starter.json is incomplete .*\. Install the program again"):
            read_card(card)
    card.write_text("[]", encoding="utf-8")
    with pytest.raises(UserError, match="Install the program again"):
        read_card(card)
