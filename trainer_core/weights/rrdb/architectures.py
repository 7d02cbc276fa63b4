"""Recognition of other networks and of variants of RRDB by parameter names, so that a refusal can name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_WRAPPERS = ("module.", "_orig_mod.", "netG.", "net_g.", "generator.", "model.")

# A network is recognized when all of its keys are present. The first match wins, so the most specific come first.
_KEY_SIGNATURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("SPAN", ("block_1.c1_r.sk.weight",)),
    ("RGT", ("before_RG.1.weight", "layers.0.blocks.0.gamma")),
    ("DAT", ("before_RG.1.weight", "layers.0.blocks.0.attn.attns.0.rpe_biases")),
    ("ATD", ("layers.0.residual_group.td",)),
    ("HAT", ("layers.0.residual_group.overlap_attn.qkv.weight",)),
    ("HAT", ("relative_position_index_OCA",)),
    ("CRAFT", ("layers.0.residual_group.hf_blocks.0.attn.temperature",)),
    ("SRFormer", ("layers.0.residual_group.blocks.0.attn.aligned_relative_position_index",)),
    ("DRCT", ("layers.0.swin1.norm1.weight",)),
    ("Swin2SR", ("layers.0.residual_group.blocks.0.attn.logit_scale",)),
    ("SwinIR", ("layers.0.residual_group.blocks.0.attn.relative_position_bias_table",)),
    ("GRL", ("layers.0.blocks.0.attn.window_attn.attn_transform.logit_scale",)),
    ("OmniSR", ("residual_layer.0.residual_layer.0.layer.0.fn.0.weight",)),
    ("PLKSR", ("feats.0.weight", "feats.1.refine.weight")),
    ("SAFMN", ("to_feat.weight", "feats.0.safm.aggr.weight")),
    ("DITN", ("UFONE.0.ITLs.0.attn.temperature",)),
    ("MoSR", ("gblocks.0.weight",)),
    ("FBCNN", ("m_head.weight", "qf_pred.0.res.0.weight")),
    ("DRUNet", ("m_head.weight", "m_body.0.res.0.weight")),
    ("SCUNet", ("m_head.0.weight", "m_tail.0.weight")),
    ("RealCUGAN", ("unet1.conv1.conv.0.weight",)),
    ("RCAN", ("head.0.weight", "body.0.body.0.body.0.weight")),
    ("EDSR", ("head.0.weight", "body.0.body.0.weight")),
    ("EDSR (MSRResNet)", ("conv_first.weight", "body.0.conv1.weight")),
    ("RCAN", ("conv_first.weight", "body.0.residual_group.0.rcab.0.weight")),
    ("GFPGAN", ("stylegan_decoder.style_mlp.1.weight",)),
    ("CodeFormer or RestoreFormer", ("quantize.embedding.weight",)),
    ("LaMa", ("1.bn_l.running_mean",)),
    ("U-Net discriminator", ("conv0.weight", "conv9.weight")),
    ("VGG-style discriminator", ("conv0_0.weight", "linear1.weight")),
    ("VGG", ("features.0.weight", "classifier.0.weight")),
    ("Stable Diffusion", ("diffusion_model.input_blocks.0.0.weight",)),
    ("Stable Diffusion", ("conv_in.weight", "time_embedding.linear_1.weight")),
    ("DnCNN", ("0.weight", "2.weight", "3.running_mean")),
    ("DnCNN", ("0.weight", "2.weight", "4.weight", "6.weight", "8.weight")),
    ("SRVGG (Real-ESRGAN Compact)", ("body.0.weight", "body.1.weight")),
)

# Networks with all parameters of RRDB and others beside them, recognized by the key of one of the others.
_VARIANTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ESRGAN+ or nESRGAN+", re.compile(r"\bconv1x1\b")),
    ("SPSR", re.compile(r"\b(f_HR_conv1|b_fea_conv)\b")),
    ("SRFlow", re.compile(r"\bflowUpsamplerNet\b")),
    ("RRDB with batch normalization", re.compile(r"\brunning_mean\b")),
    ("RRDB with weight or spectral normalization", re.compile(r"\bweight_(g|v|u|orig)\b|\bparametrizations\b")),
    ("RRDB with low-rank adaptation (LoRA)", re.compile(r"lora_", re.IGNORECASE)),
    ("RRDB with pixel-shuffle upsampling", re.compile(r"\b(pixel_?shuffle|upsampler?)\b", re.IGNORECASE)),
)


def identify_variant(odd: Mapping[str, tuple[int, ...]]) -> str:
    """Return the name of a variant of RRDB, or "" if it is unknown.

    Args:
        odd: shapes, by key, of the tensors that RRDB does not have or has in another shape.
    """
    for name, pattern in _VARIANTS:
        if any(pattern.search(key) for key in odd):
            return name
    makes_pixels = any(len(shape) == 4 and shape[0] in (4 * shape[1], 9 * shape[1]) for shape in odd.values())
    return "RRDB with pixel-shuffle upsampling" if makes_pixels else ""


def identify_architecture(keys: Iterable[str]) -> str:
    """Return the name of a network other than RRDB, or "" if its parameter names are unknown."""
    known = _strip_wrappers(set(keys))
    return next((name for name, signature in _KEY_SIGNATURES if known.issuperset(signature)), "")


def _strip_wrappers(keys: set[str]) -> set[str]:
    for prefix in _WRAPPERS * 2:
        if keys and all(key.startswith(prefix) for key in keys):
            keys = {key[len(prefix) :] for key in keys}
    return keys
