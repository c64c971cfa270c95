"""The report of a study: a person's first look at it, and the last one before a decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core.errors import ConfigurationError
from iqf_core.experiments.report.drawing import STYLE
from iqf_core.experiments.report.examples import examples_section
from iqf_core.experiments.report.options import Measures, ReportOptions, find_measures
from iqf_core.experiments.report.performance import (
    degradation_charts,
    find_knees,
    knee_figures,
    knee_section,
    performance_section,
    rate_section,
    reference_value,
)
from iqf_core.experiments.report.quality import quality_section
from iqf_core.experiments.report.record import repeat_section, runs_section, studied_section
from iqf_core.html.fragments import html_figures, html_note
from iqf_core.html.page import HtmlPage

if TYPE_CHECKING:
    from iqf_core.experiments.results.results import Results
    from iqf_core.experiments.tracking.records import RunRecord
    from iqf_core.plugins.registry import Registry

_MOST_KNEES = 5


def write_report(
    results: Results,
    out: Path,
    options: ReportOptions = ReportOptions(),  # noqa: B008 - frozen
    *,
    registry: Registry | None = None,
) -> Path:
    """Write the report of a study as one self-contained page.

    Parameters
    ----------
    results
        The study's results.
    out
        The page: ``.html``. Written whole or not at all.
    options
        What it shows, and by which rules the knees are found.
    registry
        Where dataset formats are found; default: the installed plugins.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    ConfigurationError
        If the suffix is another one, the study has no runs, or a metric is unknown.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise ConfigurationError(f"{out}: expected a name ending in .html")
    if not results.runs():
        raise ConfigurationError(f"{results.study}: no runs yet, nothing to report")
    return make_report(results, out, options, registry=registry).write(out)


def make_report(
    results: Results, out: Path, options: ReportOptions, *, registry: Registry | None = None
) -> HtmlPage:
    """Return the page of a report; `out` is where links start."""
    every = results.runs()
    runs = [run for run in every if run.state == "FINISHED"]
    measures = find_measures(runs, options)
    if not runs:
        return _unfinished(results, every, measures, out)
    page = HtmlPage(results.study, kicker="study report", styles=[STYLE])
    main = measures.main
    knees = find_knees(runs, main, measures, options) if main else []
    states = Counter(run.state for run in every)
    page.subtitle = _subtitle(measures, len(runs), len(every))
    figures: list[tuple[str, object]] = [("runs finished", f"{len(runs)} of {len(every)}")]
    reference = reference_value(runs, main) if main else None
    if main and reference:
        figures.append((f"{main}, unmodified", reference))
    figures += knee_figures(knees)[:_MOST_KNEES]
    failed = sum(count for state, count in states.items() if state not in ("FINISHED", "RUNNING"))
    notes = [html_note(f"{failed} runs did not finish: see the runs below.")] if failed else []
    page.section("", html_figures(figures), notes)
    page.section("What was studied", studied_section(results, every, measures))
    if main:
        lead = f"{main}: {measures.direction(main)}."
        page.section("Performance", performance_section(runs, measures, knees), lead=lead)
        rates = rate_section(knees, main, options, lower=main in measures.lower)
        if rates:
            page.section("Rate and performance", rates)
        if knees:
            page.section(
                "How far it can go",
                knee_section(knees, main, measures, options),
                lead="The strongest degradation that is shown to cost less than the tolerance.",
            )
        quality = quality_section(runs, main, measures)
        if quality:
            page.section("Image quality and performance", quality)
    if measures.quality:
        lead = "What was measured of the images themselves: means over them."
        page.section("Image quality", degradation_charts(runs, measures.quality), lead=lead)
    if not main and measures.sizes:
        page.section("Sizes", degradation_charts(runs, measures.sizes))
    if results.settings is not None:
        examples = examples_section(runs, results.settings, _registry(registry), options)
        if examples:
            page.section("Examples", examples)
    page.section("Runs", runs_section(every, measures, out))
    page.section("To repeat it", repeat_section(results, every, out))
    return page


def _unfinished(
    results: Results, every: Sequence[RunRecord], measures: Measures, out: Path
) -> HtmlPage:
    page = HtmlPage(results.study, "No run has finished yet.", "study report")
    page.section("What was studied", studied_section(results, every, measures))
    page.section("Runs", runs_section(every, measures, out))
    page.section("To repeat it", repeat_section(results, every, out))
    return page


def _subtitle(measures: Measures, finished: int, total: int) -> str:
    done = (
        "All runs have finished."
        if finished == total
        else f"{total - finished} of {total} have not."
    )
    if measures.main is None:
        return f"{done} Nothing about performance was reported: images were degraded and measured."
    return f"How {measures.main} holds when the images are degraded. {done}"


def _registry(given: Registry | None) -> Registry:
    if given is not None:
        return given
    from iqf_core.plugins.manager import PluginManager

    return PluginManager.create().registry


__all__ = ["ReportOptions", "make_report", "write_report"]
