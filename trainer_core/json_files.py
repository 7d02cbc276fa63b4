"""Reading of JSON files that a user, another program or another version of this program may have written."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainer_core.errors import NewerFileError, UserError
from trainer_core.input_files import read_regular

_MAX_BYTES = 64 << 20  # the split of a million photos


def read_json(path: Path, *, advice: str, max_bytes: int = _MAX_BYTES) -> Any:
    """Read a JSON file.

    Args:
        path: the file.
        advice: what the user can do if it cannot be used; the last sentence of the message.
        max_bytes: the largest file that is read.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is not a regular file, is too large, cannot be read, or is not JSON.
    """
    try:
        content = read_regular(path, max_bytes + 1)
        if len(content) > max_bytes:
            raise UserError(f"{path} is too large (more than {max_bytes / 1e6:.0f} MB). {advice}")
        return parse_json(content)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f"There is no file {path}.") from error
    except OSError as error:
        is_wrong_kind = error.errno in (errno.EISDIR, errno.EINVAL)  # a folder, a pipe: nothing to wait for
        help = advice if is_wrong_kind else "Check that the drive is connected and that you may read its folder."
        raise UserError(f"{path} cannot be read: {error.strerror or error}. {help}") from error
    except ValueError as error:
        raise UserError(f"{path} cannot be read as JSON ({error}). {advice}") from error


def parse_json(text: str | bytes) -> Any:
    """Parse JSON text; bytes must be UTF-8.

    Raises:
        ValueError: it is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(text.decode("utf-8") if isinstance(text, bytes) else text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def check_version(data: Mapping[str, Any], key: str, newest: int, where: str, *, advice: str) -> None:
    """Check the format version that a file states under `key`.

    Args:
        data: the content of the file.
        key: the name of the version, such as "schema".
        newest: the newest version that this program reads; it reads all older ones, from 1.
        where: the file, for the message.
        advice: what the user can do if the version is not one.

    Raises:
        NewerFileError: the version is above `newest`.
        UserError: it is missing or is not a whole number from 1.
    """
    version = data.get(key)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        found = f"is {str(version)[:40]!r}" if key in data else "is missing"
        raise UserError(f'{where}: "{key}" {found}, but must be a whole number from 1. {advice}')
    if version > newest:
        raise NewerFileError(
            f"A newer version of this program wrote {where} ({key} {str(version)[:40]}; this version reads up to "
            f"{newest}). It was not changed. Update this program to use it."
        )
