"""The dimensions of an RRDB network, without torch: names, shapes and the number of parameters."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class NetworkSpec:
    """What must be known to build an RRDBNet.

    `scale` is 1, 2, 4 or 8. x1 and x2 use a pixel-unshuffle by 4 or 2 before the trunk, as BasicSR does,
    unless `unshuffle` is 1 (a "plain" x1/x2, met only in other programs' files).
    """

    scale: int
    num_feat: int = 64
    num_block: int = 23
    num_grow_ch: int = 32
    num_in_ch: int = 3
    num_out_ch: int = 3
    unshuffle: int = 0  # 0: BasicSR's rule for the scale

    @property
    def unshuffle_factor(self) -> int:
        """The pixel-unshuffle in front of the trunk: 4 for x1, 2 for x2, else 1."""
        return self.unshuffle or {1: 4, 2: 2}.get(self.scale, 1)

    @property
    def up_convolutions(self) -> int:
        """How many times the trunk's output is doubled: log2(scale x unshuffle)."""
        return (self.scale * self.unshuffle_factor).bit_length() - 1

    @property
    def viewer_compatible(self) -> bool:
        """Whether WQV-Viewer, which builds 64/23/32 from RGB to RGB and nothing else, can load it."""
        fixed = (self.num_feat, self.num_block, self.num_grow_ch, self.num_in_ch, self.num_out_ch)
        return fixed == (64, 23, 32, 3, 3) and self.scale in (2, 4, 8) and not self.unshuffle

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every parameter's name and shape, in BasicSR's order."""
        feat, grow = self.num_feat, self.num_grow_ch
        convolutions = [("conv_first", self.num_in_ch * self.unshuffle_factor**2, feat)]
        for block in range(self.num_block):
            for dense in (1, 2, 3):
                for k in (1, 2, 3, 4, 5):
                    out = feat if k == 5 else grow
                    convolutions.append((f"body.{block}.rdb{dense}.conv{k}", feat + (k - 1) * grow, out))
        convolutions.append(("conv_body", feat, feat))
        convolutions += [(f"conv_up{k + 1}", feat, feat) for k in range(self.up_convolutions)]
        convolutions += [("conv_hr", feat, feat), ("conv_last", feat, self.num_out_ch)]
        shapes: dict[str, tuple[int, ...]] = {}
        for name, inputs, outputs in convolutions:
            shapes[f"{name}.weight"] = (outputs, inputs, 3, 3)
            shapes[f"{name}.bias"] = (outputs,)
        return shapes

    def parameter_count(self) -> int:
        """The number of trained values."""
        total = 0
        for shape in self.shapes().values():
            size = 1
            for side in shape:
                size *= side
            total += size
        return total

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values, as stored in `meta.spec`."""
        return asdict(self)

    def describe(self) -> str:
        """A short name, such as "RRDB x4 64/23/32"."""
        return f"RRDB x{self.scale} {self.num_feat}/{self.num_block}/{self.num_grow_ch}"
