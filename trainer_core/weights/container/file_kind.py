"""Recognition of files that are not weight files by their first bytes, so that a refusal can say what they are."""

from __future__ import annotations

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "it is a JPEG picture"),
    (b"\x89PNG", "it is a PNG picture"),
    (b"version https://git-lfs", "it is only a Git LFS pointer; fetch the real file with git lfs pull"),
    (b"\x1f\x8b", "it is a gzip file; unpack it first"),
    (b"7z\xbc\xaf", "it is a 7-Zip archive; unpack it first"),
    (b"Rar!", "it is a RAR archive; unpack it first"),
    (b"PK\5\6", "it is an empty archive"),
    (b"GGUF", "it is a GGUF language model"),
    (b"\x89HDF", "it is an HDF5 (Keras) model"),
    (b"7767517", "it is an NCNN model; use the .pth it was converted from"),
    (b"%PDF", "it is a PDF document"),
    (b"\x93NUMPY", "it is a NumPy array"),
)


def describe_foreign_file(head: bytes) -> str:
    """Return what a file seems to be, as a sentence without a period.

    Args:
        head: its first bytes, up to 512.
    """
    for start, name in _SIGNATURES:
        if head.startswith(start):
            return name
    if head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "it is a web page, probably an error page instead of the download; download the file again"
    if head[257:262] == b"ustar":
        return "it is a tar archive; unpack it first, or if PyTorch before 0.1.10 wrote it, save it with a newer one"
    if head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5" and len(head) > 1:
        return "it is a plain pickle that torch.save did not write, and was not run"
    if (head[:1] == b"\x08" and b"pytorch" in head) or b"onnx" in head[:64]:
        return "it is an ONNX model; use the .pth it was converted from"
    return "its content is neither PyTorch (.pth, .pt) nor .safetensors"
