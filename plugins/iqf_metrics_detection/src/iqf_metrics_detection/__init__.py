"""Task metrics for IQF: detection (boxes, masks, oriented boxes), segmentation, classification."""
