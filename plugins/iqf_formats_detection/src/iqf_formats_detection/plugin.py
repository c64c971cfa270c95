"""What this distribution brings; the code behind it is imported on first use."""

from __future__ import annotations

from iqf_core.plugin import Component, hookimpl

IQF_CONTRACT = 1


@hookimpl
def iqf_dataset_formats() -> list[Component]:
    """Declare the dataset formats."""
    return [
        Component(
            "dota",
            "iqf_formats_detection.dota:DotaFormat",
            summary="DOTA: a labelTxt folder, oriented boxes with class and difficulty",
        ),
        Component(
            "yolo",
            "iqf_formats_detection.yolo:YoloFormat",
            summary="YOLO: a labels folder, boxes, oriented boxes or polygons, normalised",
        ),
    ]
