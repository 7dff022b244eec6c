"""Check that the model still gives the probabilities of its test:    python verify.py

Runs the model on the images in receipt/ and compares the logarithms of the probabilities with those
stored in receipt.json. Exits with 0 if all differences are within the tolerance, else with 1.
Needs the same packages as predict.py.
"""

import json
import sys

import numpy as np
from predict import HERE, Model, log_softmax

# The stored probabilities are 32-bit floats, which cannot tell smaller ones from 0.
FLOOR = float(np.log(np.finfo(np.float32).tiny))


def main() -> int:
    receipt = json.loads((HERE / "receipt" / "receipt.json").read_text(encoding="utf-8"))
    tolerance = receipt["tolerance"]
    model = Model()
    differences: list[float] = []
    failed = 0
    for image in receipt["images"]:
        logs = np.maximum(log_softmax(model.logits(HERE / "receipt" / image["file"])), FLOOR)
        difference = float(np.abs(logs - np.array(image["log_probabilities"])).max())
        differences.append(difference)
        # NaN compares as false, so it fails, too.
        passed = difference <= tolerance
        failed += not passed
        print(f"{'ok  ' if passed else 'FAIL'} {image['file']}: differs by {difference:.2g}")
    if failed or not differences:
        print(f"FAILED: {failed} of {len(differences)} images; the tolerance is {tolerance:.2g}.")
        return 1
    print(f"PASSED: largest difference {max(differences):.2g}; the tolerance is {tolerance:.2g}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
