"""What this distribution brings; the code behind it is imported on first use."""

from __future__ import annotations

from iqf_core.plugin import Component, hookimpl

IQF_CONTRACT = 1


@hookimpl
def iqf_metrics() -> list[Component]:
    """Declare the metrics."""
    return [
        Component(
            "qmrnet",
            "iqf_qmrnet.metric:QMRNetMetric",
            summary="Degradations that a trained QMRNet reads in an image, without a reference",
        ),
        Component(
            "qmrnet_score",
            "iqf_qmrnet.score:QMRNetScore",
            summary="One score, 0 to 1, of all that a trained QMRNet reads in an image",
        ),
    ]


@hookimpl
def iqf_losses() -> list[Component]:
    """Declare the losses."""
    return [
        Component(
            "qmrnet",
            "iqf_qmrnet.loss:QMRLoss",
            summary="Distance between what a frozen QMRNet reads in two images",
        )
    ]


@hookimpl
def iqf_trainers() -> list[Component]:
    """Declare the trainer."""
    return [
        Component(
            "qmrnet",
            "iqf_qmrnet.trainer:QMRNetTrainer",
            summary="Trains a QMRNet on the images of --trainds, for studies over its settings",
        )
    ]


@hookimpl
def iqf_commands() -> list[Component]:
    """Declare the commands."""
    return [
        Component(
            "qmrnet.train",
            "iqf_qmrnet.cli:train",
            summary="Train a network to read a modifier's parameter",
        ),
        Component("qmrnet.info", "iqf_qmrnet.cli:info", summary="What a trained model is"),
        Component(
            "qmrnet.evaluate",
            "iqf_qmrnet.cli_evaluation:evaluate",
            summary="How well a trained model reads images at known levels",
        ),
        Component(
            "qmrnet.import",
            "iqf_qmrnet.cli_evaluation:import_",
            summary="Make a model of a published checkpoint",
        ),
    ]
