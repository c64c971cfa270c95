"""What this distribution brings; the code behind it is imported on first use."""

from __future__ import annotations

from iqf_core.plugin import Component, hookimpl

IQF_CONTRACT = 1


@hookimpl
def iqf_commands() -> list[Component]:
    """Declare the commands."""
    home = "iqf_dataset_tools.commands"
    return [
        Component(
            "dataset.check",
            f"{home}:check",
            summary="Find what is wrong with a dataset's images and annotations",
        ),
        Component(
            "dataset.fix",
            f"{home}:fix",
            summary="Write a mended copy of a dataset, with a record of every change",
        ),
        Component(
            "dataset.stats",
            f"{home}:stats",
            summary="Exact statistics of images, classes and objects; as a page too",
        ),
        Component(
            "dataset.view",
            f"{home}:view",
            summary="Look at images with their annotations in a browser",
        ),
    ]
