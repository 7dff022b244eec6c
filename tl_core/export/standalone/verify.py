"""Does the model still answer as it did in its test?    python verify.py

Asks it about the images in receipt/ and compares the logarithms of the probabilities with those
that were kept of the test. Ends with 0 if all differences are within the tolerance, else with 1.
Needs what predict.py needs.
"""

import json
import sys

import numpy as np
from predict import HERE, Model, log_softmax

FLOOR = float(np.log(np.finfo(np.float32).tiny))
"""Probabilities were kept as 32-bit floats, which cannot tell smaller ones from 0."""


def main() -> int:
    receipt = json.loads((HERE / "receipt" / "receipt.json").read_text(encoding="utf-8"))
    model, tolerance, found = Model(), receipt["tolerance"], []
    for kept in receipt["images"]:
        said = log_softmax(model.logits(HERE / "receipt" / kept["file"]))
        found.append(
            float(np.abs(np.maximum(said, FLOOR) - np.array(kept["log_probabilities"])).max())
        )
        print(
            f"{'ok  ' if found[-1] <= tolerance else 'FAIL'} {kept['file']}: differs by {found[-1]:.2g}"
        )
    failed = sum(not each <= tolerance for each in found)  # so that what is not a number fails, too
    if failed or not found:
        print(f"FAILED: {failed} of {len(found)} images; the tolerance is {tolerance:.2g}.")
        return 1
    print(f"PASSED: at most {max(found):.2g}; the tolerance is {tolerance:.2g}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
