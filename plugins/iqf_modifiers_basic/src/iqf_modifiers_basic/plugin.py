"""What this distribution brings; the code behind it is imported on first use."""

from __future__ import annotations

from iqf_core.plugin import Component, hookimpl

IQF_CONTRACT = 1


@hookimpl
def iqf_modifiers() -> list[Component]:
    """Declare the modifiers."""
    return [
        Component(
            "none",
            "iqf_modifiers_basic.reference:Unmodified",
            summary="The unmodified reference of a study",
        ),
        Component(
            "blur",
            "iqf_modifiers_basic.blur:GaussianBlur",
            summary="Gaussian blur of a given width in pixels",
        ),
        Component(
            "gaussian_noise",
            "iqf_modifiers_basic.noise:GaussianNoise",
            summary="Additive white Gaussian noise, in DN or relative to the peak",
            aliases=("noise",),
        ),
        Component(
            "snr",
            "iqf_modifiers_basic.target_snr:TargetSnr",
            summary="The noise that brings the image to a given signal-to-noise ratio",
        ),
        Component(
            "rer",
            "iqf_modifiers_basic.target_rer:TargetRer",
            summary="The blur that brings the image to a given relative edge response",
        ),
        Component(
            "gsd",
            "iqf_modifiers_basic.gsd:GroundSampling",
            summary="A coarser (or finer) ground sampling distance, on the old or a new grid",
        ),
        Component(
            "shot_noise",
            "iqf_modifiers_basic.shot_noise:ShotNoise",
            summary="Noise whose variance grows with the signal",
        ),
        Component(
            "salt_and_pepper",
            "iqf_modifiers_basic.defects:SaltAndPepper",
            summary="Single samples replaced by the peak or by 0",
        ),
        Component(
            "dead_pixels",
            "iqf_modifiers_basic.defects:DeadPixels",
            summary="Failed detectors: single pixels and whole columns",
        ),
        Component(
            "striping",
            "iqf_modifiers_basic.striping:Striping",
            summary="Gain (PRNU) and offset (DSNU) of every detector column",
        ),
        Component(
            "band_misregistration",
            "iqf_modifiers_basic.misregistration:BandMisregistration",
            summary="Bands shifted against each other by fractions of a pixel",
        ),
        Component(
            "adjust_sharpness",
            "iqf_modifiers_basic.sharpening:AdjustSharpness",
            summary="Softer or sharper by a factor, as torchvision defines it",
            aliases=("sharpness",),
        ),
        Component(
            "unsharp_mask",
            "iqf_modifiers_basic.sharpening:UnsharpMask",
            summary="Sharpening by the difference from a blurred image",
        ),
        Component(
            "motion_blur",
            "iqf_modifiers_basic.optics:MotionBlur",
            summary="Uniform linear motion of a given length and direction",
        ),
        Component(
            "defocus",
            "iqf_modifiers_basic.optics:Defocus",
            summary="The blur circle of a defocused lens",
        ),
        Component(
            "mtf",
            "iqf_modifiers_basic.optics:SystemTransfer",
            summary="A sensor's transfer function: Gaussian per axis, pixel aperture, motion",
        ),
        Component(
            "gamma",
            "iqf_modifiers_basic.tones:Gamma",
            summary="A power-law tone curve",
        ),
        Component(
            "brightness",
            "iqf_modifiers_basic.tones:Brightness",
            summary="Exposure (a factor) and black level (an offset)",
        ),
        Component(
            "contrast",
            "iqf_modifiers_basic.tones:Contrast",
            summary="Deviations from each band's mean, multiplied",
        ),
        Component(
            "haze",
            "iqf_modifiers_basic.tones:Haze",
            summary="A homogeneous scattering layer: I t + A (1 - t)",
        ),
        Component(
            "quantization",
            "iqf_modifiers_basic.quantization:Quantization",
            summary="Fewer grey levels: 2^bits of them, 0 and the peak included",
        ),
        Component(
            "jpeg",
            "iqf_modifiers_basic.jpeg:Jpeg",
            summary="Baseline JPEG compression, 8 bits, 1 or 3 bands",
        ),
        *_codecs(),
    ]


def _codecs() -> list[Component]:
    """Declare the coders; all but ``command`` need the extra ``codecs``."""
    home = "iqf_modifiers_basic.codecs"
    return [
        Component(
            "jpeg2000",
            f"{home}.jpeg2000:Jpeg2000",
            summary="JPEG 2000 compression by quality, by rate, or reversible",
        ),
        Component(
            "htj2k",
            f"{home}.htj2k:Htj2k",
            summary="High-throughput JPEG 2000 compression, lossless or by quantization step",
        ),
        Component(
            "jpeg_ls",
            f"{home}.jpeg_ls:JpegLs",
            summary="JPEG-LS compression, lossless or with a largest error",
        ),
        Component(
            "jpeg_xl",
            f"{home}.jpeg_xl:JpegXl",
            summary="JPEG XL compression by distance, or lossless",
        ),
        Component(
            "webp",
            f"{home}.webp:WebP",
            summary="WebP compression by quality, or lossless; 8 bits, 3 bands",
        ),
        Component(
            "lerc",
            f"{home}.lerc:Lerc",
            summary="LERC compression with a largest error, 0 for lossless",
        ),
        Component(
            "ccsds121",
            f"{home}.ccsds121:Ccsds121",
            summary="CCSDS 121.0 lossless compression",
        ),
        Component(
            "zstd",
            f"{home}.dictionary:Zstd",
            summary="Zstandard lossless compression behind a predictor",
        ),
        Component(
            "deflate",
            f"{home}.dictionary:Deflate",
            summary="Deflate lossless compression behind a predictor",
        ),
        Component(
            "command",
            f"{home}.command:CommandCodec",
            summary="Compression by programs of your own, an encoder and a decoder",
        ),
    ]


@hookimpl
def iqf_presets() -> list[Component]:
    """Declare the presets."""
    return [
        Component(
            "pushbroom",
            "iqf_modifiers_basic.presets:PUSHBROOM",
            summary="Detector aperture and image motion of one pixel: an ideal line scanner",
        ),
        Component(
            "xview_quality",
            "iqf_modifiers_basic.presets:XVIEW_QUALITY",
            summary="The RER and SNR that xView is labelled with (0.56 and 31)",
        ),
        Component(
            "deepglobe_quality",
            "iqf_modifiers_basic.presets:DEEPGLOBE_QUALITY",
            summary="The RER and SNR that DeepGlobe is labelled with (0.54 and 45)",
        ),
    ]
