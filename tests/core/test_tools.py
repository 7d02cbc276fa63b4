"""`wqv-upscale-tools`: each verb end to end through `main`, with exit codes; downloads against a server on loopback."""

from __future__ import annotations

import hashlib
import http.server
import importlib.machinery
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from trainer_core import files, tools
from trainer_core.errors import UserError
from trainer_core.tools import main
from trainer_core.verbs import fetch
from trainer_core.verbs.fetch import CATALOG, DownloadPolicy, Release, fetch_model

torch = pytest.importorskip("torch")

from tests.core.networks import distance, network_of, noise, saved
from trainer_core.model.spec import NetworkSpec
from trainer_core.verbs.export import export_model
from trainer_core.weights.container.reader import load_tree, open_weights
from trainer_core.weights.network import load_network
from trainer_core.weights.onnx_file import encode_onnx

SPEC = NetworkSpec(4, num_feat=16, num_block=2, num_grow_ch=32)
SRVGG = Path(__file__).resolve().parents[3] / "shared" / "weights" / "realesr-animevideov3.pth"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved(network_of(SPEC), tmp_path / "wqv_x4.pth", meta={"step": 7, "note": "a\x1b[31mb"})


def run(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    out = capsys.readouterr()
    assert "Traceback" not in out.err
    return code, out.out, out.err


def test_inspect_says_what_a_file_is(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "inspect", model)
    assert code == 0 and err == ""
    for words in ("RRDB x4 16/2/32", "BasicSR names in params", "WQV-Viewer no", "chaiNNer yes", "step: 7"):
        assert words in out
    assert "\x1b" not in out and "\\x1b[31m" in out


def test_inspect_gives_json(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "inspect", model, "--json")
    answer = json.loads(out)
    assert code == 0 and answer["usable"] and answer["scale"] == 4 and answer["spec"]["num_grow_ch"] == 32
    assert answer["parameters"] == SPEC.parameter_count() and answer["meta"]["step"] == 7
    assert answer["programs"]["chainner"] == "yes" and answer["programs"]["wqv-viewer"].startswith("no: ")


@pytest.mark.skipif(not SRVGG.is_file(), reason="needs ../shared/weights")
def test_inspect_accepts_readable_files_of_other_networks(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "inspect", SRVGG)
    assert code == 0 and "SRVGG" in out
    assert not json.loads(run(capsys, "inspect", SRVGG, "--json")[1])["usable"]


@pytest.mark.parametrize("file_format", ["zip", "legacy", "safetensors"])
def test_inspect_counts_values_that_cannot_be_used(file_format: str, tmp_path: Path, capsys: Any) -> None:
    state = {name: values.clone() for name, values in network_of(SPEC).state_dict().items()}
    state["conv_hr.bias"][:3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
    state["conv_first.bias"] = state["conv_first.bias"].bfloat16()
    state["conv_first.bias"][0] = float("nan")
    state["conv_body.bias"] = state["conv_body.bias"].double()
    state["conv_body.bias"][:2] = 1e300
    path = tmp_path / ("m.safetensors" if file_format == "safetensors" else "m.pth")
    if file_format == "safetensors":
        pytest.importorskip("safetensors.torch").save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=file_format == "zip")
    code, out, _ = run(capsys, "inspect", path)
    assert code == 0 and "conv_hr.bias: 3 not finite" in out and "conv_first.bias: 1 not finite" in out
    assert "conv_body.bias: 2 beyond the range of float32" in out and "cannot be used: values" in out
    answer = json.loads(run(capsys, "inspect", path, "--json")[1])
    assert (answer["not_finite"], answer["beyond_float32"], answer["usable"]) == (4, 2, False)


def test_inspect_finds_damaged_values(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    code, _, err = run(capsys, "inspect", model)
    assert code == 2 and "checksum" in err


def test_inspect_refuses_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.pth").write_bytes(b"\xff\xd8\xff\xe0 JFIF")
    for path in (tmp_path / "x.pth", tmp_path / "none.pth"):
        code, out, err = run(capsys, "inspect", path)
        assert code == 2 and out == "" and str(path) in err


def test_upscale_writes_and_prints_files(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(np.full((12, 16, 3), 90, np.uint8)).save(tmp_path / "a.png")
    words = ("upscale", model, tmp_path / "a.png", "-o", tmp_path / "out", "--device", "cpu", "--tile", "64")
    code, out, _ = run(capsys, *words, "--compare")
    assert code == 0 and out.split() == [str(tmp_path / "out" / n) for n in ("a.png", "a_compare.png")]
    assert Image.open(tmp_path / "out" / "a.png").size == (64, 48)
    assert Image.open(tmp_path / "out" / "a_compare.png").size[0] == 128
    code, _, err = run(capsys, "upscale", model, model, "-o", tmp_path / "out", "--device", "cpu")
    assert code == 2 and str(model) in err


def test_upscale_says_that_color_was_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gray_model = saved(network_of(NetworkSpec(4, 8, 1, 4, 1, 1)), tmp_path / "gray.pth")
    for name, color in (("a.png", (90, 80, 70)), ("b.png", (90, 90, 90))):
        Image.new("RGB", (16, 12), color).save(tmp_path / name)
    words = ("-o", tmp_path / "out", "--device", "cpu")
    code, _, err = run(capsys, "upscale", gray_model, tmp_path / "a.png", *words)
    assert code == 0 and "gray.pth is a gray model; it turned 1 color photo gray." in err
    assert "grays" not in run(capsys, "upscale", gray_model, tmp_path / "b.png", *words)[2]


# -- export ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["pth", "safetensors"])
def test_export_keeps_the_function_and_the_metadata(form: str, model: Path, tmp_path: Path, capsys: Any) -> None:
    code, out, _ = run(capsys, "export", model, "-o", tmp_path / f"new_x4.{form}")
    assert code == 0 and "chaiNNer yes" in out
    network, source = load_network(tmp_path / f"new_x4.{form}")
    assert torch.equal(network(noise()), network_of(SPEC)(noise()))
    assert source.meta["step"] == 7 and source.meta["spec"] == SPEC.as_dict()


def test_export_for_the_viewer_and_install(model: Path, tmp_path: Path, capsys: Any) -> None:
    code, out, _ = run(capsys, "export", model, "-o", tmp_path / "big_x4.pth", "--viewer-compatible", "--half")
    assert code == 0 and "WQV-Viewer yes" in out
    tree = load_tree(tmp_path / "big_x4.pth")
    assert tree["meta"]["padded_from"] == SPEC.as_dict() and tree["params"]["conv_hr.weight"].shape == (64, 64, 3, 3)
    assert tree["params"]["conv_hr.weight"].dtype == torch.float16
    folder = tmp_path / "custom"
    folder.mkdir()
    code, out, _ = run(capsys, "install", tmp_path / "big_x4.pth", "--into", folder)
    assert code == 0 and out.strip() == str(folder / "big_x4.pth")
    assert (folder / "big_x4.pth").read_bytes() == (tmp_path / "big_x4.pth").read_bytes()


def test_install_refuses_what_the_viewer_would_not_load(model: Path, tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "custom"
    folder.mkdir()
    code, _, err = run(capsys, "install", model, "--into", folder)
    assert code == 2 and "--viewer-compatible" in err
    full = saved(network_of(NetworkSpec(4)), tmp_path / "scale4_final.pth")
    code, _, err = run(capsys, "install", full, "--into", folder)
    assert code == 2 and "only scale mark" in err
    for wrong in ("x2_from_x4.pth", "wqv_x2.pth"):
        code, _, err = run(capsys, "install", full.rename(tmp_path / wrong), "--into", folder)
        full = tmp_path / wrong
        assert code == 2 and "only scale mark" in err
    full = full.rename(tmp_path / "wqv_x4_full.pth")
    assert run(capsys, "install", full, "--into", tmp_path / "none")[0] == 2
    assert list(folder.iterdir()) == []
    (folder / full.name).write_bytes(b"precious")
    assert run(capsys, "install", full, "--into", folder)[0] == 2
    assert (folder / full.name).read_bytes() == b"precious"
    assert run(capsys, "install", full, "--into", folder, "--replace")[0] == 0
    assert open_weights(folder / full.name).file_format == "zip"


def test_blending_lies_between_two_models(model: Path, tmp_path: Path, capsys: Any) -> None:
    other = saved(network_of(SPEC, seed=2), tmp_path / "other_x4.pth")
    words = ("export", model, "-o", tmp_path / "mix_x4.pth", "--blend", other, "--alpha", "0.25")
    assert run(capsys, *words)[0] == 0
    mixed = load_tree(tmp_path / "mix_x4.pth")
    one, two = network_of(SPEC).state_dict(), network_of(SPEC, seed=2).state_dict()
    for name, values in mixed["params"].items():
        assert distance(values, 0.75 * one[name] + 0.25 * two[name]) < 1e-6
    assert mixed["meta"]["blend"] == {"with": "other_x4.pth", "alpha": 0.25}
    small = saved(network_of(NetworkSpec(4, 8, 1, 8)), tmp_path / "small_x4.pth")
    assert "same dimensions" in run(capsys, "export", model, "-o", tmp_path / "n.pth", "--blend", small)[2]
    assert "must be from 0 to 1" in run(capsys, *words[:-1], "1.5", "--replace")[2]
    code, _, err = run(capsys, "export", model, "-o", tmp_path / "n.pth", "--alpha", "0.3")
    assert code == 2 and "Add --blend OTHER" in err and not (tmp_path / "n.pth").exists()


def test_an_export_replaces_another_file_on_request_only(model: Path, tmp_path: Path, capsys: Any) -> None:
    other = saved(network_of(SPEC, seed=2), tmp_path / "precious_x4.pth")
    before = other.read_bytes()
    code, _, err = run(capsys, "export", model, "-o", other)
    assert code == 2 and "already exists. Use --replace" in err and other.read_bytes() == before
    assert run(capsys, "export", model, "-o", other, "--replace")[0] == 0 and other.read_bytes() != before


def test_the_tools_know_built_in_models_by_name(tmp_path: Path, capsys: Any) -> None:
    assert "wqv1_x4_starter" in run(capsys, "inspect", "wqv1_x4")[1]
    assert run(capsys, "export", "wqv1_x4", "-o", tmp_path / "m_x4.pth")[0] == 0
    for words in (("inspect", "wqv1_x9"), ("install", "wqv1_x9", "--into", tmp_path)):
        code, _, err = run(capsys, *words)
        assert code == 2 and "There is no built-in model wqv1_x9. Use one of wqv1_x2, wqv1_x4" in err
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("wqv-upscale-tools ")


def test_a_file_in_the_place_of_a_folder_for_results_is_named(model: Path, tmp_path: Path, capsys: Any) -> None:
    photo, notes = tmp_path / "a.png", tmp_path / "notes.txt"
    Image.new("RGB", (8, 8)).save(photo)
    notes.write_text("no folder")
    for out in (notes, notes / "lr"):
        code, _, err = run(capsys, "upscale", model, photo, "-o", out)
        assert code == 2 and f"{notes} is a file. Choose a folder." in err


@pytest.mark.parametrize("words", [("enlarge", "", "-o", "out"), ("enlarge", "a.png", "-o", " "), ("inspect", "")])
def test_an_empty_path_is_not_the_current_folder(words: tuple[str, ...], capsys: Any) -> None:
    with pytest.raises(SystemExit) as end:
        main(list(words))
    assert end.value.code == 2 and "the path is empty; name a file or a folder" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["pth", "safetensors", "onnx"])
def test_a_scale_mark_that_contradicts_the_network_is_named(
    form: str, model: Path, tmp_path: Path, capsys: Any
) -> None:
    for name, problem in (
        ("m_x2", "the file name says x2 but the weights are x4"),
        ("x2_to_x4", "the file name has x4 and x2"),
        ("m_x4", ""),
        ("m", ""),
    ):
        code, out, err = run(capsys, "export", model, "-o", tmp_path / f"{name}.{form}")
        assert code == 0 and f"{name}.{form}" in out
        assert (f"{name}.{form}: {problem}. " in err and "its only scale mark is x4" in err) if problem else not err


def test_exports_that_make_no_sense_are_refused(model: Path, tmp_path: Path, capsys: Any) -> None:
    assert run(capsys, "export", model, "-o", tmp_path / "x.bin")[0] == 2
    assert run(capsys, "export", model, "-o", tmp_path / "x.pth", "--format", "onnx")[0] == 2
    network = network_of(SPEC)
    network.state_dict()["conv_hr.bias"][0] = 1e6
    large = saved(network, tmp_path / "large_x4.pth")
    assert "half precision" in run(capsys, "export", large, "-o", tmp_path / "h.pth", "--half")[2]
    wide = saved(network_of(NetworkSpec(4, 72, 1, 32)), tmp_path / "wide_x4.pth")
    assert "larger" in run(capsys, "export", wide, "-o", tmp_path / "v.pth", "--viewer-compatible")[2]


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_onnx_computes_the_same_at_any_size(scale: int, half: bool, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    path = saved(network_of(NetworkSpec(scale, 16, 2, 8)), tmp_path / "m.pth")
    done = export_model(path, tmp_path / "m.onnx", half=half)  # compares at two sizes, and refuses a difference
    assert "agrees" in done.summary and done.path.stat().st_size > 1000
    onnx = pytest.importorskip("onnx")
    onnx.checker.check_model(onnx.load(done.path), full_check=True)


def test_an_onnx_export_leaves_no_identifier_of_the_device(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    home = tmp_path / "home"
    home.mkdir()
    command = [sys.executable, "-m", "trainer_core.tools", "export", str(model), "-o", str(tmp_path / "m.onnx")]
    done = subprocess.run(
        command, env={**os.environ, "HOME": str(home)}, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0 and "onnxruntime agrees" in done.stdout, done.stderr
    assert list(home.iterdir()) == []


def test_onnx_is_written_without_any_other_package(model: Path, tmp_path: Path) -> None:
    done = export_model(model, tmp_path / "m.onnx")
    content = done.path.read_bytes()
    state = network_of(SPEC).state_dict()
    assert content == encode_onnx(state, SPEC, producer="wqv-upscale-trainer " + __import__("trainer_core").__version__)
    assert state["conv_hr.weight"].numpy().tobytes() in content
    assert content.count(b"LeakyRelu") >= 2 * 3 * 4 + 3


# -- fetch -------------------------------------------------------------------------------------

CONTENT = bytes(range(256)) * 4000


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT under the ways that the first part of the path names."""

    ranges: ClassVar[list[str | None]] = []
    elsewhere = ""

    def do_GET(self) -> None:
        way = self.path.split("/")[1]
        wanted = self.headers.get("Range")
        Server.ranges.append(wanted)
        if way == "moved":
            return self.answer(302, b"", Location=self.path.replace("moved", "good"))
        if way == "abroad":
            return self.answer(302, b"", Location=f"{Server.elsewhere}/good/model.pth")
        if way == "missing":
            return self.answer(404, b"gone")
        content = CONTENT if way != "flipped" else CONTENT[:5] + b"!" + CONTENT[6:]
        start = int(wanted.split("=")[1].split("-")[0]) if wanted and way != "norange" else 0
        if start >= len(content):
            return self.answer(416, b"")
        if way == "cut":
            rest = content[start:]
            return self.answer(206 if start else 200, rest[:300_000], start, announce=len(rest))
        if way == "shifted" and start:
            return self.answer(206, content[start - 7 :], start - 7)
        return self.answer(206 if start else 200, content[start:], start)

    def answer(self, code: int, body: bytes, start: int = 0, announce: int | None = None, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body) if announce is None else announce))
        if code == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) for _ in range(2)]
    for each in servers:
        threading.Thread(target=each.serve_forever, args=(0.02,), daemon=True).start()
    Server.ranges, Server.elsewhere = [], f"http://127.0.0.1:{servers[1].server_port}"
    yield f"127.0.0.1:{servers[0].server_port}"
    for each in servers:
        each.shutdown()
        each.server_close()


def get(server: str, way: str, into: Path, **rules: Any) -> Path:
    release = Release(f"http://{server}/{way}/model.pth", hashlib.sha256(CONTENT).hexdigest())
    options = {"scheme": "http", "hosts": frozenset({server}), "timeout": 10.0, **rules}
    return fetch_model("m", into, catalog={"m": release}, policy=DownloadPolicy(**options))


@pytest.mark.parametrize("way", ["good", "moved"])
def test_a_download_is_verified_and_moved_into_place(way: str, server: str, tmp_path: Path) -> None:
    path = get(server, way, tmp_path / "models")
    assert path == tmp_path / "models" / "model.pth" and path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]
    Server.ranges.clear()
    assert get(server, way, tmp_path / "models") == path and Server.ranges == []  # already there


def test_a_flipped_byte_is_refused_and_removed(server: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="SHA-256"):
        get(server, "flipped", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", ["good", "norange"])
def test_a_cut_connection_keeps_the_part_and_the_next_try_finishes(way: str, server: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="then try again"):
        get(server, "cut", tmp_path)
    (part,) = tmp_path.iterdir()
    assert part.name == "model.pth.part" and part.stat().st_size == 300_000
    assert get(server, way, tmp_path).read_bytes() == CONTENT
    assert Server.ranges == [None, "bytes=300000-"] and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_download_that_the_disk_refuses_is_not_blamed_on_the_connection(server: str, tmp_path: Path) -> None:
    def open_full(path: Any, mode: str = "r") -> Any:
        return open("/dev/full" if str(path).endswith(".part") and mode == "wb" else path, mode)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch, "open", open_full, raising=False)
        with pytest.raises(UserError) as refusal:
            get(server, "good", tmp_path)
    assert "the disk is full" in refusal.value.message and "Make room or choose another folder" in refusal.value.message
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"is a file\. Choose a folder"):
        get(server, "good", tmp_path / "file" / "models")


def test_a_server_that_cannot_be_reached_is_named_without_error_numbers(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # a port on which nothing listens
        with pytest.raises(UserError) as refusal:
            get(f"127.0.0.1:{nobody.getsockname()[1]}", "good", tmp_path)
    assert "could not be downloaded: Connection refused. Check the connection" in refusal.value.message


def test_a_complete_part_is_only_verified(server: str, tmp_path: Path) -> None:
    (tmp_path / "model.pth.part").write_bytes(CONTENT)
    assert get(server, "good", tmp_path).read_bytes() == CONTENT
    (tmp_path / "model.pth").unlink()
    (tmp_path / "model.pth.part").write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(UserError, match="SHA-256"):
        get(server, "good", tmp_path)


def test_a_wrong_piece_is_not_appended(server: str, tmp_path: Path) -> None:
    (tmp_path / "model.pth.part").write_bytes(CONTENT[:1000])
    with pytest.raises(UserError, match="a different part"):
        get(server, "shifted", tmp_path)
    assert (tmp_path / "model.pth.part").read_bytes() == CONTENT[:1000]


def test_a_redirect_to_another_host_is_refused_before_it_is_asked(server: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not allowed"):
        get(server, "abroad", tmp_path)
    assert len(Server.ranges) == 1 and list(tmp_path.iterdir()) == []


def test_other_refusals_of_a_download(server: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="404"):
        get(server, "missing", tmp_path)
    with pytest.raises(UserError, match="larger than"):
        get(server, "good", tmp_path, max_bytes=1000)
    with pytest.raises(UserError, match="not allowed"):
        get(server, "good", tmp_path / "n", scheme="https")
    (tmp_path / "model.pth").write_bytes(b"mine")
    with pytest.raises(UserError, match="Move or delete it"):
        get(server, "good", tmp_path)
    assert (tmp_path / "model.pth").read_bytes() == b"mine"
    with pytest.raises(UserError, match="Unknown model"):
        fetch_model("nothing", tmp_path)


def test_the_catalog_is_what_fetch_offers_and_names_the_official_files(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fetch", "--help"])
    assert "{" + ",".join(CATALOG) + "}" in "".join(capsys.readouterr().out.split())
    for release in CATALOG.values():
        DownloadPolicy().check_address(release.url)
        assert (
            release.url.startswith("https://github.com/xinntao/Real-ESRGAN/releases/download/")
            and len(release.sha256) == 64
        )
    for url in (
        "http://github.com/x",
        "https://github.com.evil.org/x",
        "https://github.com@evil.org/x",
        "file:///etc/passwd",
    ):
        with pytest.raises(UserError):
            DownloadPolicy().check_address(url)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_verb_says_so_in_a_sentence_and_leaves_no_half_file(
    number: int, code: int, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    original = files.sync_file

    def interrupt(descriptor: int) -> None:
        original(descriptor)
        signal.raise_signal(number)

    monkeypatch.setattr(files, "sync_file", interrupt)
    before = sorted(tmp_path.iterdir())
    found, out, err = run(capsys, "export", model, "-o", tmp_path / "half_x4.safetensors")
    sentence = "wqv-upscale-tools: Interrupted. Complete files stay, and none is half written.\n"
    assert (found, out, err) == (code, "", sentence)
    assert sorted(tmp_path.iterdir()) == before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_upscale_is_interrupted_between_two_tiles(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    tiles: list[int] = []

    def interrupt(name: str, done: int, total: int) -> None:
        tiles.append(done)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(tools, "_print_tile_progress", interrupt)
    Image.fromarray(np.zeros((80, 80, 3), np.uint8)).save(tmp_path / "photo.png")
    code, out, _ = run(capsys, "upscale", model, tmp_path / "photo.png", "-o", tmp_path / "out", "--tile", "32")
    assert (code, out, tiles) == (130, "", [1]) and not list((tmp_path / "out").iterdir())


COMPUTING = {
    "blind": ["a.pth", "b.pth", "photo.png"],
    "calibrate": ["photo.png", "-o", "profile.json"],
    "enlarge": ["photo.png", "-o", "out"],
    "simulate": ["photo.png", "-o", "out", "--camera", "wqv1", "--scale", "4"],
    "upscale": ["a.pth", "photo.png", "-o", "out"],
}


@pytest.mark.parametrize(("options", "level"), [([], "low"), (["--priority", "normal"], "normal")])
@pytest.mark.parametrize("verb", COMPUTING)
def test_what_computes_yields_to_other_programs_unless_asked_otherwise(
    verb: str, options: list[str], level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels: list[str] = []
    monkeypatch.setattr(tools, "set_priority", levels.append)
    monkeypatch.chdir(tmp_path)
    assert main([verb, *COMPUTING[verb], *options]) == 2, "no file is there, and the priority comes first"
    assert levels == [level]


def test_each_verb_with_a_priority_sets_it(capsys: Any) -> None:
    with_priority = []
    for verb in tools._VERBS:
        with pytest.raises(SystemExit):
            main([verb, "--help"])
        if "--priority" in capsys.readouterr().out:
            with_priority.append(verb)
    assert sorted(with_priority) == sorted(COMPUTING)


def test_ctrl_c_while_torch_is_imported_ends_the_program_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.machinery.ModuleSpec("torch.unfinished", None)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "torch.unfinished", module)
    monkeypatch.setattr(os, "_exit", sys.exit)
    for is_unfinished, error in ((True, SystemExit), (False, KeyboardInterrupt)):
        monkeypatch.setattr(spec, "_initializing", is_unfinished, raising=False)
        handler = tools._SignalHandler()
        with pytest.raises(error):
            handler.handle(signal.SIGINT)
        assert handler.exit_code == 130


def test_the_import_of_torch_is_noticed_from_within_and_afterwards() -> None:
    code = (
        "import sys; from trainer_core.tools import _is_importing_torch; found = []; "
        "sys.addaudithook(lambda event, args: event == 'import' and args[0] == 'torch.distributed' "
        "and found.append(_is_importing_torch())); "
        "import torch; assert found and all(found) and not _is_importing_torch()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True, timeout=240)
