"""Images with their annotations, served on this machine: nothing is made before it is asked for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from iqf_core.api import (
    Annotations,
    ConfigurationError,
    Dataset,
    Html,
    HtmlPage,
    ImageError,
    html_grid,
    html_legend,
    html_note,
    html_tag,
)
from iqf_dataset_tools import gallery
from iqf_dataset_tools.images import Stated
from iqf_dataset_tools.object_statistics import placements
from iqf_dataset_tools.pixel_statistics import ImageStatistics
from iqf_dataset_tools.pixels import in_pixels

HOST = "127.0.0.1"
PER_PAGE = 24
_PICTURE_PX = 640

SCRIPT = """"use strict";
(() => {
  const go = () => {
    const query = new URLSearchParams();
    const name = document.getElementById("name").value.trim();
    const kind = document.getElementById("class").value;
    if (name) query.set("name", name);
    if (kind) query.set("class", kind);
    location.search = query.toString();
  };
  document.getElementById("name").addEventListener("change", go);
  document.getElementById("class").addEventListener("change", go);
})();
"""


class Viewer:
    """Makes the pages.

    Parameters
    ----------
    dataset
        What is shown.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        stated = dataset.properties
        peak = stated.peak if dataset.peak is None else dataset.peak
        self._stated = Stated(
            str(dataset.images_folder), peak, stated.nodata, stated.gsd_m, stated.bands
        )
        self._annotations = dataset.annotations() or Annotations()
        self._objects: dict[str, list[tuple[int, Any]]] = {}
        for number, each in enumerate(self._annotations.objects):
            self._objects.setdefault(each.image, []).append((number, each))
        counts = self._annotations.objects_per_class()
        order = sorted(counts, key=lambda number: (-counts[number], number))
        self._colours = {number: place for place, number in enumerate(order)}
        self._names = {n: self._annotations.classes.get(n, str(n)) for n in counts}
        self._counts = counts
        self._figure = lru_cache(maxsize=256)(self._make_figure)

    def page(self, query: dict[str, str]) -> str:
        """Return the page that a query asks for: ``page``, ``name``, ``class``."""
        name, kind = query.get("name", ""), query.get("class", "")
        found = [each for each in self._dataset.image_names if self._fits(each, name, kind)]
        last = max(1, -(-len(found) // PER_PAGE))
        text = query.get("page", "1")
        number = min(max(1, int(text) if text.isdecimal() and len(text) < 9 else 1), last)
        shown = found[(number - 1) * PER_PAGE : number * PER_PAGE]
        page = HtmlPage(
            self._dataset.name,
            f"{len(self._dataset):,} images, {len(self._annotations.objects):,} objects",
            "dataset",
            scripts=[SCRIPT, gallery.SCRIPT],
            styles=[gallery.STYLE],
        )
        said = f"{len(found):,} images, page {number} of {last}"
        page.section(
            "",
            self._tools(name, kind, said),
            self._legend(),
            html_grid(self._figure(each) for each in shown) if shown else html_note("No image."),
            self._pages(query, number, last),
        )
        return page.render()

    def _fits(self, image: str, name: str, kind: str) -> bool:
        if name.lower() not in image.lower():
            return False
        return not kind or any(str(e.class_id) == kind for _, e in self._objects.get(image, ()))

    def _make_figure(self, name: str) -> Html:
        place = None
        with contextlib.suppress(ImageError):
            opened, _ = self._stated.open(name)
            with opened as reader:
                known = reader.georeference
                image = ImageStatistics(
                    name,
                    crs_wkt=None if known is None else known.crs_wkt,
                    transform=None if known is None else known.transform,
                )
            place = placements([image])[name]
        drawn = [
            gallery.Drawn(number, each, in_pixels(each, place), self._names[each.class_id],
                          self._colours[each.class_id])
            for number, each in self._objects.get(name, ())
        ]  # fmt: skip
        return gallery.figure(self._stated, name, drawn, _PICTURE_PX)

    def _tools(self, name: str, kind: str, said: str) -> Html:
        options = [html_tag("option", "all classes", value="")]
        options += [
            html_tag("option", f"{self._names[n]} ({count:,})", value=n, selected=str(n) == kind)
            for n, count in self._counts.items()
            if count
        ]
        return html_tag(
            "div",
            html_tag("input", type="search", id="name", value=name, placeholder="Image name …",
                     aria_label="Show images whose name holds this"),
            html_tag("select", options, id="class", aria_label="Show images with this class"),
            html_tag("output", said),
            class_="tools",
        )  # fmt: skip

    def _legend(self) -> Html | None:
        entries = [(self._names[n], c % gallery.COLOURS) for n, c in self._colours.items()
                   if self._counts[n]]  # fmt: skip
        return html_legend(entries) if entries else None

    @staticmethod
    def _pages(query: dict[str, str], number: int, last: int) -> Html:
        kept = {key: query[key] for key in ("name", "class") if query.get(key)}
        steps = (("previous", number - 1), ("next", number + 1))
        links = [
            html_tag("a", word, href="?" + urlencode({**kept, "page": place}), rel=word[:4])
            for word, place in steps
            if 1 <= place <= last
        ]
        return html_tag("nav", links, aria_label="Pages")


def make_server(dataset: Dataset, port: int = 0) -> ThreadingHTTPServer:
    """Return a server of a dataset's pages on the loopback interface, not yet running.

    Raises
    ------
    ConfigurationError
        If the port cannot be used.
    DatasetError
        If the annotations cannot be read.
    """
    viewer = Viewer(dataset)
    lock = threading.Lock()  # one picture at a time: memory stays bounded

    class Handler(BaseHTTPRequestHandler):
        """Answers GET / and nothing else."""

        def do_GET(self) -> None:
            """Send a page."""
            host = (self.headers.get("Host") or "").rpartition(":")[0] or self.headers.get("Host")
            address = urlsplit(self.path)
            # A page of somewhere else whose name leads here must not read the dataset.
            if host not in (HOST, "localhost"):
                self.send_error(403)
                return
            if address.path != "/":
                self.send_error(404)
                return
            query = {key: values[-1] for key, values in parse_qs(address.query).items()}
            with lock:
                body = viewer.page(query).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    try:
        server = ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        raise ConfigurationError(
            f"port {port} cannot be used ({error.strerror}); choose another with --port"
        ) from None
    server.daemon_threads = True
    return server


def serve(dataset: Dataset, port: int, announce: Callable[[str], None]) -> None:
    """Serve a dataset until Ctrl-C or a request to terminate."""
    import signal

    server = make_server(dataset, port)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, stop)
    with server, contextlib.suppress(KeyboardInterrupt):
        announce(f"http://{HOST}:{server.server_address[1]}/")
        server.serve_forever()
