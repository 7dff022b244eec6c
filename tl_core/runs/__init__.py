"""Use cases of runs: execute one, record it, judge it, compare several, ask its model."""
