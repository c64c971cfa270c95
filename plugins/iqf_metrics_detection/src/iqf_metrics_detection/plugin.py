"""What this distribution brings; the code behind it is imported on first use."""

from __future__ import annotations

from iqf_core.plugin import Component, hookimpl

IQF_CONTRACT = 1


@hookimpl
def iqf_metrics() -> list[Component]:
    """Declare the metrics."""
    home = "iqf_metrics_detection"
    return [
        Component(
            "detection",
            f"{home}.detection:DetectionMetric",
            summary="COCO average precision and recall of boxes, masks or oriented boxes",
        ),
        Component(
            "segmentation",
            f"{home}.segmentation:SegmentationMetric",
            summary="IoU, Dice and pixel accuracy of predicted mask images",
        ),
        Component(
            "classification",
            f"{home}.classification:ClassificationMetric",
            summary="Accuracy, F1 and confusion of predicted classes of images",
        ),
    ]
