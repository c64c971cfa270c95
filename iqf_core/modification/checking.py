"""What can be known of a modification before any pixel is decoded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iqf_core.components.dataset_format import ImageChange
from iqf_core.components.modifier import DTYPES
from iqf_core.errors import ConfigurationError, ImageError, Problem, UnsupportedImageError
from iqf_core.imaging.grid import Affine6, compose
from iqf_core.imaging.writing import container_for
from iqf_core.modification.naming import new_image_names

if TYPE_CHECKING:
    from iqf_core.components.modifier import Modifier
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.imaging.header import ImageHeader
    from iqf_core.modification.chain import Chain
    from iqf_core.progress import Bar


@dataclass(frozen=True)
class Preview:
    """The images of a copy before it is made.

    Attributes
    ----------
    headers
        Of every image that has a readable header, by name.
    unreadable
        Name -> reason of the others.
    names
        Old name -> new name, of those with a header.
    """

    headers: Mapping[str, ImageHeader]
    unreadable: Mapping[str, str]
    names: Mapping[str, str]

    @property
    def samples(self) -> dict[str, int]:
        """Height x width x bands of every image."""
        return {
            name: header.height * header.width * header.bands
            for name, header in self.headers.items()
        }


def preview(dataset: Dataset, bar: Bar, *, cog: bool = False) -> Preview:
    """Read the headers of all images and decide their new names; with `cog` all are GeoTIFF."""
    headers: dict[str, ImageHeader] = {}
    unreadable: dict[str, str] = {}
    for name in dataset.image_names:
        try:
            header = dataset.header(name)
            if header.dtype not in DTYPES:
                raise ImageError(
                    header.path,
                    f"holds {header.dtype} pixels; IQF takes {', '.join(DTYPES)}: convert it first",
                )
            headers[name] = header
        except ImageError as error:
            unreadable[name] = error.reason
        bar.advance()
    suffixes = {name: ".tif" if cog else container_for(header) for name, header in headers.items()}
    return Preview(headers, unreadable, new_image_names(suffixes))


def check_support(found: Preview, chain: Chain, modifiers: Sequence[Modifier]) -> None:
    """Refuse a modification that cannot work.

    Raises
    ------
    ConfigurationError
        If the peak of images is not known.
    UnsupportedImageError
        If a modifier does not take images of this data type or band count. Each distinct problem
        is one line that names the modifier, the first such image and how many there are.
    """
    problems: dict[str, list[ImageHeader]] = {}
    unknown: list[ImageHeader] = []
    answers: dict[tuple[str, int], str] = {}
    for header in found.headers.values():
        if header.peak is None:
            unknown.append(header)
        kind = (header.dtype, header.bands)
        if kind not in answers:
            answers[kind] = _refusal(chain, modifiers, *kind)
        if answers[kind]:
            problems.setdefault(answers[kind], []).append(header)
    if problems:
        raise UnsupportedImageError(
            "\n".join(f"{_some(headers)}: {reason}" for reason, headers in problems.items())
        )
    if unknown:
        raise ConfigurationError(
            [
                Problem(
                    _some(unknown),
                    f"the value of full scale of {unknown[0].dtype} images is unknown; give it as "
                    "'peak' in the dataset's iqf.yaml, or with --peak",
                )
            ]
        )


def _refusal(chain: Chain, modifiers: Sequence[Modifier], dtype: str, bands: int) -> str:
    """Return why a modifier does not take such images, empty when all do.

    What stands behind a global modifier is asked when its input is there: that may be of another
    data type.
    """
    for link, modifier in zip(chain.links, modifiers, strict=True):
        reason = modifier.supports(dtype, bands)
        if reason:
            return f"{link.label} {reason}"
        if modifier.scope == "global":
            break
    return ""


def _some(headers: Sequence[ImageHeader]) -> str:
    more = f" and {len(headers) - 1} more" if len(headers) > 1 else ""
    return f"{headers[0].path}{more}"


def image_change(header: ImageHeader, new_name: str, modifiers: Sequence[Modifier]) -> ImageChange:
    """Return what becomes of an image's name and pixel grid."""
    shape = (header.height, header.width)
    gsd_m = header.gsd_m
    transform: Affine6 | None = None
    for modifier in modifiers:
        geometry = modifier.geometry(shape, gsd_m)
        if geometry is not None:
            shape = geometry.shape
            step = geometry.transform
            a, b, _, d, e, _ = step
            gsd_m = gsd_m and gsd_m / math.sqrt(abs(a * e - b * d))
            transform = step if transform is None else compose(step, transform)
    return ImageChange(
        new_name=new_name,
        old_shape=(header.height, header.width),
        new_shape=shape,
        transform=transform,
        georeferenced=header.georeferenced,
    )
