"""Picture of the network: its stages in a row, or in a column where a row is too wide."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tl_core.text import number_of
from tl_ui.train import network_column, network_row
from tl_ui.train.network_shapes import Drawn, Part


@dataclass(frozen=True, slots=True)
class StageView:
    name: str
    parameters: int
    output: str
    """Output shape: height, width and channels, such as "112 × 112 × 32"."""

    def part(self) -> Part:
        """Return the words and sizes with which the stage is drawn."""
        numbers = [int(digits[:6]) for digits in re.findall(r"[0-9]+", self.output)] or [1]
        weights = parameters_text(self.parameters)
        return Part(self.name, self.output, weights, numbers[0], numbers[-1])


def network_html(stages: Sequence[StageView], head_label: str) -> str:
    """Return the drawing for the `depth_control` component, which paints what is frozen.

    Args:
        head_label: output of the head, such as "5 classes". User text.
    """
    parts = [stage.part() for stage in stages]
    # Both are in the page, since only the browser knows how wide it is.
    wide = network_row.draw(parts, head_label)
    tall = network_column.draw(parts, head_label)
    return f'<div class="tl-network">{_style(wide, tall)}{wide.svg}{tall.svg}</div>'


def _style(wide: Drawn, tall: Drawn) -> str:
    # Below three quarters of its size the row's words are too small to read.
    return (
        "<style>.tl-network{container-type:inline-size}.tl-network .tall{display:none}"
        ".tl-network svg{display:block;margin:auto;width:100%;height:auto;font-size:13px;"
        "overflow:visible}"
        f".tl-network .wide{{max-width:{wide.width * 1.1:.0f}px}}"
        f".tl-network .tall{{max-width:{tall.width * 1.15:.0f}px}}"
        f"@container (max-width:{wide.width * 0.75:.0f}px){{.tl-network .wide{{display:none}}"
        ".tl-network .tall{display:block}}</style>"
    )


def depth_sentences(stages: Sequence[StageView]) -> list[tuple[str, str]]:
    """Return, for each number of frozen stages from 0, its name and a sentence on what learns."""
    total = number_of(len(stages), "stage")
    weights = sum(stage.parameters for stage in stages)
    nothing = f"Nothing frozen: all {total} learn"
    if len(stages) == 1:
        nothing = "Nothing frozen: the only stage learns"
    sentences = [(nothing, f"{nothing}, and the head.")]
    frozen = 0
    for place, stage in enumerate(stages, 1):
        frozen += stage.parameters
        name = f"Frozen up to stage {place} of {len(stages)}"
        kept = f"{parameters_text(frozen)} of {parameters_text(weights)} weights stay as they are"
        left = len(stages) - place
        last = "the last stage" if left == 1 else f"the last {left} stages"
        what = f"{kept}; {last} and the head learn"
        if not left:
            what = f"all {parameters_text(weights)} weights stay as they are; only the head learns"
        sentences.append((name, f"{name} ({stage.name}): {what}."))
    return sentences


def parameters_text(n: int) -> str:
    """Return a number of parameters such as `1.3 M` or `12 k`."""
    # From here on, thousands would be rounded to 1000 k.
    if n >= 999_500:
        return f"{n / 1e6:.1f} M"
    return f"{n / 1e3:.0f} k" if n >= 1000 else str(n)
