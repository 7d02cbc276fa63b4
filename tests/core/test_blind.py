"""The blind comparison: its order, its interval, its page, its file, and the verb."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from trainer_core.blind import session as session_module
from trainer_core.blind.comparison import EQUAL, FIRST, LEFT, RIGHT, SECOND, BlindComparison, preference_interval
from trainer_core.blind.page import UNDO, BlindPage
from trainer_core.blind.record import ComparedModel, choose_record_path, read_compared_model, write_record
from trainer_core.blind.session import BlindSession
from trainer_core.errors import UserError
from trainer_core.starters import registry
from trainer_core.tools import main

NAMES = [f"photo{number}" for number in range(12)]


def answer_all(comparison: BlindComparison, prefer_first: int) -> None:
    """Prefer the first model in the first pairs, then the second."""
    while comparison.pair is not None:
        wants_first = comparison.number < prefer_first
        comparison.answer(LEFT if wants_first == comparison.pair.first_is_left else RIGHT)


def test_every_photo_comes_once_and_each_model_is_left_half_of_the_time() -> None:
    comparison = BlindComparison(NAMES, seed=5)
    assert sorted(pair.index for pair in comparison.pairs) == list(range(12))
    assert all(pair.name == NAMES[pair.index] for pair in comparison.pairs)
    assert sum(pair.first_is_left for pair in comparison.pairs) == 6
    assert [pair.index for pair in comparison.pairs] != list(range(12))
    other = BlindComparison(NAMES, seed=6)
    assert [pair.index for pair in other.pairs] != [pair.index for pair in comparison.pairs]


def test_fewer_pairs_are_chosen_at_random() -> None:
    comparison = BlindComparison(NAMES, seed=5, count=4)
    assert len(comparison.pairs) == 4
    chosen = {tuple(sorted(p.index for p in BlindComparison(NAMES, seed=s, count=4).pairs)) for s in range(5)}
    assert len(chosen) > 1


def test_answers_count_for_the_model_not_for_the_side() -> None:
    comparison = BlindComparison(NAMES, seed=5)
    answer_all(comparison, prefer_first=9)
    assert (comparison.result.first, comparison.result.second, comparison.result.equal) == (9, 3, 0)
    assert [preference for _, preference in comparison.preferences] == [FIRST] * 9 + [SECOND] * 3


def test_an_answer_can_be_undone() -> None:
    comparison = BlindComparison(NAMES, seed=5)
    comparison.undo()
    first = comparison.pair
    comparison.answer(EQUAL)
    assert comparison.result.equal == 1 and comparison.pair != first
    comparison.undo()
    assert comparison.result.equal == 0 and comparison.pair == first


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0.0, 0.30850), (10, 10, 0.69150, 1.0), (8, 10, 0.44390, 0.97479), (15, 20, 0.50895, 0.91343)],
)
def test_interval_is_that_of_clopper_and_pearson(successes: int, trials: int, low: float, high: float) -> None:
    assert preference_interval(successes, trials) == pytest.approx((low, high), abs=1e-5)


def test_interval_without_preferences_says_nothing() -> None:
    assert preference_interval(0, 0) == (0.0, 1.0)


def test_result_claims_a_preference_only_beyond_chance() -> None:
    clear, chance = BlindComparison(NAMES, seed=5), BlindComparison(NAMES, seed=5)
    answer_all(clear, prefer_first=1)
    answer_all(chance, prefer_first=8)
    assert clear.result.describe("a", "b").startswith("You prefer b: ")
    assert "may be chance" in chance.result.describe("a", "b") and "8, b in 4" in chance.result.describe("a", "b")
    for _ in NAMES:
        chance.undo()
    chance.answer(EQUAL)
    assert chance.result.describe("a", "b") == (
        "You saw no difference. Of 1 pair, a was better in 0, b in 0, and neither in 1."
    )


class Repeating:
    """A model that repeats pixels, in two tiles."""

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def iterate_tiles(self, image: np.ndarray) -> Any:
        large = image.repeat(self.scale, 0).repeat(self.scale, 1)
        half = len(large) // 2
        yield Tile(0, large[:half])
        yield Tile(half, large[half:])


class Tile(NamedTuple):
    top: int
    pixels: np.ndarray

    def paste_into(self, picture: np.ndarray) -> None:
        picture[self.top : self.top + len(self.pixels)] = self.pixels


def model_files(folder: Path) -> tuple[ComparedModel, ComparedModel]:
    for name in ("a_x2.pth", "b_x4.pth"):
        (folder / name).write_bytes(name.encode())
    return read_compared_model(folder / "a_x2.pth"), read_compared_model(folder / "b_x4.pth")


def make_session(folder: Path, count: int = 3, **options: Any) -> BlindSession:
    """A session whose photos are upscaled."""
    pixels = np.arange(90, dtype=np.uint8).reshape(6, 5, 3)
    photos = [(f"p{number}", pixels + 10 * number) for number in range(count)]
    session = BlindSession(model_files(folder), photos, seed=1, **options)
    assert sum(1 for _ in session.iterate_upscaling([Repeating(2), Repeating(4)])) == 4 * len(session.comparison.pairs)
    return session


def test_a_model_is_not_compared_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    model, photo = tmp_path / "a_x2.pth", tmp_path / "photo.png"
    model.write_bytes(b"a")
    Image.new("L", (120, 120)).save(photo)
    assert main(["blind", str(model), str(tmp_path / "." / "a_x2.pth"), str(photo), "--no-browser"]) == 2
    assert "Both models are the file" in capsys.readouterr().err


def test_images_of_a_pair_come_tile_by_tile_and_have_one_size(tmp_path: Path) -> None:
    session = make_session(tmp_path, pairs=2)
    assert session.is_upscaled and sorted(session.images) == sorted(pair.index for pair in session.comparison.pairs)
    pixels = np.arange(90, dtype=np.uint8).reshape(6, 5, 3)
    for index, (first, second) in session.images.items():
        assert first.shape == second.shape == (24, 20, 3)
        assert (second[::4, ::4] == pixels + 10 * index).all()
        assert np.abs(first[::4, ::4].astype(int) - pixels - 10 * index).max() <= 5


def test_images_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    large = np.broadcast_to(np.zeros(3, np.uint8), (4000, 4000, 3))  # 4 GB at x4 for two pairs, in a few bytes
    session = BlindSession(model_files(tmp_path), [("p", large), ("q", large)], seed=1)
    with pytest.raises(UserError, match="2 photos would need"):
        next(iter(session.iterate_upscaling([Repeating(2), Repeating(4)])))


# -- the page ------------------------------------------------------------------------------------


def fetch(address: str, data: bytes | None = None, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=10) as answer:
        return bytes(answer.read())


def post(page: BlindPage, number: int, answer: str) -> None:
    fetch(f"{page.address}answer", json.dumps({"number": number, "answer": answer}).encode())


def read_image(address: str) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(fetch(address))))


def test_page_shows_each_pair_and_accepts_the_answers(tmp_path: Path) -> None:
    session, saved = make_session(tmp_path), []
    comparison = session.comparison
    with BlindPage(session, lambda: saved.append(comparison.number)) as page:
        assert b"<title>Which do you like better?</title>" in fetch(page.address)
        for number in range(3):
            pair = comparison.pair
            assert pair is not None
            state = json.loads(fetch(f"{page.address}state"))
            assert state == {"number": number, "count": 3, "photo": pair.name}
            first, second = session.images[pair.index]
            sides = (first, second) if pair.first_is_left else (second, first)
            assert (read_image(f"{page.address}{number}/left") == sides[0]).all()
            assert (read_image(f"{page.address}{number}/right") == sides[1]).all()
            post(page, number, LEFT)
        ended = threading.Thread(target=page.wait)
        ended.start()
        assert json.loads(fetch(f"{page.address}state"))["result"] == session.text
        ended.join(10)
        assert not ended.is_alive()
    assert comparison.number == 3 and saved == [1, 2, 3]


def test_page_counts_a_repeated_key_once_and_undoes_an_answer(tmp_path: Path) -> None:
    session = make_session(tmp_path)
    with BlindPage(session, lambda: None) as page:
        post(page, 0, RIGHT)
        post(page, 0, RIGHT)
        assert session.comparison.number == 1
        post(page, 1, UNDO)
        assert session.comparison.number == 0


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"number": 0}', b'{"number": 0, "answer": "both"}', b" " * 2000 + b'{"number": 0}']
)
def test_page_refuses_other_answers(content: bytes, tmp_path: Path) -> None:
    session = make_session(tmp_path)
    with BlindPage(session, lambda: None) as page, pytest.raises(urllib.error.HTTPError):
        fetch(f"{page.address}answer", content)
    assert session.comparison.number == 0


@pytest.mark.parametrize("path", ["", "state", "wrong/state", "0/left"])
def test_page_answers_nothing_without_the_random_word(path: str, tmp_path: Path) -> None:
    with BlindPage(make_session(tmp_path), lambda: None) as page:
        server = page.address.split("/")[2]
        with pytest.raises(urllib.error.HTTPError):
            fetch(f"http://{server}/{path}")


def test_page_answers_nothing_under_the_name_of_another_host(tmp_path: Path) -> None:
    with BlindPage(make_session(tmp_path), lambda: None) as page, pytest.raises(urllib.error.HTTPError):
        fetch(f"{page.address}state", Host="example.org")


@pytest.mark.parametrize("path", ["1/left", "0/middle", "../0/left", "0"])
def test_page_shows_the_current_pair_only(path: str, tmp_path: Path) -> None:
    with BlindPage(make_session(tmp_path), lambda: None) as page, pytest.raises(urllib.error.HTTPError):
        fetch(page.address + path)


def test_the_result_names_the_models_by_given_names_else_by_their_files(tmp_path: Path) -> None:
    assert make_session(tmp_path).text.startswith("No pair was compared. Of 0 pairs, a_x2 was better in 0, b_x4")
    named = make_session(tmp_path, names=("mono (best)", "color (best)"))
    assert "Of 0 pairs, mono (best) was better in 0, color (best) in 0" in named.text


# -- the file ------------------------------------------------------------------------------------


def test_two_sessions_that_save_at_once_write_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def choose_slowly(folder: Path, models: tuple[ComparedModel, ComparedModel]) -> Path:
        path = choose_record_path(folder, models)
        time.sleep(0.2)
        return path

    sessions = [make_session(tmp_path) for _ in range(2)]
    monkeypatch.setattr(session_module, "choose_record_path", choose_slowly)
    with ThreadPoolExecutor() as pool:
        written = set(pool.map(lambda session: session.save().name, sessions))
    assert written == {"blind_a_x2_b_x4.json", "blind_a_x2_b_x4_2.json"}


def test_record_holds_models_answers_and_result(tmp_path: Path) -> None:
    models = model_files(tmp_path)
    comparison = BlindComparison(NAMES, seed=5)
    answer_all(comparison, prefer_first=9)
    path = choose_record_path(tmp_path, models)
    write_record(path, comparison, models, ("mono (best)", "color (best)"))
    assert path.name == "blind_a_x2_b_x4.json"
    record = json.loads(path.read_text())
    sha256 = hashlib.sha256(b"a_x2.pth").hexdigest()
    assert record["first"] == {"name": "mono (best)", "file": "a_x2.pth", "sha256": sha256}
    assert [answer["better"] for answer in record["answers"]] == [FIRST] * 9 + [SECOND] * 3
    assert record["result"]["first"] == 9 and record["result"]["interval"] == [0.4281, 0.9451]
    assert choose_record_path(tmp_path, models).name == "blind_a_x2_b_x4_2.json"


def test_session_saves_to_one_file_beside_the_first_model(tmp_path: Path) -> None:
    session = make_session(tmp_path)
    session.models[0].path.unlink()  # a training has replaced it, or the user deleted it
    session.comparison.answer(EQUAL)
    first = session.save()
    session.comparison.answer(EQUAL)
    assert session.save() == first == tmp_path / "blind_a_x2_b_x4.json"
    assert len(json.loads(first.read_text())["answers"]) == 2
    assert [path.name for path in tmp_path.glob("*.json")] == [first.name]


def test_answers_about_a_built_in_model_are_saved_in_the_other_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "home"
    other.mkdir()
    session = make_session(tmp_path, other_folder=other)
    assert session.save().parent == tmp_path
    monkeypatch.setattr(registry, "FOLDER", tmp_path)
    assert make_session(tmp_path, other_folder=other).save().parent == other


# -- the verb ------------------------------------------------------------------------------------


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    pytest.importorskip("torch")
    from tests.core.networks import network_of, saved
    from trainer_core.model.spec import NetworkSpec

    spec = NetworkSpec(2, num_feat=8, num_block=1, num_grow_ch=4)
    return saved(network_of(spec), tmp_path / "a_x2.pth"), saved(network_of(spec), tmp_path / "b_x2.pth")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        Image.new("L", (12, 10), 40 * number).save(folder / f"p{number}.png")
    return folder


def use_page(monkeypatch: pytest.MonkeyPatch, answers: list[str], *, interrupt: bool = False) -> None:
    """Let a browser answer, then let the user press Ctrl+C."""

    def browse(address: str) -> bool:
        for number, answer in enumerate(answers):
            fetch(f"{address}answer", json.dumps({"number": number, "answer": answer}).encode())
        if not interrupt:
            fetch(f"{address}state")
        return True

    def interrupt_wait(page: BlindPage) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("webbrowser.open", browse)
    if interrupt:
        monkeypatch.setattr(BlindPage, "wait", interrupt_wait)


def blind(*words: Any) -> int:
    from trainer_core.tools import main

    return main(["blind", *map(str, words)])


def test_verb_asks_and_saves(models: Any, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    use_page(monkeypatch, [LEFT, EQUAL, RIGHT])
    assert blind(*models, photos) == 0
    out, err = capsys.readouterr()
    record = models[0].parent / "blind_a_x2_b_x2.json"
    assert "Of 3 pairs, a_x2 was better in " in out and str(record) in out and "http://127.0.0.1:" in err
    assert json.loads(record.read_text())["result"]["equal"] == 1


def test_verb_leaves_the_browser_alone_if_asked(
    models: Any, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    use_page(monkeypatch, [], interrupt=True)
    monkeypatch.setattr("webbrowser.open", lambda address: pytest.fail("opened a browser"))
    with pytest.raises(KeyboardInterrupt):  # `main` turns only the one of a signal into an exit code
        blind(*models, photos, "--no-browser")
    assert "Open http://127.0.0.1:" in capsys.readouterr().err
    assert not list(models[0].parent.glob("*.json"))  # nothing was answered


def test_verb_saves_the_answers_of_an_interrupted_comparison(
    models: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_page(monkeypatch, [LEFT], interrupt=True)
    with pytest.raises(KeyboardInterrupt):
        blind(*models, photos, "-o", tmp_path / "answers.json")
    assert len(json.loads((tmp_path / "answers.json").read_text())["answers"]) == 1


def test_verb_prints_a_result_that_cannot_be_saved(
    models: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    use_page(monkeypatch, [EQUAL] * 3)
    prepare = BlindSession.iterate_upscaling

    def block_the_file(session: BlindSession, upscalers: Any) -> Any:
        (tmp_path / "answers.json").mkdir()
        return prepare(session, upscalers)

    monkeypatch.setattr(BlindSession, "iterate_upscaling", block_the_file)
    assert blind(*models, photos, "-o", tmp_path / "answers.json") == 2
    out, err = capsys.readouterr()
    assert "and neither in 3." in out and "answers.json cannot be written" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pairs", "0"], "--pairs must be from 1 to 500"),
        (["--pairs", "501"], "--pairs must be from 1 to 500"),
        (["--device", "tpu"], "tpu"),
        (["-o", "FOLDER/none/a.json"], "none"),
        (["-o", "FOLDER/a_x2.pth"], "a_x2.pth already exists. Choose another name for the answers."),
        (["-o", "FOLDER/photos/p1.png"], "p1.png already exists."),
    ],
)
def test_verb_refuses_options_before_it_asks(
    words: list[str], said: str, models: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda address: pytest.fail("asked"))
    before = models[0].read_bytes()
    assert blind(*models, photos, *(word.replace("FOLDER", str(tmp_path)) for word in words)) == 2
    assert said in capsys.readouterr().err and models[0].read_bytes() == before


def test_verb_leaves_out_unusable_photos_and_names_them(
    models: Any, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (photos / "p0.png").write_bytes(b"no picture")
    use_page(monkeypatch, [LEFT, LEFT])
    assert blind(*models, photos) == 2
    out, err = capsys.readouterr()
    assert "Of 2 pairs" in out and "Skipped: " in err and "p0.png" in err


def test_verb_refuses_missing_models_and_photos(models: Any, photos: Path, tmp_path: Path, capsys: Any) -> None:
    assert blind(models[0], tmp_path / "none.pth", photos) == 2
    assert "none.pth" in capsys.readouterr().err
    for path in photos.iterdir():
        path.write_bytes(b"no picture")
    assert blind(*models, photos) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_verb_compares_built_in_models_by_name(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    pytest.importorskip("torch")
    from tests.core.starter_files import use_starters

    use_starters(monkeypatch, tmp_path / "starters", "wqv1_x2", "wqv1_x4")
    monkeypatch.chdir(tmp_path)
    use_page(monkeypatch, [LEFT] * 3)
    assert blind("wqv1_x2", "wqv1_x4", photos) == 0
    assert (tmp_path / "blind_wqv1_x2_starter_wqv1_x4_starter.json").is_file()
