"""``iqf sr fuse``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("frames", type=_PATH, nargs=-1, required=True)
@click.option("--out", type=_PATH, required=True, help="The fused image, .png or .tif.")
@click.option(
    "--scale", type=click.IntRange(1, 4), default=2, show_default=True, help="How much finer."
)
@click.option(
    "--kernel-px", type=float, default=0.2, show_default=True, help="Kernel width on detail."
)
@click.option("--peak", type=float, help="Full scale, in DN, of images that do not say it.")
@click.option("--json", "as_json", is_flag=True, help="Print shifts and gain as JSON.")
@click.pass_obj
def fuse(
    state: Any,
    frames: tuple[Path, ...],
    out: Path,
    scale: int,
    kernel_px: float,
    peak: float | None,
    as_json: bool,
) -> None:
    """Fuse several FRAMES of one scene into one finer image; the first is the reference.

    Frames are registered to fractions of a pixel (translation), and their samples are gathered by
    Gaussian kernels that follow the structure (Wronski et al. 2019). The result lies where the
    first frame lies. It is said when the frames add nothing.
    """
    from dataclasses import asdict

    from iqf_core.api import ConfigurationError, print_json, progress, read_image, write_image
    from iqf_sr_msrn.fusion.fuse import fuse as fuse_frames
    from iqf_sr_msrn.fusion.kernels import KernelSettings

    if not 0.05 <= kernel_px <= 1:
        raise ConfigurationError(f"--kernel-px is {kernel_px}; expected 0.05 to 1")
    with progress("reading and fusing", len(frames) + 1, quiet=as_json) as bar:
        images = []
        for path in frames:
            images.append(read_image(path, peak=peak))
            bar.advance()
        fused = fuse_frames(images, scale, KernelSettings(detail_px=kernel_px))
        bar.advance()
    out.parent.mkdir(parents=True, exist_ok=True)
    write_image(out, fused.image)
    remarks = [text for text in (fused.adds_nothing, fused.adds_no_detail) if text]
    if as_json:
        print_json(
            {
                "schema": "iqf.sr_fuse/1",
                "out": str(out),
                "shape": list(fused.image.shape),
                "shifts_px": [asdict(shift) for shift in fused.shifts],
                "noise_sigma": fused.noise_sigma,
                "gain_db": fused.gain_db if math.isfinite(fused.gain_db) else None,
                "sub_pixel_positions": fused.phases,
                "adds_nothing": bool(fused.adds_nothing),
                "remarks": remarks,
            }
        )
        return
    height, width, bands = fused.image.shape
    click.echo(f"{out}\n  {height} x {width} x {bands} from {len(frames)} frames")
    for path, shift in zip(frames, fused.shifts, strict=True):
        click.echo(f"  {path.name}: shift ({shift.column:+.3f}, {shift.row:+.3f}) px in x, y")
    if math.isfinite(fused.gain_db):
        click.echo(f"  a frame left out is predicted {fused.gain_db:.2f} dB better than by one")
    for text in remarks:
        click.echo(f"  note: {text}")
