"""What is set before torch is imported: seen from outside, in processes of their own."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Takes, fills and frees 64 MB again and again in a thread of its own, as a training in the window does.
PROBE = """
import json, os, resource, threading
from trainer_core import environment
environment.configure_libraries()
import psutil

def fill():
    return len(bytearray(64 << 20))

def work():
    fill()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        fill()
    found["faults"] = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    found["kept"] = psutil.Process().memory_info().rss

found = {"spinning": os.environ.get("GOMP_SPINCOUNT")}
thread = threading.Thread(target=work)
thread.start()
thread.join()
environment.release_memory()
found["left"] = psutil.Process().memory_info().rss
print(json.dumps(found))
"""

of_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")


def probe(**variables: str) -> dict[str, Any]:
    ours = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "GLIBC_TUNABLES")
    clean = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=ROOT, env={**clean, **variables}, check=True, stdout=subprocess.PIPE
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@of_glibc
def test_freed_memory_is_kept_for_the_next_step_and_given_back_in_the_end() -> None:
    found = probe()
    assert found["faults"] < 1000  # pages; 64 MB are 16,384
    assert found["kept"] - found["left"] > 50 << 20


@of_glibc
def test_the_user_s_own_memory_settings_are_left_alone() -> None:
    assert probe(MALLOC_TOP_PAD_="131072")["faults"] > 10_000
    assert probe(GLIBC_TUNABLES="glibc.malloc.arena_max=2")["faults"] > 10_000


def test_threads_wait_as_we_say_or_as_the_user_says() -> None:
    assert probe()["spinning"] == "30000"
    assert probe(GOMP_SPINCOUNT="7")["spinning"] == "7"
    assert probe(OMP_WAIT_POLICY="PASSIVE")["spinning"] is None


@pytest.mark.skipif(os.name == "nt", reason="POSIX numbers of files")
def test_no_file_gets_the_number_of_a_closed_standard_stream(tmp_path: Path) -> None:
    code = (
        "import os, sys; from trainer_core import environment; environment.replace_missing_streams()\n"
        "number = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)\n"
        "os.write(2, b'noise'); print('words', file=sys.stderr)\n"
        "os.write(number, str(number).encode())"
    )
    command = 'exec "$0" -c "$1" "$2" <&- >&- 2>&-'
    subprocess.run(["sh", "-c", command, sys.executable, code, str(tmp_path / "file")], cwd=ROOT, check=True)
    assert int((tmp_path / "file").read_text()) > 2
