"""What metrics draw of images, so that people look before they believe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core.components.context import Context
from iqf_core.components.metric import ImageInput, Metric, PairInput
from iqf_core.errors import ConfigurationError, ImageError, IQFError
from iqf_core.files import cache_folder, content_hash
from iqf_core.measurement.batch import MeasurementError, make_metrics
from iqf_core.measurement.subjects import Source
from iqf_core.progress import progress

if TYPE_CHECKING:
    from iqf_core.measurement.metrics import MetricUse
    from iqf_core.plugins.manager import PluginManager


def draw_figures(
    source: Source,
    names: Sequence[str],
    uses: Sequence[MetricUse],
    folder: Path,
    *,
    manager: PluginManager,
    reference: Source | None = None,
    pairs: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> list[Path]:
    """Draw every image with every metric that can draw.

    Parameters
    ----------
    source, names
        Where images come from, and which.
    uses
        The metrics.
    folder
        Where the figures go; made if it is not there. A figure is called ``<image>.<metric>.png``.
    manager
        Where metrics are found.
    reference, pairs
        Where references come from, and the one of each image.
    quiet
        Show no progress.

    Returns
    -------
    list of Path
        The figures.

    Raises
    ------
    ConfigurationError
        If none of the metrics draws.
    MeasurementError
        If a metric fails.
    """
    metrics = list(zip(uses, make_metrics(uses, manager.registry), strict=True))
    drawing = [(use, metric) for use, metric in metrics if type(metric).draw is not Metric.draw]
    if not drawing:
        raise ConfigurationError(
            f"{', '.join(use.name for use in uses)}: no figure can be drawn; leave out --figure"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be made ({error.strerror})") from None
    drawn: list[Path] = []
    with progress("Drawing", len(names), quiet=quiet) as bar:
        for name in names:
            partner = (pairs or {}).get(name, "")
            with ExitStack() as stack:
                reader = stack.enter_context(source.open(name))
                hashed = content_hash(source.path(name))
                subject = ImageInput(reader, hashed)
                if reference is not None and partner:
                    other = stack.enter_context(reference.open(partner))
                    subject = PairInput(reader, hashed, reference_reader=other)
                context = Context(
                    cache=cache_folder(),
                    source_hash=hashed,
                    full_shape=reader.shape,
                    properties=source.properties,
                )
                drawn += _draw(drawing, subject, context, folder, name)
            bar.advance()
    return drawn


def _draw(
    drawing: Iterable[tuple[MetricUse, Metric]],
    subject: ImageInput,
    context: Context,
    folder: Path,
    name: str,
) -> list[Path]:
    drawn = []
    for use, metric in drawing:
        path = folder / f"{name.replace('/', '_')}.{use.name}.png"
        try:
            metric.draw(subject, context, path)
        except ImageError:
            raise
        except Exception as error:
            told = str(error) if isinstance(error, IQFError) else f"{type(error).__name__}: {error}"
            raise MeasurementError(
                f"metric {use.label!r} of plugin {use.plugin!r} ({use.distribution}) cannot draw "
                f"{name}: {told}"
            ) from error
        drawn.append(path)
    return drawn
