"""Scripts that leave with an exported run. They know nothing of TransferLab: nothing here may import it."""
