"""What this distribution brings; the code behind it is imported on first use."""

from __future__ import annotations

from iqf_core.plugin import Component, hookimpl

IQF_CONTRACT = 1


@hookimpl
def iqf_networks() -> list[Component]:
    """Declare the networks."""
    return [
        Component(
            "msrn",
            "iqf_sr_msrn.networks.components:Msrn",
            summary="The multi-scale residual network, full size or for a processor",
        ),
        Component(
            "fsrcnn",
            "iqf_sr_msrn.networks.components:Fsrcnn",
            summary="The fast super-resolution convolutional network",
        ),
    ]


@hookimpl
def iqf_modifiers() -> list[Component]:
    """Declare the modifiers, which are also the upscalers of ``iqf sr evaluate``."""
    return [
        Component(
            "msrn",
            "iqf_sr_msrn.modifiers.network:NetworkUpscaling",
            summary="Super-resolution with a trained network; annotations follow",
            aliases=("super_resolution",),
        ),
        Component(
            "onnx",
            "iqf_sr_msrn.modifiers.onnx:OnnxUpscaling",
            summary="Super-resolution with a network in an ONNX file",
        ),
        Component(
            "bicubic",
            "iqf_sr_msrn.modifiers.interpolation:Bicubic",
            summary="Enlargement by bicubic interpolation",
        ),
        Component(
            "lanczos",
            "iqf_sr_msrn.modifiers.interpolation:Lanczos",
            summary="Enlargement by Lanczos interpolation",
        ),
    ]


@hookimpl
def iqf_losses() -> list[Component]:
    """Declare the losses."""
    return [
        Component("l1", "iqf_sr_msrn.losses.pixel:L1", summary="Mean absolute error"),
        Component("mse", "iqf_sr_msrn.losses.pixel:Mse", summary="Mean squared error"),
        Component(
            "charbonnier",
            "iqf_sr_msrn.losses.pixel:Charbonnier",
            summary="L1 that is smooth at zero",
        ),
        Component("ssim", "iqf_sr_msrn.losses.pixel:Ssim", summary="1 - structural similarity"),
        Component(
            "vgg",
            "iqf_sr_msrn.losses.vgg:Vgg",
            summary="Distance of VGG16 features, weights from a local file",
        ),
    ]


@hookimpl
def iqf_trainers() -> list[Component]:
    """Declare the trainer."""
    return [
        Component(
            "super_resolution",
            "iqf_sr_msrn.trainer:SuperResolutionTrainer",
            summary="Trains a super-resolution network for every point of a study",
        ),
    ]


@hookimpl
def iqf_commands() -> list[Component]:
    """Declare the commands."""
    return [
        Component(
            "sr.train",
            "iqf_sr_msrn.commands.train:train",
            summary="Train a super-resolution network on any mixture of losses",
        ),
        Component(
            "sr.import",
            "iqf_sr_msrn.commands.official:import_checkpoint",
            summary="Make a model folder of an official MSRN checkpoint",
        ),
        Component(
            "sr.evaluate",
            "iqf_sr_msrn.commands.evaluate:evaluate",
            summary="Compare upscalers with the truth and with each other",
        ),
        Component(
            "sr.upscale",
            "iqf_sr_msrn.commands.upscale:upscale",
            summary="Enlarge images with a trained network",
        ),
        Component(
            "sr.fuse",
            "iqf_sr_msrn.commands.fuse:fuse",
            summary="Fuse several frames of one scene into one finer image",
        ),
    ]
