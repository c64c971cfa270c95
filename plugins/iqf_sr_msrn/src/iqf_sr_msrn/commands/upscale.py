"""``iqf sr upscale``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("model", type=_PATH)
@click.argument("images", type=_PATH)
@click.option("--out", type=_PATH, required=True, help="Folder of the enlarged images.")
@click.option("--ensemble", is_flag=True, help="Average over the 8 flips and rotations.")
@click.option(
    "--tile-px",
    type=click.IntRange(min=16),
    default=192,
    show_default=True,
    help="Edge of a tile in pixels of the input; memory grows with its square.",
)
@click.option("--device", default="cpu", show_default=True, help="Torch device.")
@click.option("--peak", type=float, help="Full scale, in DN, of images that do not say it.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.pass_obj
def upscale(
    state: Any,
    model: Path,
    images: Path,
    out: Path,
    ensemble: bool,
    tile_px: int,
    device: str,
    peak: float | None,
    as_json: bool,
) -> None:
    """Enlarge IMAGES (a dataset, a folder or one image) with MODEL, a folder of `iqf sr train`.

    Data type, bands, georeference and metadata stay, the transform follows the new grid. GeoTIFF
    is read and written window by window. Tiles overlap by the network's radius: no seam appears.
    To enlarge a dataset with its annotations, use the modifier: `iqf modify DATA msrn:model=MODEL`.
    """
    from iqf_core.api import ConfigurationError, Context, open_dataset, print_json, progress
    from iqf_sr_msrn.inference.enlarging import Enlarger, taken_bands
    from iqf_sr_msrn.inference.files import enlarge_file, steps, suffix_for
    from iqf_sr_msrn.inference.forward import network_function
    from iqf_sr_msrn.model_file import load_model

    registry = state.manager.registry
    context = Context(registry=registry, device=device)
    network, configuration = load_model(model, context)
    enlarger = Enlarger(
        network_function(network, configuration.channels, configuration.scale, ensemble=ensemble),
        configuration.scale,
        configuration.component(context).halo(),
        taken_bands(configuration),
        f"the model {model}",
    )
    dataset = open_dataset(images, registry=registry, peak=peak)
    if out.absolute() == dataset.images_folder:
        raise ConfigurationError(f"{out}: is the folder of the images; choose another for --out")
    stems = [str(Path(name).with_suffix("")) for name in dataset.image_names]
    for name, stem in zip(dataset.image_names, stems, strict=True):
        if stems.count(stem) > 1:
            raise ConfigurationError(
                f"{dataset.path}: {name} and another image differ in their ending alone, and would "
                "be written to one file; rename one"
            )
    written = []
    for name in dataset.image_names:
        begun = time.perf_counter()
        with (
            dataset.open_image(name) as reader,
            progress(name, steps(reader, tile_px), quiet=as_json) as bar,
        ):
            target = (out / name).with_suffix(suffix_for(reader, enlarger.scale))
            target.parent.mkdir(parents=True, exist_ok=True)
            enlarge_file(reader, target, enlarger, tile_px=tile_px, advance=bar.advance)
            height, width, bands = reader.shape
        size = [height * enlarger.scale, width * enlarger.scale, bands]
        seconds = round(time.perf_counter() - begun, 2)
        written.append({"image": name, "path": str(target), "shape": size, "seconds": seconds})
        if not as_json:
            click.echo(f"{target}\n  {size[0]} x {size[1]} x {size[2]} in {seconds:.1f} s")
    if as_json:
        print_json({"schema": "iqf.sr_upscale/1", "model": str(model), "images": written})
