"""Grey TIFFs of many kinds of numbers are read as tifffile reads them."""

import io

import numpy as np
import pytest

from tl_core.data.images import open_rgb

tifffile = pytest.importorskip("tifffile", reason="tifffile is not installed")
RAMP = np.linspace(0, 1, 120).reshape(10, 12)
KINDS = {"u2": 65535, "i4": 255, "f4": 1, "f8": 1}
"""Type of the samples with their white."""


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_any_order_of_bytes_and_any_kind_of_number(kind, order, photometric, compression):
    values = (RAMP * KINDS[kind]).astype(kind)
    file = io.BytesIO()
    options = {"byteorder": order, "photometric": photometric, "compression": compression}
    tifffile.imwrite(file, values, **options)
    file.seek(0)
    known = tifffile.imread(file) / KINDS[kind]
    file.seek(0)
    pixels = np.asarray(open_rgb(file, 10_000).pixels)[..., 0].astype(int)
    shown = 1 - known if photometric == "miniswhite" else known
    assert np.abs(pixels - 255 * shown).max() <= 1
