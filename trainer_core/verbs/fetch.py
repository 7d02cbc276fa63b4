"""Download one of Real-ESRGAN's released models: https only, from known hosts, resumable, verified by SHA-256.

What has arrived lies in `NAME.part` and is moved to its name only when its digest is right. Needs no torch.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Optional

from trainer_core.errors import UserError
from trainer_core.files import sync_folder


@dataclass(frozen=True)
class Release:
    """A file to fetch; `sha256` in hexadecimal."""

    url: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return self.url.rsplit("/", 1)[1]


@dataclass(frozen=True)
class DownloadPolicy:
    """Where a download may come from, also after redirections."""

    scheme: str = "https"
    hosts: frozenset[str] = frozenset(
        {"github.com", "objects.githubusercontent.com", "release-assets.githubusercontent.com"}
    )
    largest: int = 200 << 20
    timeout: float = 30.0  # seconds without a byte

    def check_run(self, url: str) -> None:
        """Refuse an address outside the rules."""
        parts = urllib.parse.urlsplit(url)
        place = parts.netloc if parts.netloc in self.hosts else parts.hostname  # netloc: hosts with a port
        if parts.scheme != self.scheme or place not in self.hosts or "@" in parts.netloc:
            raise UserError(
                f"The download leads to {parts.scheme}://{parts.netloc}, which is not allowed. Nothing was kept."
            )


_RELEASES = "https://github.com/xinntao/Real-ESRGAN/releases/download"
CATALOG: Mapping[str, Release] = {
    "realesrgan-x4plus": Release(
        f"{_RELEASES}/v0.1.0/RealESRGAN_x4plus.pth", "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1"
    ),
    "realesrgan-x2plus": Release(
        f"{_RELEASES}/v0.2.1/RealESRGAN_x2plus.pth", "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb"
    ),
    "realesrgan-x4plus-anime": Release(
        f"{_RELEASES}/v0.2.2.4/RealESRGAN_x4plus_anime_6B.pth",
        "f872d837d3c90ed2e05227bed711af5671a6fd1c9f7d7e91c911a61f155e99da",
    ),
}
_CHUNK_BYTES = 1 << 18

DownloadProgress = Callable[[int, Optional[int]], None]


def fetch_model(
    name: str,
    into: Path | str,
    *,
    progress: DownloadProgress | None = None,
    catalog: Mapping[str, Release] = CATALOG,
    rules: DownloadPolicy = DownloadPolicy(),
) -> Path:
    """Download the model `name` of the catalog into a folder; its path. A part left by an earlier try is continued.

    Args:
        progress: called with the bytes there are and, if known, their final number.

    Raises:
        UserError: unknown name, no connection, a forbidden address, or a wrong digest (the download is removed then).
    """
    if name not in catalog:
        raise UserError(f"Unknown model {name}. There are: {', '.join(catalog)}.")
    release, folder = catalog[name], Path(into)
    target = folder / release.file_name
    if target.exists():
        if _digest(target) == release.sha256:
            return target
        raise UserError(f"{target} exists and is not the released file. Move it away to download it anew.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        _download(release, part, rules, progress)
        return _verify_and_rename(part, target, release)
    except http.client.HTTPException as error:
        raise UserError(f"The download of {release.url} broke off ({error!r}). Try again: it continues.") from error
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or error
        raise UserError(f"{release.file_name} could not be downloaded: {reason}. Try again: it continues.") from error


def _verify_and_rename(part: Path, target: Path, release: Release) -> Path:
    if _digest(part) != release.sha256:
        part.unlink()
        raise UserError(
            f"The download of {release.file_name} is damaged or was replaced (wrong SHA-256). It was removed."
        )
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, target)
    sync_folder(target.parent)
    return target


def _download(release: Release, part: Path, rules: DownloadPolicy, progress: DownloadProgress | None) -> None:
    have = part.stat().st_size if part.exists() else 0
    response = _open(release.url, have, rules)
    if response is None:  # the part is as long as the file, or longer: its digest decides
        return
    with contextlib.closing(response):
        start = _response_offset(response, have)
        length = response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        with open(part, "ab" if start else "wb") as file:
            _copy(response, file, start, total, rules, progress)


def _copy(
    answer: IO[bytes],
    file: IO[bytes],
    received: int,
    total: int | None,
    rules: DownloadPolicy,
    progress: DownloadProgress | None,
) -> None:
    while True:
        block = answer.read(_CHUNK_BYTES)
        if not block:
            break
        received += len(block)
        if received > rules.largest:
            raise UserError(
                f"The download is larger than {rules.largest >> 20} MiB, so it is not the model. Delete the .part file."
            )
        file.write(block)
        if progress is not None:
            progress(received, total)
    if total is not None and received < total:
        raise OSError(f"the connection was cut after {received} of {total} bytes")


def _open(url: str, received: int, rules: DownloadPolicy) -> Any | None:
    rules.check_run(url)
    request = urllib.request.Request(url, headers={"User-Agent": "wqv-upscale-trainer", "Accept-Encoding": "identity"})
    if received:
        request.add_header("Range", f"bytes={received}-")
    try:
        return urllib.request.build_opener(_Redirects(rules)).open(request, timeout=rules.timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and received:
            return None
        raise UserError(f"The server answered {error.code} {error.reason} for {url}.") from error


def _response_offset(answer: Any, received: int) -> int:
    """Where the answer's bytes belong: after the part, or at the beginning when the server ignores the wish."""
    if answer.status != 206:
        return 0
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    if not match or int(match.group(1)) != received:
        raise UserError("The server sent another piece than asked for. Delete the .part file and try again.")
    return received


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, rules: DownloadPolicy) -> None:
        self._rules = rules

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        self._rules.check_run(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_CHUNK_BYTES), b""):
            digest.update(block)
    return digest.hexdigest()
