"""What was studied, the runs with their logs, and everything needed to do it again."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from iqf_core.experiments.report.options import Measures
from iqf_core.experiments.results.summary import cell
from iqf_core.experiments.results.table import varying_params
from iqf_core.experiments.tracking.records import GIT_REVISION, STUDY_HASH, VERSIONS, RunRecord
from iqf_core.html.fragments import Html, html_details, html_facts, html_note, html_tag
from iqf_core.html.tables import HtmlCell, HtmlColumn, html_table

if TYPE_CHECKING:
    from iqf_core.experiments.results.results import Results
    from iqf_core.experiments.study_file import StudySettings

_GOOD, _WAITING = "FINISHED", ("RUNNING", "PLANNED")
_MOST_METRICS = 8
_MOST_MODIFIERS = 60
_ROLE_FACTS = ("images", "skipped")


def studied_section(results: Results, runs: Sequence[RunRecord], measures: Measures) -> list[Html]:
    """Return what was studied: datasets, degradations, task, hyper-parameters, metrics."""
    settings = results.settings
    facts: list[tuple[str, object]] = []
    roles = _roles(runs, settings)
    for role in roles:
        facts.append((f"{role} images", _dataset(role, runs, settings)))
    labels = list(dict.fromkeys(str(run.params.get("modifier", "")) for run in runs))
    shown = [html_tag("div", html_tag("code", label)) for label in labels[:_MOST_MODIFIERS]]
    if len(labels) > _MOST_MODIFIERS:
        shown.append(html_tag("div", f"… and {len(labels) - _MOST_MODIFIERS} more"))
    count = f"{len(labels)} degradations" if len(labels) != 1 else "one degradation"
    facts.append(("degraded to", html_details(count, shown, open_=len(labels) <= 6)))
    if settings is not None:
        facts.append(("degraded roles", ", ".join(settings.apply_to)))
        task = settings.task
        facts.append(
            ("task", "none: images are degraded and measured" if task is None else str(task))
        )
    repetitions = {run.params.get("repetition") for run in runs} - {None}
    facts.append(("repetitions", len(repetitions) or None))
    hyper = varying_params(runs)
    facts += [
        (name, ", ".join(dict.fromkeys(cell(run.params.get(name)) for run in runs)))
        for name in hyper
    ]
    facts.append(("performance", _listed(measures.performance)))
    facts.append(("image quality", _listed(measures.quality)))
    return [html_facts([(name, value) for name, value in facts if value])]


def _listed(names: Sequence[str]) -> Html | None:
    if not names:
        return None
    listed = html_tag("span", ", ".join(names))
    return listed if len(names) <= 6 else html_details(f"{len(names)} metrics", listed)


def _roles(runs: Sequence[RunRecord], settings: StudySettings | None) -> list[str]:
    if settings is not None:
        return list(settings.datasets)
    names = dict.fromkeys(
        name for run in runs for name in run.params if name.startswith("dataset.")
    )
    return list(dict.fromkeys(name.split(".")[1] for name in names))


def _dataset(role: str, runs: Sequence[RunRecord], settings: StudySettings | None) -> object:
    counts = {run.metrics[f"{role}.images"] for run in runs if f"{role}.images" in run.metrics}
    images = f"{min(counts):g} images" if len(counts) == 1 else ""
    stated = {
        name.removeprefix(f"dataset.{role}."): cell(value)
        for run in runs
        for name, value in run.params.items()
        if name.startswith(f"dataset.{role}.")
    }
    said = ", ".join(f"{name}={value}" for name, value in stated.items())
    if settings is not None and role in settings.datasets:
        where = _relative(settings.datasets[role], settings.folder)
    else:
        plain = [str(run.params.get(f"dataset.{role}", "")) for run in runs]
        where = min(plain, key=len, default="")
    parts = [html_tag("code", where), *(f" · {text}" for text in (images, said) if text)]
    return parts


def _relative(path: Path, start: Path) -> str:
    return str(path.relative_to(start)) if path.is_relative_to(start) else str(path)


def runs_section(runs: Sequence[RunRecord], measures: Measures, out: Path) -> list[Html]:
    """Return the table of all runs, with links to their logs."""
    metrics = [*measures.performance, *measures.quality][:_MOST_METRICS]
    reasons = any(run.reason for run in runs)
    columns: list[HtmlColumn | str] = ["run", "state"]
    columns += [HtmlColumn(name, numeric=True) for name in metrics]
    columns += [HtmlColumn("duration (s)", numeric=True), "log"]
    columns += ["reason"] if reasons else []
    links = _Links(out.absolute().parent)
    rows = []
    for run in runs:
        row: list[object] = [run.name, _state(run.state)]
        row += [run.metrics.get(name) for name in metrics]
        seconds = run.duration_s
        row.append(HtmlCell("" if seconds is None else f"{seconds:.1f}", seconds))
        row.append(links.to(run))
        rows.append([*row, run.reason] if reasons else row)
    states = Counter(run.state for run in runs)
    parts = [html_table(columns, rows, filterable=True)]
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    parts.append(
        html_note(
            f"{counts}. Links lead to files beside the study, from where this page was written."
        )
    )
    warned = [(run.name, run.tags["iqf.warnings"]) for run in runs if run.tags.get("iqf.warnings")]
    if warned:
        listed = [html_tag("p", html_tag("b", name), ": ", text) for name, text in warned[:50]]
        parts.append(html_details(f"{len(warned)} runs with warnings", listed))
    return parts


def _state(state: str) -> HtmlCell:
    kind = "good" if state == _GOOD else "wait" if state in _WAITING else ""
    return HtmlCell(html_tag("span", state, class_=f"state {kind}".strip()), state)


class _Links:
    """Relative addresses of runs' files, from the folder of the page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def to(self, run: RunRecord) -> Html | None:
        """Return links to the log and the folder of a run, None where they are elsewhere."""
        artifacts = run.artifact_path
        if artifacts is None or not artifacts.is_dir():
            return None
        links = [html_tag("a", "files", href=self._address(artifacts))]
        log = artifacts / "iqf" / "script.log"
        if log.is_file():
            links = [html_tag("a", "log", href=self._address(log)), Html("&ensp;"), *links]
        return html_tag("span", links, class_="nowrap")

    def _address(self, path: Path) -> str:
        return quote(os.path.relpath(path, self.folder))


