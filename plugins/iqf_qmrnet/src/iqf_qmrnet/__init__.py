"""Learned image quality for IQF: QMRNet reads the degradation of an image, as a metric and as a loss."""
