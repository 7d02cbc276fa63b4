"""The dimensions of an RRDBNet, without torch: `NetworkSpec` gives names, shapes and number of its parameters."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class NetworkSpec:
    """Dimensions of an RRDBNet.

    Attributes:
        scale: 1, 2, 4 or 8.
        num_feat: features of the trunk.
        num_block: RRDBs.
        num_grow_ch: growth channels.
        num_in_ch: channels of the input.
        num_out_ch: channels of the output.
        unshuffle: pixel-unshuffle before the trunk; 0 for BasicSR's rule (4 for x1, 2 for x2); 1 is a "plain" x1 or
            x2, which only other programs' files contain.
    """

    scale: int
    num_feat: int = 64
    num_block: int = 23
    num_grow_ch: int = 32
    num_in_ch: int = 3
    num_out_ch: int = 3
    unshuffle: int = 0

    @property
    def unshuffle_factor(self) -> int:
        """Factor of the pixel-unshuffle before the trunk: 4 for x1, 2 for x2, else 1."""
        return self.unshuffle or {1: 4, 2: 2}.get(self.scale, 1)

    @property
    def up_convolutions(self) -> int:
        """Number of doublings after the trunk: log2(scale x unshuffle)."""
        return (self.scale * self.unshuffle_factor).bit_length() - 1

    @property
    def viewer_compatible(self) -> bool:
        """Whether WQV-Viewer can load the network; it builds only 64/23/32 from RGB to RGB."""
        fixed = (self.num_feat, self.num_block, self.num_grow_ch, self.num_in_ch, self.num_out_ch)
        return fixed == (64, 23, 32, 3, 3) and self.scale in (2, 4, 8) and not self.unshuffle

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every parameter by name, in BasicSR's order."""
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
        """Return the number of trained values."""
        total = 0
        for shape in self.shapes().values():
            size = 1
            for side in shape:
                size *= side
            total += size
        return total

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values, as stored in `meta.spec`."""
        return asdict(self)

    def describe(self) -> str:
        """Return a short name, such as "RRDB x4 64/23/32"."""
        return f"RRDB x{self.scale} {self.num_feat}/{self.num_block}/{self.num_grow_ch}"
