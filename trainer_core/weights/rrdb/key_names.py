"""Translation of the RRDB parameter names of other programs into those of BasicSR, which this trainer uses.

Old ESRGAN numbers its layers: `model.0` is conv_first, `model.1.sub.B.RDBd.convk.0` the blocks,
`model.1.sub.N` conv_body, `model.3`, `.6`, … the K up-convolutions, `model.{3K+2}` conv_hr, `model.{3K+4}` conv_last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

BASICSR, OLD_ESRGAN, BSRGAN = "BasicSR", "old ESRGAN", "BSRGAN/RealSR"

_COMPILED = "_orig_mod."
# What training stores beside the generator: its copies, the discriminator, and the networks of losses.
_COMPANION = re.compile(
    r"(net_?)?[dfg](_ema)?\.|\w*(discriminator|generator|vgg|loss|perceptual|lpips)\w*\.|cri\w*\.|(ema_|online_)?model(_ema)?\."
)
_BASICSR_KEY = re.compile(
    r"(conv_first|body\.\d+\.rdb[123]\.conv[1-5]|conv_body|conv_up\d|conv_hr|conv_last)\.(weight|bias)"
)
_OLD_BLOCK = re.compile(r"model\.1\.sub\.(\d+)\.RDB([123])\.conv([1-5])\.0\.(weight|bias)")
_OLD_TRUNK = re.compile(r"model\.1\.sub\.(\d+)\.(weight|bias)")
_OLD_LAYER = re.compile(r"model\.(\d+)\.(weight|bias)")
_BSRGAN_BLOCK = re.compile(r"RRDB_trunk\.(\d+)\.RDB([123])\.conv([1-5])\.(weight|bias)")
_BSRGAN_LAYERS = {"trunk_conv": "conv_body", "HRconv": "conv_hr", "conv_first": "conv_first", "conv_last": "conv_last"}


@dataclass(frozen=True)
class Translation:
    """Meaning of the keys of a state dictionary.

    Args:
        dialect: program that the keys come from.
        names: keys by BasicSR name.
        foreign_keys: keys of tensors that RRDB does not have.
        companion_keys: keys of networks that training stores beside the generator, such as the discriminator.
        is_ema: whether the keys say that the weights are EMA weights.
    """

    dialect: str
    names: dict[str, str]
    foreign_keys: tuple[str, ...]
    companion_keys: tuple[str, ...] = ()
    is_ema: bool = False


def translate_keys(keys: Iterable[str]) -> Translation | None:
    """Translate the keys of one state dictionary; return None if they are not of an RRDB network."""
    file_names = list(keys)
    for dialect, anchor, block, make_rule in _DIALECTS:
        prefix = _find_prefix(file_names, anchor, block)
        if prefix is None:
            continue
        names: dict[str, str] = {}
        inner = {_strip_prefix(key, prefix): key for key in file_names if key.replace(_COMPILED, "").startswith(prefix)}
        translate = make_rule(inner)
        for key, original in inner.items():
            ours = translate(key)
            if ours:
                names[ours] = original
        rest = [key for key in file_names if key not in set(names.values())]
        outside = set(rest).difference(inner.values())
        companions = tuple(key for key in rest if key in outside and _COMPANION.match(key))
        foreign = tuple(key for key in rest if key not in companions)
        return Translation(dialect, names, foreign, companions, "ema" in prefix)
    return None


def _find_prefix(keys: list[str], anchor: str, block: re.Pattern[str]) -> str | None:
    """Return the prefix of the parameter names ("module.", "netG.", …, mostly ""), or None in another dialect."""
    plain = [key.replace(_COMPILED, "") for key in keys]
    prefixes = {key[: -len(anchor)] for key in plain if key == anchor or key.endswith("." + anchor)}
    for prefix in sorted(prefixes, key=lambda prefix: ("ema" not in prefix, len(prefix))):
        if any(key.startswith(prefix) and block.fullmatch(key[len(prefix) :]) for key in plain):
            return prefix
    return None


def _strip_prefix(key: str, prefix: str) -> str:
    return key.replace(_COMPILED, "")[len(prefix) :]


_Rule = Callable[[str], str]


def _make_basicsr_rule(_: Iterable[str]) -> _Rule:
    return lambda key: key if _BASICSR_KEY.fullmatch(key) else ""


def _make_bsrgan_rule(_: Iterable[str]) -> _Rule:
    def translate(key: str) -> str:
        block = _BSRGAN_BLOCK.fullmatch(key)
        if block:
            return "body.{}.rdb{}.conv{}.{}".format(*block.groups())
        layer_name, _, kind = key.rpartition(".")
        if kind not in ("weight", "bias"):
            return ""
        up = re.fullmatch(r"upconv(\d)", layer_name)
        layer = f"conv_up{up.group(1)}" if up else _BSRGAN_LAYERS.get(layer_name, "")
        return layer and f"{layer}.{kind}"

    return translate


def _make_old_rule(keys: Iterable[str]) -> _Rule:
    blocks, layers = _find_old_layers(keys)

    def translate(key: str) -> str:
        block = _OLD_BLOCK.fullmatch(key)
        if block:
            return "body.{}.rdb{}.conv{}.{}".format(*block.groups())
        trunk = _OLD_TRUNK.fullmatch(key)
        if trunk and int(trunk.group(1)) == blocks:
            return f"conv_body.{trunk.group(2)}"
        layer = _OLD_LAYER.fullmatch(key)
        name = layers.get(int(layer.group(1)), "") if layer else ""
        return f"{name}.{layer.group(2)}" if layer and name else ""

    return translate


def _find_old_layers(keys: Iterable[str]) -> tuple[int, dict[int, str]]:
    """Return the number of blocks, and the BasicSR names by layer number, which follow from the highest number."""
    numbers = {pattern: [-1] for pattern in (_OLD_BLOCK, _OLD_LAYER)}
    for key in keys:
        for pattern, found in numbers.items():
            match = pattern.fullmatch(key)
            if match:
                found.append(int(match.group(1)))
    last = max(numbers[_OLD_LAYER])
    names = {0: "conv_first", last - 2: "conv_hr", last: "conv_last"}
    names.update({number: f"conv_up{number // 3}" for number in range(3, last - 3, 3)})
    return 1 + max(numbers[_OLD_BLOCK]), names


# Dialect, key of the first layer, pattern of the keys of a block, and a function that makes the translation rule.
_DIALECTS: tuple[tuple[str, str, re.Pattern[str], Callable[[Iterable[str]], _Rule]], ...] = (
    (BASICSR, "conv_first.weight", re.compile(r"body\.\d+\.rdb[123]\.conv[1-5]\.weight"), _make_basicsr_rule),
    (BSRGAN, "conv_first.weight", _BSRGAN_BLOCK, _make_bsrgan_rule),
    (OLD_ESRGAN, "model.0.weight", _OLD_BLOCK, _make_old_rule),
)
