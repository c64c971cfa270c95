"""Pictures of images with their annotations drawn over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Annotation, Html, IQFError, html_image, html_tag, preview
from iqf_dataset_tools.images import Stated
from iqf_dataset_tools.outlines import areas, shapely

#: Larger images are read in windows and shown smaller.
_WINDOW = 1024
COLOURS = 7


@dataclass(frozen=True)
class Drawn:
    """An object to draw.

    Attributes
    ----------
    number
        Its place among the objects.
    each
        The object.
    outline
        Its outline in pixels, None without.
    label
        The name of its class.
    colour
        Number of its colour.
    """

    number: int
    each: Annotation
    outline: Any
    label: str
    colour: int


STYLE = """
.preview { scroll-margin-top: 1rem; }
.preview .picture { cursor: zoom-in; }
.preview .o { fill: none; stroke-width: 2; pointer-events: none; }
.preview .o.pick { stroke-width: 5; }
.preview .o.m { fill: currentColor; fill-opacity: .45; stroke: none; }
.preview .o circle { fill: currentColor; }
.plain .preview .picture svg { display: none; }
figcaption .name { overflow-wrap: anywhere; }
dialog { border: 0; padding: 0; background: var(--paper); color: inherit; }
dialog { width: min(96vw, 96rem); max-width: 96vw; }
dialog::backdrop { background: #000c; }
dialog .bar { padding: .5rem .8rem; overflow-wrap: anywhere; }
dialog .picture { cursor: zoom-out; max-height: 88vh; overflow: auto; }
.tools label { display: inline-flex; gap: .4rem; align-items: center; font-size: .9rem; }
.scroll { max-height: 36rem; overflow: auto; }
.scroll thead th { position: sticky; top: 0; background: var(--card); z-index: 1; }
[hidden] { display: none !important; }
"""


def picture(stated: Stated, name: str, size: int) -> tuple[NDArray[Any], tuple[int, int]]:
    """Return a picture of an image with at most `size` pixels a side, and its true (height, width).

    Images of more than 8 bits are stretched by the percentiles of their valid pixels. Of a large
    image that is read in windows every n-th pixel is averaged, so memory stays bounded.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    import cv2

    from iqf_core.api import Image

    opened, _ = stated.open(name)
    with opened as reader:
        height, width, bands = reader.shape
        if max(height, width) <= 4 * _WINDOW:
            return preview(reader.read(), size), (height, width)
        scale = size / max(height, width)
        shape = (max(1, round(height * scale)), max(1, round(width * scale)))
        small = np.zeros((*shape, bands), reader.dtype)
        valid = np.zeros(shape, bool)
        last = None
        for tile in reader.windows(_WINDOW):
            part = tile.window
            top, left = round(part.row * scale), round(part.col * scale)
            bottom = min(shape[0], max(top + 1, round((part.row + part.height) * scale)))
            right = min(shape[1], max(left + 1, round((part.col + part.width) * scale)))
            last = reader.read(part)
            target = (right - left, bottom - top)
            shrunk = [
                cv2.resize(last.pixels[..., band], target, interpolation=cv2.INTER_AREA)
                for band in range(bands)
            ]
            small[top:bottom, left:right] = np.stack(shrunk, axis=-1)
            mask = cv2.resize(last.valid.astype(np.float32), target, interpolation=cv2.INTER_AREA)
            valid[top:bottom, left:right] = mask > 0.5
        shown = Image(
            small, peak=reader.peak, mask=valid, band_names=reader.band_names,
            metadata=reader.metadata,
        )  # fmt: skip
        return preview(shown, size), (height, width)


def figure(stated: Stated, name: str, objects: Sequence[Drawn], size: int) -> Html:
    """Return the picture of an image with its objects drawn; or why it cannot be shown."""
    try:
        pixels, shape = picture(stated, name, size)
    except (IQFError, OSError, ValueError) as error:
        body = html_tag("p", f"{name}: {error}", class_="note")
        return html_tag("div", body, class_="preview", data_image=name)
    scale = pixels.shape[1] / shape[1], pixels.shape[0] / shape[0]
    overlay = [element(each, scale) for each in objects]
    count = f"{len(objects)} object{'s' * (len(objects) != 1)}"
    caption = [html_tag("span", name, class_="name"), f" · {shape[1]} × {shape[0]} px · {count}"]
    shown = html_image(pixels, name, caption, overlay=overlay)
    classes = " ".join(sorted({f"c{each.each.class_id}" for each in objects}))
    return html_tag("div", shown, class_="preview", data_image=name, data_classes=classes)


def element(drawn: Drawn, scale: tuple[float, float]) -> Html:
    """Return an object as SVG in pixels of its picture."""
    shared = {
        "data_n": drawn.number,
        "data_class": drawn.each.class_id,
    }
    colour = f"k{drawn.colour % COLOURS}"
    title = html_tag("title", drawn.label)
    if drawn.outline is not None:
        path = _path(drawn.outline, scale)
        return html_tag("path", title, d=path, class_=f"o stroke {colour}", **shared)
    if drawn.each.rle is not None and drawn.each.rle.area:
        path = _runs(drawn.each.rle.decode(), scale)
        return html_tag("path", title, d=path, class_=f"o m {colour}", **shared)
    points = [
        html_tag("circle", cx=round(x * scale[0], 1), cy=round(y * scale[1], 1), r=2)
        for x, y, visible in drawn.each.keypoints or ()
        if visible
    ]
    return html_tag("g", title, points, class_=f"o {colour}", **shared)


def _path(outline: Any, scale: tuple[float, float]) -> str:
    rings = []
    for part in areas(outline):
        rings += [part.exterior, *part.interiors]
    if not rings:
        rings = [shapely.box(*outline.buffer(1).bounds).exterior]
    return "".join(
        "M"
        + "L".join(f"{x * scale[0]:.1f} {y * scale[1]:.1f}" for x, y in list(ring.coords)[:-1])
        + "Z"
        for ring in rings
    )


def _runs(mask: NDArray[np.uint8], scale: tuple[float, float]) -> str:
    """Return the outlines of a mask."""
    import cv2

    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return "".join(
        "M"
        + "L".join(f"{x * scale[0]:.1f} {y * scale[1]:.1f}" for x, y in ring[:, 0].tolist())
        + "Z"
        for ring in contours
    )


def legend_and_tools(classes: Iterable[tuple[int, str]], shown: int, total: int) -> Html:
    """Return the fields that choose which pictures are shown."""
    options = [html_tag("option", "all classes", value="")]
    options += [html_tag("option", name, value=number) for number, name in classes]
    said = f"{shown} of {total} images" if shown < total else f"{total} images"
    return html_tag(
        "div",
        html_tag("input", type="search", id="find-image", placeholder="Image name …",
                 aria_label="Show images whose name holds this"),
        html_tag("select", options, id="find-class", aria_label="Show images with this class"),
        html_tag("label", html_tag("input", type="checkbox", id="draw", checked=True),
                 "annotations"),
        html_tag("output", said, id="shown"),
        class_="tools",
    )  # fmt: skip


Figures = Callable[[str], Html]

SCRIPT = """"use strict";
(() => {
  const previews = [...document.querySelectorAll(".preview")];
  const find = document.getElementById("find-image");
  const kind = document.getElementById("find-class");
  const draw = document.getElementById("draw");
  const shown = document.getElementById("shown");
  if (!find) return;
  const filter = () => {
    const words = find.value.toLowerCase();
    let count = 0;
    for (const each of previews) {
      const has = !kind.value || (each.dataset.classes || "").split(" ").includes("c" + kind.value);
      const fits = has && each.dataset.image.toLowerCase().includes(words);
      each.parentElement.hidden = !fits;
      count += fits ? 1 : 0;
      for (const shape of each.querySelectorAll(".o"))
        shape.style.display = kind.value && shape.dataset.class !== kind.value ? "none" : "";
    }
    shown.textContent = count + " of " + previews.length + " pictures";
  };
  find.addEventListener("input", filter);
  kind.addEventListener("change", filter);
  draw.addEventListener("change", () => document.body.classList.toggle("plain", !draw.checked));
  const dialog = document.createElement("dialog");
  dialog.className = "preview";
  document.body.append(dialog);
  dialog.addEventListener("click", () => dialog.close());
  const enlarge = (each) => {
    const picture = each.querySelector(".picture");
    if (!picture) return;
    const bar = document.createElement("div");
    bar.className = "bar";
    bar.textContent = each.dataset.image;
    dialog.replaceChildren(bar, picture.cloneNode(true));
    dialog.showModal();
  };
  for (const each of previews)
    each.querySelector(".picture")?.addEventListener("click", () => enlarge(each));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-pick]");
    if (!link) return;
    event.preventDefault();
    const shape = document.querySelector('.o[data-n="' + link.dataset.pick + '"]');
    if (!shape) return;
    document.querySelectorAll(".o.pick").forEach((other) => other.classList.remove("pick"));
    shape.classList.add("pick");
    find.value = ""; kind.value = ""; filter();
    shape.closest(".preview").scrollIntoView({ behavior: "smooth", block: "center" });
  });
})();
"""
