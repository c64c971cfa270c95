"""The core's own components, declared through the same hooks as everyone else's."""

from __future__ import annotations

from iqf_core.plugin import Component, hookimpl


@hookimpl
def iqf_trainers() -> list[Component]:
    """Declare the built-in trainer."""
    return [
        Component(
            "python_script",
            "iqf_core.experiments.script.python_script:PythonScript",
            summary="A Python script that follows the script convention",
        )
    ]


@hookimpl
def iqf_task_executors() -> list[Component]:
    """Declare the built-in executors."""
    return [
        Component(
            "local",
            "iqf_core.execution.local:LocalExecutor",
            summary="Worker processes on this machine",
        ),
        Component(
            "serial",
            "iqf_core.execution.serial:SerialExecutor",
            summary="One task after the other",
        ),
    ]


@hookimpl
def iqf_dataset_formats() -> list[Component]:
    """Declare the built-in dataset formats."""
    return [
        Component(
            "coco",
            "iqf_core.datasets.formats.coco:CocoFormat",
            summary="COCO json: boxes, polygons, RLE masks, keypoints",
        ),
        Component(
            "geojson",
            "iqf_core.datasets.formats.geojson:GeoJsonFormat",
            summary="GeoJSON features with image_filename and class_id",
        ),
        Component(
            "masks",
            "iqf_core.datasets.formats.masks:MasksFormat",
            summary="A folder of mask images, one class per pixel value",
        ),
        Component(
            "plain",
            "iqf_core.datasets.formats.plain:PlainFormat",
            summary="Images without annotations",
        ),
    ]