def repeat_section(results: Results, runs: Sequence[RunRecord], out: Path) -> list[Html]:
    """Return the study file, the commands, versions, seeds and where everything is."""
    settings = results.settings
    parts: list[Html] = []
    if results.study_file is not None:
        name = results.study_file.name
        commands = f"iqf run {name}\niqf results {name}\niqf report {name} --html {out.name}"
        parts.append(html_tag("pre", commands))
    seeds = sorted(
        {str(run.params["seed"]) for run in runs if "seed" in run.params}, key=_as_number
    )
    start = min((run.start_ms for run in runs if run.start_ms), default=None)
    end = max((run.end_ms for run in runs if run.end_ms), default=None)
    facts: list[tuple[str, object]] = [
        ("study", results.study),
        ("folder", None if settings is None else str(settings.folder)),
        ("tracking store", results.target.uri),
        ("study's hash", _tags(runs, STUDY_HASH)),
        ("seeds", ", ".join(seeds[:20]) + (" …" if len(seeds) > 20 else "")),
        ("git revision", _tags(runs, GIT_REVISION)),
        ("Python", _tags(runs, "iqf.python")),
        ("versions", _versions(runs)),
        ("first run began", _date(start)),
        ("last run ended", _date(end)),
    ]
    parts.append(html_facts([(name, value) for name, value in facts if value]))
    if results.study_file is not None and results.study_file.is_file():
        text = results.study_file.read_text(encoding="utf-8", errors="replace")
        parts.append(html_details(results.study_file.name, html_tag("pre", text), open_=True))
    else:
        parts.append(html_note("No study file: the report was made from the tracking store alone."))
    return parts


def _as_number(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdigit() else (0, text)


def _tags(runs: Sequence[RunRecord], tag: str) -> str:
    return ", ".join(dict.fromkeys(run.tags[tag] for run in runs if run.tags.get(tag)))


def _versions(runs: Sequence[RunRecord]) -> str:
    found: dict[str, dict[str, None]] = {}
    for text in dict.fromkeys(run.tags.get(VERSIONS, "") for run in runs):
        try:
            versions: Mapping[str, str] = json.loads(text)
        except ValueError:
            continue
        for name, version in versions.items():
            found.setdefault(name, {})[str(version)] = None
    return ", ".join(f"{name} {' and '.join(versions)}" for name, versions in found.items())


def _date(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
