"""QMRNet for IQF: reads how far an image is degraded, as a metric and as a loss."""
