"""The models and inputs that forward passes are measured on."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Row:
    """A model and the size of its input."""

    name: str
    title: str
    patch: int
    width: int
    heads: int
    height: int
    input_width: int
    native_grid: int
    """Side of the patch grid that the position table is made for."""
    frames: int
    """How many frames a full round measures."""
    layer_scale: bool = False
    depth: int = 12
    architecture: str = ""
    """timm's name of a family with parts of its own; empty for the plain Vision Transformer."""
    special_tokens: int = 1
    """Before the patches: the class token, then registers."""
    plain: str = ""
    """The row of the plain Vision Transformer of this shape, which a family is held against."""

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return self.height // self.patch, self.input_width // self.patch

    @property
    def patches(self) -> int:
        rows, columns = self.grid
        return rows * columns

    @property
    def tokens(self) -> int:
        """Special ones and patches."""
        return self.special_tokens + self.patches

    @property
    def gigaflop(self) -> float:
        """Work of a frame: patch embedding and all blocks but the last, as `vitvideo-bench` counts.

        A multiplication with its addition counts two. What one query needs of the last block is too
        little to matter.
        """
        linear = 24 * self.tokens * self.width**2
        attention = 4 * self.tokens**2 * self.width
        embedding = 2 * self.patches * 3 * self.patch**2 * self.width
        return (embedding + (self.depth - 1) * (linear + attention)) / 1e9


PLAIN = [
    Row("vits16_224", "ViT-S/16, 224×224", 16, 384, 6, 224, 224, 14, frames=160),
    Row("vits16_512", "ViT-S/16, 512×896", 16, 384, 6, 512, 896, 14, frames=16),
    Row("vitb16_224", "ViT-B/16, 224×224", 16, 768, 12, 224, 224, 14, frames=48),
    Row("vitb16_512", "ViT-B/16, 512×896", 16, 768, 12, 512, 896, 14, frames=8),
]


def family(row: Row, prefix: str, title: str, architecture: str, special_tokens: int = 1) -> Row:
    """A family's model in the shape of a plain one."""
    return replace(
        row, name=row.name.replace("vit", f"{prefix}_vit", 1), title=row.title.replace("ViT", title),
        architecture=architecture, special_tokens=special_tokens, plain=row.name,
    )  # fmt: skip


ROWS = {
    row.name: row
    for row in [
        *PLAIN,
        *(family(row, "dinov3", "DINOv3 ViT", "vit_small_patch16_dinov3", 5) for row in PLAIN[:2]),
        *(family(row, "clip", "CLIP ViT", "vit_base_patch16_clip_quickgelu_224") for row in PLAIN[2:]),
        Row(
            "dinov2_vits14_448", "DINOv2 ViT-S/14, 448×798", 14, 384, 6, 448, 798, 37,
            frames=16, layer_scale=True,
        ),
    ]
}  # fmt: skip

# What vitvideo's default model is fed of a 16:9 clip at the default resolution, 32 patches high:
# 448×796, cut to whole patches.
DEFAULT = Row(
    "default", "dinov2_vits14, 448×784", 14, 384, 6, 448, 784, 37, frames=16, layer_scale=True
)

VITS8 = Row("vits8_720", "ViT-S/8, 720×1280", 8, 384, 6, 720, 1280, 28, frames=2)

NEURON = Row(
    "dinov2_vits14_224", "DINOv2 ViT-S/14, 224×224", 14, 384, 6, 224, 224, 37, frames=16, layer_scale=True
)

BY_NAME = ROWS | {row.name: row for row in [DEFAULT, VITS8, NEURON]}

# Heights and widths for ViT-S/16, from 196 to 14,400 patches.
SIZES = [(224, 224), (448, 448), (512, 896), (720, 1280), (1024, 1792), (1440, 2560)]
