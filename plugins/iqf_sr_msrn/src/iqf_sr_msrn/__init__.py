"""Super-resolution for IQF: the multi-scale residual network, trained on any registered loss."""
