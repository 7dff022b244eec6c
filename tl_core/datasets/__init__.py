"""Use cases of datasets: where reading images meets the store."""
