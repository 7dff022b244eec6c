"""Use cases of runs: executing, recording, evaluating, comparing and predicting."""
