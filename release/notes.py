"""Print the notes of a release, and refuse a tag that does not fit the repository.

    python -m release.notes v1.0.0

The notes are the part of CHANGELOG.md below the heading with the version, which must have a date. The version must be
`trainer_core.__version__`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import trainer_core

CHANGELOG = Path(__file__).resolve().parents[1] / "CHANGELOG.md"


def read_notes(tag: str, changelog: str, version: str = trainer_core.__version__) -> str:
    """Return the notes of a tag.

    Raises:
        ValueError: the tag is not that of this version, or the version has no notes or no date.
    """
    if tag != f"v{version}":
        raise ValueError(f"The tag {tag} is not v{version}, the version in trainer_core/__init__.py.")
    parts = re.split(r"^## (.+)$", changelog, flags=re.MULTILINE)
    notes = dict(zip(parts[1::2], parts[2::2]))
    heading = next((heading for heading in notes if heading.split(" ")[0] == version), None)
    if heading is None:
        raise ValueError(f"CHANGELOG.md has no heading for {version}.")
    if not re.fullmatch(rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d", heading):
        raise ValueError(f'CHANGELOG.md says "{heading}". Write the date of the release there: {version} - YYYY-MM-DD.')
    return notes[heading].strip() + "\n"


def main() -> int:
    """Print the notes of the tag on the command line; return 1 with a sentence if it is refused."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(read_notes(sys.argv[1], CHANGELOG.read_text("utf-8")), end="")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
