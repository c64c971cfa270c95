"""The training program that studies call: it follows the script convention.

``python -m iqf_sr_msrn.study_script --outputpath OUT --trainds TRAIN --valds VALIDATION
--loss "l1 + ssim:weight=0.1" --steps 2000``: every setting of ``iqf sr train`` is an option. What
it leaves: the model, ``generated/`` (the validation images, made smaller and enlarged again),
``output.json`` that lists them, and ``results.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iqf_core.api import (
    Chain,
    ConfigurationError,
    Context,
    IQFError,
    PluginManager,
    modify_whole,
    open_dataset,
    progress,
    write_image,
)
from iqf_sr_msrn.training.configuration import TrainingConfiguration, make_configuration


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, enlarge the validation images, and say how it went."""
    try:
        _run(sys.argv[1:] if arguments is None else arguments)
    except IQFError as error:
        sys.exit(f"error: {error}")


def settings_of(arguments: Sequence[str]) -> TrainingConfiguration:
    """Return the settings that the arguments of the script convention say.

    Raises
    ------
    ConfigurationError
        If one is unknown or wrong.
    """
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    for name in ("outputpath", "trainds"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--valds", type=Path)
    parser.add_argument("--testds", type=Path)
    for name in TrainingConfiguration.model_fields:
        if name not in ("images", "validation", "out"):
            parser.add_argument(f"--{name}")
    given, unknown = parser.parse_known_args(arguments)
    if unknown:
        known = ", ".join(TrainingConfiguration.model_fields)
        raise ConfigurationError(f"unknown setting {unknown[0]}; expected one of {known}")
    values: dict[str, Any] = {
        name: _value(text)
        for name, text in vars(given).items()
        if text is not None and name in TrainingConfiguration.model_fields
    }
    values.setdefault("seed", int(os.environ.get("IQF_SEED", "0")))
    values |= {"images": given.trainds, "out": given.outputpath / "model"}
    if given.valds is not None:
        values["validation"] = given.valds
    return make_configuration(values, "hyper-parameters")


def _value(text: str) -> Any:
    """Return a list that came as JSON as a list; everything else is read by the settings."""
    return json.loads(text) if text.startswith("[") else text


def _run(arguments: Sequence[str]) -> None:
    from iqf_sr_msrn.training.setup import resolved, train

    settings = resolved(settings_of(arguments))
    registry = PluginManager.create().registry
    with progress("training", settings.steps) as bar:
        outcome = train(settings, registry, bar)
    output = settings.out.parent
    generated = _generate(settings, output, registry)
    (output / "output.json").write_text(json.dumps(generated), encoding="utf-8")
    results: dict[str, Any] = {f"val_{name}": value for name, value in outcome.best.items()}
    for name in outcome.best:
        results[f"curve_{name}"] = [[step, measures[name]] for step, _, measures in outcome.history]
    results |= {"best_step": outcome.best_step, "cpu_s": outcome.history[-1][1]}
    (output / "results.json").write_text(json.dumps(results), encoding="utf-8")
    # The state is for resuming; a study repeats a run that did not finish.
    (settings.out / "state.pt").unlink(missing_ok=True)


def _generate(settings: TrainingConfiguration, output: Path, registry: Any) -> list[str]:
    """Write the enlarged validation images below `output`; return their relative paths."""
    from iqf_core.api import parse_specification
    from iqf_sr_msrn.degradation import Degradation
    from iqf_sr_msrn.model_file import read_configuration
    from iqf_sr_msrn.training.patches import load_pair

    context = Context(registry=registry, seed=settings.seed, device=settings.device)
    degradation = Degradation.of(settings.degradation, settings.scale, context)
    chain = Chain.resolve([parse_specification(f"msrn:model='{settings.out}'")], registry)
    upscaler = chain.create(registry, context)
    names = read_configuration(settings.out).training["validation_images"]
    dataset = open_dataset(
        settings.validation or settings.images, registry=registry, peak=settings.peak
    )
    written = []
    for name in names:
        pair = load_pair(dataset, name, degradation)
        assert pair.low is not None
        result, _ = modify_whole(pair.low, upscaler, context, dataset.image_path(name))
        place = pair.high.georeference
        target = Path("generated", name).with_suffix(".png" if _plain(result) else ".tif")
        (output / target).parent.mkdir(parents=True, exist_ok=True)
        write_image(output / target, pair.high.with_pixels(result.pixels, georeference=place))
        written.append(target.as_posix())
    return written


def _plain(image: Any) -> bool:
    return image.dtype == "uint8" and image.bands in (1, 3, 4) and image.mask is None


if __name__ == "__main__":
    main()
