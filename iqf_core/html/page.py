"""A self-contained page: one file that opens anywhere, offline, now and in ten years."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from iqf_core.files import atomic_write_text
from iqf_core.html.fragments import Html, html_tag


@dataclass
class HtmlPage:
    """A page of sections, in light or dark as the reader's system is.

    Its policy forbids every request: styles, scripts and images are within the file.

    Attributes
    ----------
    title
        Its heading.
    subtitle
        The line below.
    kicker
        The small line above: what kind of page it is.
    scripts
        JavaScript to run once the page is there, beyond that of sortable tables.
    styles
        CSS beyond the page's own; colours are ``var(--ink)``, ``--soft``, ``--line``, ``--paper``,
        ``--card``, ``--accent`` and ``--c0`` to ``--c7`` for data.

    Examples
    --------
    >>> page = HtmlPage("Airports", kicker="dataset")
    >>> page.section("Images", html_tag("p", "500 of 512 x 512 pixels"))
    >>> page.write(Path("airports.html"))  # doctest: +SKIP
    """

    title: str
    subtitle: object = None
    kicker: str = ""
    scripts: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    _sections: list[tuple[str, Html]] = field(default_factory=list, repr=False)

    def section(self, heading: str, *children: object, lead: object = None) -> None:
        """Append a section; its heading enters the page's navigation.

        Parameters
        ----------
        heading
            Its heading; empty for none.
        children
            Its content; see :func:`iqf_core.html.fragments.to_html`.
        lead
            The sentence below the heading: what to see here.
        """
        key = f"s{len(self._sections) + 1}"
        body = html_tag(
            "section",
            html_tag("h2", heading) if heading else None,
            html_tag("p", lead, class_="lead") if lead is not None else None,
            *children,
            id=key,
        )
        self._sections.append((heading, body))

    def render(self) -> str:
        """Return the page's text.

        Raises
        ------
        ValueError
            If a script would end its element early.
        """
        scripts = [_asset("page.js"), *self.scripts]
        if any("</" in text for text in scripts):
            raise ValueError("a script of a page must not hold '</'")
        policy = (
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
            f"script-src {' '.join(map(_hash, scripts))}; base-uri 'none'; form-action 'none'"
        )
        head = html_tag(
            "head",
            html_tag("meta", charset="utf-8"),
            html_tag("meta", http_equiv="Content-Security-Policy", content=policy),
            html_tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            html_tag("meta", name="color-scheme", content="light dark"),
            html_tag("link", rel="icon", href="data:,"),
            html_tag("title", self.title),
            html_tag("style", Html("\n".join([_asset("page.css"), *self.styles]))),
        )
        links = [
            html_tag("a", heading, href=f"#s{number}")
            for number, (heading, _) in enumerate(self._sections, start=1)
            if heading
        ]
        header = html_tag(
            "header",
            html_tag("p", self.kicker, class_="kicker") if self.kicker else None,
            html_tag("h1", self.title),
            html_tag("p", self.subtitle, class_="lead") if self.subtitle is not None else None,
            html_tag("nav", links, aria_label="Sections") if len(links) > 1 else None,
        )
        body = html_tag(
            "body",
            header,
            html_tag("main", [content for _, content in self._sections]),
            [html_tag("script", Html(script)) for script in scripts],
        )
        return f"<!doctype html>\n{html_tag('html', head, body, lang='en')}\n"

    def write(self, path: Path) -> Path:
        """Write the page to `path`, whole or not at all, and return `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_text(path, self.render())
        return path


def _asset(name: str) -> str:
    return files("iqf_core.html").joinpath(name).read_text(encoding="utf-8").strip()


def _hash(script: str) -> str:
    """Return what lets this script, and no other one, run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
