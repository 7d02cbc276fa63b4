"""`UserError`, raised for every problem that the user can correct, and what the errors of memory and devices mean.

The command line prints message and hint and exits with code 2; the window shows the message beside the field or in
a dialog. Any other exception is an error of the program, which the window shows with a report.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

_OUT_OF_MEMORY_TEXTS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "bad_alloc",
    "_STATUS_ALLOC_FAILED",  # cuBLAS, cuDNN and their counterparts on AMD GPUs
    "_ALLOCATION_FAILED",  # cuDNN 9
    "OUT_OF_DEVICE_MEMORY",  # Intel GPUs
    "OUT_OF_HOST_MEMORY",
    "unable to find an engine to execute",  # cuDNN without memory for any algorithm, on a GPU that passed its test
)
_DEVICE_ERROR_TEXTS = (
    "CUDA error",
    "HIP error",  # of AMD GPUs
    "DEVICE_LOST",  # of Intel GPUs
    "illegal memory access",  # and the other texts of CUDA, as Triton passes them on
    "illegal instruction",
    "misaligned address",
    "launch failure",
    "launch timed out",
    "device-side assert",
    "uncorrectable ECC",
)


class UserError(Exception):
    """Bad input, described in one clear sentence: what happened, where, and what to do.

    Args:
        message: the sentence for the user, plain text.
        hint: the command or option that helps; the window omits it and offers buttons instead.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message if not hint else f"{message} {hint}")
        self.message = message
        self.hint = hint


class NewerFileError(UserError):
    """A file of a newer version of this program, which this version neither reads nor rewrites."""


def end_with_advice(reason: str, advice: str) -> str:
    """Return a reason as a sentence, followed by what to do unless the reason says it in a clause of its own.

    The reason may begin with a path, whose own periods do not count.
    """
    reason = reason.rstrip(".")
    words = reason[max(reason.rfind("/"), reason.rfind("\\")) + 1 :]
    return f"{reason}." if "; " in words or ". " in words else f"{reason}. {advice}"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` of Python, NumPy, torch or the system means that the memory of a device ran out."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY_TEXTS)


def is_device_error(error: BaseException) -> bool:
    """Whether `error` of torch or Triton means that a GPU failed, on which this process often cannot compute again."""
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _DEVICE_ERROR_TEXTS)


@contextlib.contextmanager
def explain_out_of_memory(task: str, *, hint: str = "") -> Iterator[None]:
    """Raise a `UserError` instead if memory runs out; a context manager or a decorator.

    Args:
        task: completes "There is not enough memory to".
        hint: the option that needs less memory.
    """
    try:
        yield
    except (MemoryError, OSError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        text = f"There is not enough memory to {task}. Close other programs, then try again."
        raise UserError(text, hint=hint) from error
