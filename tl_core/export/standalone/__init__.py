"""Scripts that leave with an exported run. They import nothing of TransferLab."""
