"""Child process that looks into weights files: `python -m tl_core.weights_files.child`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tl_core.sandbox.inside import serve
from tl_core.weights_files.tensors import read_tensors


def look(arguments: Mapping[str, Any], file: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """Return the shape of each tensor of the file at a path, and whether it holds floats."""
    # By path, since the suffix tells the format.
    tensors = read_tensors(Path(arguments["path"]), shapes_only=True)
    rows = [
        (name, list(tensor.shape), tensor.is_floating_point()) for name, tensor in tensors.items()
    ]
    return {"tensors": rows}, b""


if __name__ == "__main__":
    serve({"look": look})
