"""Name what a file is that is no weight file of ours, from its first bytes, so that the refusal helps."""

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
    (b"7767517", "it is an NCNN model; take the .pth it was made from"),
    (b"%PDF", "it is a PDF document"),
    (b"\x93NUMPY", "it is a NumPy array"),
)


def describe_foreign_file(head: bytes) -> str:
    """A sentence without full stop: what a file that begins with `head` (up to 512 bytes) seems to be."""
    for start, name in _SIGNATURES:
        if head.startswith(start):
            return name
    if head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "it is a web page, probably the site's answer instead of the download"
    if head[257:262] == b"ustar":
        return "it is a tar archive, as PyTorch wrote them before 0.1.10; load and save it anew with a later PyTorch"
    if head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5" and len(head) > 1:
        return "it is a bare pickle, not written by torch.save; it was not run"
    if (head[:1] == b"\x08" and b"pytorch" in head) or b"onnx" in head[:64]:
        return "it is an ONNX model; take the .pth it was made from"
    return "its content is none of .pth, .pt (PyTorch) or .safetensors"
