"""``iqf sr import``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_PATH = click.Path(path_type=Path)


@click.command("import")
@click.argument("checkpoint", type=_PATH)
@click.option("--out", type=_PATH, required=True, help="Folder of the model.")
@click.option("--scale", type=int, required=True, help="Of the checkpoint: 2, 3, 4 or 8.")
@click.option(
    "--model",
    metavar="SPEC",
    default="msrn:normalization=div2k",
    show_default=True,
    help="The network it holds the weights of.",
)
@click.option("--bands", type=int, default=3, show_default=True, help="Bands it takes.")
@click.pass_obj
def import_checkpoint(
    state: Any, checkpoint: Path, out: Path, scale: int, model: str, bands: int
) -> None:
    """Make a model folder of a CHECKPOINT of the authors' MSRN: a local .pt or safetensors file.

    Nothing in the file is executed. Their networks were trained on bicubically reduced
    photographs: evaluate them with --degradation gsd:factor=2,interpolation=bicubic,
    restore_size=false.
    """
    from iqf_core.api import Context
    from iqf_sr_msrn.model_file import ModelConfiguration, save_model
    from iqf_sr_msrn.networks.official import load_official

    description = ModelConfiguration(model, scale, bands, training={"imported": checkpoint.name})
    network = description.build(Context(registry=state.manager.registry))
    load_official(network, checkpoint)
    save_model(out, network, description)
    click.echo(str(out))
