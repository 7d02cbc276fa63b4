"""The page of a blind comparison in the user's browser, served by this process to this computer alone.

`BlindPage` shows one pair after the other and receives the answers. Its address contains a random word, without which
nothing is answered, so that no other page in the browser can read or answer.
"""

from __future__ import annotations

import http.server
import json
import secrets
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from trainer_core.blind.comparison import ANSWERS, QUESTION
from trainer_core.blind.session import BlindSession
from trainer_core.pixels import png_bytes

UNDO = "undo"
_HOST = "127.0.0.1"
_POLL_INTERVAL = 0.2  # seconds
_MAX_ANSWER = 1000  # bytes


class BlindPage:
    """Page of a session; `address` is open in the `with` block.

    Args:
        session: has its images, and receives the answers.
        on_answer: called after each answer.
    """

    def __init__(self, session: BlindSession, on_answer: Callable[[], None]) -> None:
        self._session, self._on_answer = session, on_answer
        self._lock = threading.Lock()
        self._is_ended = threading.Event()  # the browser has the result
        self._word = secrets.token_urlsafe(16)
        self._server = http.server.ThreadingHTTPServer((_HOST, 0), self._make_handler())
        self._server.daemon_threads = True
        self.address = f"http://{_HOST}:{self._server.server_port}/{self._word}/"

    def __enter__(self) -> BlindPage:
        threading.Thread(target=self._server.serve_forever, args=(_POLL_INTERVAL,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self) -> None:
        """Wait until the last pair is answered and the browser has its result."""
        while not self._is_ended.wait(_POLL_INTERVAL):
            pass  # a wait without a limit would not be interrupted on Windows

    def find_content(self, name: str) -> tuple[str, bytes] | None:
        """Return media type and content of a part of the page; None if there is nothing of this name."""
        if name == "":
            return "text/html; charset=utf-8", _PAGE.encode()
        comparison = self._session.comparison
        with self._lock:
            if name == "state":
                return "application/json", json.dumps(self._describe_state()).encode()
            number, _, side = name.partition("/")
            pair = comparison.pair
            if pair is None or number != str(comparison.number) or side not in ("left", "right"):
                return None
            image = self._session.images[pair.index][(side == "left") != pair.first_is_left]
        return "image/png", png_bytes(image)

    def accept(self, content: bytes) -> bool:
        """Accept the answer to the current pair, `{"number": …, "answer": …}`; whether it was one."""
        try:
            given = json.loads(content)
            number, answer = given["number"], given["answer"]
        except (ValueError, TypeError, KeyError):
            return False
        comparison = self._session.comparison
        with self._lock:
            if number != comparison.number:
                return True  # a key pressed twice
            if answer == UNDO:
                comparison.undo()
            elif answer in ANSWERS and comparison.pair is not None:
                comparison.answer(answer)
            else:
                return False
            self._on_answer()
        return True

    def end(self) -> None:
        """Let `wait` return if the result has been shown."""
        if self._session.comparison.pair is None:
            self._is_ended.set()

    def find_name(self, path: str, host: str) -> str | None:
        """Return the part of the page that a request asks for; None without the random word or for another host."""
        _, _, rest = urlsplit(path).path.partition("/")
        word, _, name = rest.partition("/")
        is_ours = secrets.compare_digest(word.encode(), self._word.encode())
        return name if is_ours and host == f"{_HOST}:{self._server.server_port}" else None

    def _describe_state(self) -> dict[str, Any]:
        comparison = self._session.comparison
        state: dict[str, Any] = {"number": comparison.number, "count": len(comparison.pairs)}
        return {**state, "photo": comparison.pair.name} if comparison.pair else {**state, "result": self._session.text}

    def _make_handler(page) -> type[http.server.BaseHTTPRequestHandler]:  # `self` is the handler's
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self._find_name()
                self._send(None if name is None else page.find_content(name))
                if name == "state":
                    page.end()

            def do_POST(self) -> None:
                length = self.headers.get("Content-Length", "")
                is_answer = self._find_name() == "answer" and length.isdecimal() and int(length) <= _MAX_ANSWER
                accepted = is_answer and page.accept(self.rfile.read(int(length)))
                self._send(("application/json", b"{}") if accepted else None)

            def _find_name(self) -> str | None:
                return page.find_name(self.path, self.headers.get("Host", ""))

            def _send(self, found: tuple[str, bytes] | None) -> None:
                kind, content = found or ("text/plain", b"Nothing here.")
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        return Handler


_PAGE = (
    """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>QUESTION</title>
<style>
body { margin: 0; padding: 1rem; background: #777; color: #fff; font: 1rem system-ui, sans-serif; text-align: center }
main { display: flex; justify-content: center; gap: 1rem }
img { width: 47vw; height: 70vh; object-fit: contain; display: block }
button { font: inherit; padding: .5rem 1rem; margin: .5rem }
</style>
<h1 id="title">QUESTION</h1>
<div id="pair">
<main><img id="left" alt="left image"><img id="right" alt="right image"></main>
<button data-answer="left">&larr; Left is better</button>
<button data-answer="equal">&darr; No difference</button>
<button data-answer="right">Right is better &rarr;</button>
<button data-answer="undo">Undo (Backspace)</button>
</div>
<p id="text" role="status"></p>
<script>
const keys = {ArrowLeft: "left", ArrowRight: "right", ArrowDown: "equal", Backspace: "undo"};
const find = id => document.getElementById(id);
let number = -1, busy = true;
async function show() {
  const state = await (await fetch("state")).json();
  number = state.number;
  if (state.result) {
    find("pair").hidden = true;
    find("title").textContent = "Thank you.";
    find("text").textContent = state.result;
    return;
  }
  find("text").textContent = `${state.photo}: pair ${number + 1} of ${state.count}`;
  for (const side of ["left", "right"]) find(side).src = `${number}/${side}`;
  await Promise.all(["left", "right"].map(side => find(side).decode()));
  busy = false;
}
async function answer(word) {
  if (busy || !word) return;
  busy = true;
  await fetch("answer", {method: "POST", body: JSON.stringify({number, answer: word})});
  await show();
}
function fail() {
  find("pair").hidden = true;
  find("text").textContent = "The comparison has ended. You can close this page.";
}
addEventListener("keydown", event => {
  if (!keys[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (!event.repeat) answer(keys[event.key]).catch(fail);
});
for (const button of document.querySelectorAll("button")) {
  button.onclick = () => answer(button.dataset.answer).catch(fail);
}
show().catch(fail);
</script>
</html>
"""
).replace("QUESTION", QUESTION)
