"""Download of released Real-ESRGAN models: https only, from known hosts, resumable, verified by SHA-256 (no torch).

The download is written to `NAME.part` and renamed only after its digest was verified.
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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Optional

from trainer_core.errors import UserError
from trainer_core.files import WriteError, rename_file, sync_file, sync_folder
from trainer_core.input_files import check_regular, open_regular
from trainer_core.verbs.output_files import make_folder


@dataclass(frozen=True)
class Release:
    """A released file; `sha256` is hexadecimal."""

    url: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Last part of the URL."""
        return self.url.rsplit("/", 1)[1]


@dataclass(frozen=True)
class DownloadPolicy:
    """Limits of a download and the hosts it may come from, also after redirects."""

    scheme: str = "https"
    hosts: frozenset[str] = frozenset(
        {"github.com", "objects.githubusercontent.com", "release-assets.githubusercontent.com"}
    )
    max_bytes: int = 200 << 20
    timeout: float = 30.0  # seconds without a byte

    def check_address(self, url: str) -> None:
        """Refuse a URL with another scheme or host.

        Raises:
            UserError: the URL is not allowed.
        """
        parts = urllib.parse.urlsplit(url)
        host = parts.netloc if parts.netloc in self.hosts else parts.hostname  # netloc: hosts with a port
        if parts.scheme != self.scheme or host not in self.hosts or "@" in parts.netloc:
            raise UserError(f"The download address {parts.scheme}://{parts.netloc} is not allowed. Nothing was saved.")


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
    policy: DownloadPolicy = DownloadPolicy(),
) -> Path:
    """Download a model into a folder and return its path; a partial download of an earlier try is continued.

    Args:
        name: key of the model in `catalog`.
        into: folder, created if missing.
        progress: called with the bytes received and the total, if known.
        catalog: releases by name.
        policy: limits of the download.

    Raises:
        UserError: the name is unknown, the connection failed, the URL is not allowed, or the digest is wrong (the
            download is then removed).
    """
    if name not in catalog:
        raise UserError(f"Unknown model {name}. Choose one of: {', '.join(catalog)}.")
    release, folder = catalog[name], Path(into)
    target = folder / release.file_name
    if os.path.exists(target):
        if _compute_digest(target) == release.sha256:
            return target
        raise UserError(f"{target} already exists but is not the released file. Move or delete it, then try again.")
    try:
        make_folder(folder)
        part = target.with_name(target.name + ".part")
        if os.path.exists(part):
            check_regular(part)
        _download(release, part, policy, progress)
        return _verify_and_rename(part, target, release)
    except WriteError as error:
        raise UserError(
            f"{error}. Make room or choose another folder with --into, then try again; the download continues where "
            "it stopped."
        ) from error
    except http.client.HTTPException as error:
        raise UserError(
            f"The download of {release.url} was interrupted ({error}). Try again to continue it."
        ) from error
    except OSError as error:
        cause = getattr(error, "reason", None) or error
        reason = getattr(cause, "strerror", None) or cause
        raise UserError(
            f"{release.file_name} could not be downloaded: {reason}. Check the connection, then try again; "
            "the download continues where it stopped."
        ) from error


def _verify_and_rename(part: Path, target: Path, release: Release) -> Path:
    if _compute_digest(part) != release.sha256:
        part.unlink()
        raise UserError(
            f"The download of {release.file_name} is damaged or is a different file (wrong SHA-256), so it was "
            "deleted. "
            "Try again."
        )
    with _writing(target):
        with open(part, "rb+") as file:
            sync_file(file.fileno())
        rename_file(part, target)
        sync_folder(target.parent)
    return target


def _download(release: Release, part: Path, policy: DownloadPolicy, progress: DownloadProgress | None) -> None:
    received = part.stat().st_size if os.path.exists(part) else 0
    response = _open_url(release.url, received, policy)
    if response is None:  # the part is complete or too long; its digest is checked next
        return
    with contextlib.closing(response), contextlib.ExitStack() as opened:
        start = _find_offset(response, received)
        length = response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        with _writing(part):
            file = opened.enter_context(open(part, "ab" if start else "wb"))
        _copy_response(response, file, start, total, policy, progress)


def _copy_response(
    response: IO[bytes],
    file: BinaryIO,
    received: int,
    total: int | None,
    policy: DownloadPolicy,
    progress: DownloadProgress | None,
) -> None:
    while True:
        block = response.read(_CHUNK_BYTES)
        if not block:
            break
        received += len(block)
        if received > policy.max_bytes:
            raise UserError(
                f"The download is larger than {policy.max_bytes >> 20} MiB, so it is not the model. "
                "Delete the .part file and try again."
            )
        with _writing(file.name):
            file.write(block)
            file.flush()
        if progress is not None:
            progress(received, total)
    if total is not None and received < total:
        raise OSError(f"the connection was lost after {received} of {total} bytes")


@contextlib.contextmanager
def _writing(path: Path | str) -> Iterator[None]:
    """Raise errors of the disk as `WriteError`, to tell them from those of the connection."""
    try:
        yield
    except OSError as error:
        raise WriteError(Path(path), error) from error


def _open_url(url: str, received: int, policy: DownloadPolicy) -> Any | None:
    policy.check_address(url)
    request = urllib.request.Request(url, headers={"User-Agent": "wqv-upscale-trainer", "Accept-Encoding": "identity"})
    if received:
        request.add_header("Range", f"bytes={received}-")
    try:
        return urllib.request.build_opener(_Redirects(policy)).open(request, timeout=policy.timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and received:
            return None
        raise UserError(f"The server answered {error.code} {error.reason} for {url}. Try again later.") from error


def _find_offset(response: Any, received: int) -> int:
    """Return the position of the response in the file: after the part, or 0 if the server ignores the range."""
    if response.status != 206:
        return 0
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not match or int(match.group(1)) != received:
        raise UserError(
            "The server sent a different part of the file than requested. Delete the .part file and try again."
        )
    return received


class _Redirects(urllib.request.HTTPRedirectHandler):
    """A redirect handler that checks each new URL against the policy."""

    def __init__(self, policy: DownloadPolicy) -> None:
        self._policy = policy

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        self._policy.check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _compute_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open_regular(path) as file:
        for block in iter(lambda: file.read(_CHUNK_BYTES), b""):
            digest.update(block)
    return digest.hexdigest()
