from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from iqf_core.errors import ConfigurationError
from iqf_core.experiments.report.report import ReportOptions, write_report
from iqf_core.experiments.results.results import Results
from iqf_core.experiments.study import Study


@pytest.fixture
def page(results: Results, study_folder: Path) -> Path:
    return write_report(results, study_folder / "report.html")


def _sections(text: str) -> dict[str, str]:
    parts = re.split(r"<h2>(.*?)</h2>", text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_report_has_all_that_one_wants_to_know(page: Path) -> None:
    sections = _sections(page.read_text(encoding="utf-8"))
    assert list(sections) == [
        "What was studied",
        "Performance",
        "Rate and performance",
        "How far it can go",
        "Image quality and performance",
        "Image quality",
        "Examples",
        "Runs",
        "To repeat it",
    ]
    studied = sections["What was studied"]
    for word in ("6 degradations", "3 images", "script.py", "val_ap50", "val.psnr.psnr.mean"):
        assert word in studied
    assert sections["Performance"].count("<svg") == 4  # two measures against two modifiers
    assert "rank correlation" in sections["Image quality and performance"]
    assert "repetitions: 3" in sections["To repeat it"]
    assert "iqf-modifiers-basic" in sections["To repeat it"]
    assert "iqf run study.yaml" in sections["To repeat it"]


def test_the_knees_are_those_of_the_script(page: Path) -> None:
    table = _sections(page.read_text(encoding="utf-8"))["How far it can go"]
    rows = re.findall(r"<tr>(.*?)</tr>", table.partition("<details")[0])
    knees = {
        cells[0]: cells[1]
        for row in rows
        if len(cells := [re.sub("<.*?>", "", cell) for cell in re.findall("<td.*?</td>", row)]) == 8
    }
    # The script loses 1 % at these, and half or more at the next ones; 5 % are tolerated.
    assert knees == {"jpeg": "quality=40", "gaussian_noise": "sigma_dn=4"}


def test_runs_are_listed_with_states_reasons_and_links_to_their_logs(page: Path) -> None:
    runs = _sections(page.read_text(encoding="utf-8"))["Runs"]
    assert "17 FINISHED, 1 FAILED" in runs
    assert "no &lt;memory&gt; left" in runs
    links = [unquote(unescape(link)) for link in re.findall(r'href="([^"]*script\.log)"', runs)]
    assert len(links) == 18
    assert all((page.parent / link).is_file() for link in links)
    assert "a line of the log" in (page.parent / links[0]).read_text()


def test_examples_show_every_degradation_with_its_predictions(page: Path) -> None:
    examples = _sections(page.read_text(encoding="utf-8"))["Examples"]
    assert examples.count("<img") == 2 * 6
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", examples)
    assert "<b>unmodified</b> · 6 found, 0 false, 0 missed" in captions
    assert sum("jpeg:quality=5<" in caption for caption in captions) == 2
    assert examples.count('class="hit"') > examples.count('class="miss"') > 0


def test_the_tolerance_and_the_direction_are_the_users(results: Results, tmp_path: Path) -> None:
    options = ReportOptions(metrics=("val_ap50",), lower_is_better=("val_ap50",))
    text = write_report(results, tmp_path / "r.html", options).read_text(encoding="utf-8")
    knees = _sections(text)["How far it can go"]
    assert "lower is better" in knees
    assert "all that was tried is within the tolerance" in knees
    with pytest.raises(ConfigurationError, match="either higher or lower"):
        both = ReportOptions(lower_is_better=("zero",), higher_is_better=("zero",))
        write_report(results, tmp_path / "r.html", both)
    with pytest.raises(ConfigurationError, match="did you mean"):
        write_report(results, tmp_path / "r.html", ReportOptions(metrics=("val_ap5",)))
    with pytest.raises(ConfigurationError, match=r"\.html"):
        write_report(results, tmp_path / "r.pdf")


def test_a_report_without_copies_or_study_file_says_what_is_missing(
    study_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "moved"
    shutil.copytree(study_folder, folder)
    shutil.rmtree(next(folder.glob("val#jpeg-quality=5*")))
    text = write_report(Results(folder / "study.yaml"), folder / "r.html").read_text("utf-8")
    assert "Not shown: jpeg:quality=5:" in text
    by_name = Results("boats-and-ships", tracking_uri=f"sqlite:///{study_folder}/mlflow.db")
    text = write_report(by_name, tmp_path / "r.html").read_text("utf-8")
    assert "Examples" not in _sections(text)
    assert "No study file" in text


def test_the_command_writes_the_report(study_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "report.html"
    command = [sys.executable, "-m", "iqf_core.cli", "report", str(study_folder / "study.yaml")]
    done = subprocess.run(
        [*command, "--html", str(out), "--tolerance", "0.1", "--confidence", "0.9", "--paired"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, f"wrote {out}"), done.stderr
    text = out.read_text(encoding="utf-8")
    assert "paired t-test" in text
    assert "0.1 of val_ap50" in text
    wrong = subprocess.run(
        [*command, "--html", str(out), "--tolerance", "much"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_report_in_a_browser(
    open_page: Callable[..., Any], page: Path, width: int, dark: bool
) -> None:
    opened = open_page(page, width=width, dark=dark)
    assert (opened.errors, opened.requests, opened.overflow) == ([], [], 0)
    shown = opened.page
    shown.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    shown.wait_for_function("[...document.images].every(image => image.complete)")
    assert shown.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    # Text must stand out from what it stands on, in both colour schemes.
    colour = "getComputedStyle(document.querySelector('{}')).{}"
    paper = shown.evaluate(colour.format("body", "backgroundColor"))
    for element in ("h1", "td", ".chart text", ".note"):
        name = "fill" if "text" in element else "color"
        ink = shown.evaluate(colour.format(element, name))
        assert _contrast(ink, paper) >= 4.5, (element, ink, paper)
    for details in shown.locator("details").all():
        details.evaluate("element => element.open = true")
    assert opened.overflow == 0
    runs = shown.locator("section", has=shown.locator("h2", has_text="Runs"))
    runs.locator("input[type=search]").fill("FAILED")
    assert runs.locator("output").inner_text() == "1 of 18"


def _contrast(first: str, second: str) -> float:
    """Return the contrast ratio of WCAG 2.1 between two colours."""
    light = []
    for colour in (first, second):
        channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        light.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(light) + 0.05) / (min(light) + 0.05)


@pytest.fixture
def small(tmp_path: Path, dataset: Callable[[Path, int], None]) -> Callable[[str], Study]:
    """Make a study of two images from the rest of its file."""

    def make(text: str) -> Study:
        dataset(tmp_path / "val", 2)
        (tmp_path / "script.py").write_text("raise SystemExit('always')")
        head = "study: small\ndatasets: {train: val, val: val}\napply_to: [val]\n"
        (tmp_path / "study.yaml").write_text(head + text)
        return Study.from_file(tmp_path / "study.yaml")

    return make


def test_a_study_without_a_task_is_about_its_images(
    small: Callable[[str], Study], tmp_path: Path
) -> None:
    modifiers = "modifiers: [none, {jpeg: {quality: [5, 50, 90]}}]\nmetrics: [psnr]\n"
    study = small(modifiers)
    study.run(workers=1, quiet=True)
    text = study.results().report(tmp_path / "r.html").read_text("utf-8")
    sections = _sections(text)
    assert list(sections) == [
        "What was studied",
        "Image quality",
        "Sizes",
        "Examples",
        "Runs",
        "To repeat it",
    ]
    assert "val.psnr" in sections["Image quality"]
    assert "bits per pixel" in sections["Sizes"]
    assert sections["Examples"].count("annotated object") == 1
    assert "none: images are degraded and measured" in sections["What was studied"]


def test_a_study_of_which_nothing_finished_says_why(
    small: Callable[[str], Study], tmp_path: Path
) -> None:
    text = "modifiers: [none]\ntask: {python_script: {path: script.py}}\n"
    study = small(text)
    study.run(workers=1, quiet=True)
    page = study.results().report(tmp_path / "r.html").read_text("utf-8")
    assert list(_sections(page)) == ["What was studied", "Runs", "To repeat it"]
    assert "No run has finished yet." in page
    assert "always" in _sections(page)["Runs"]


def test_generated_images_are_shown_beside_what_they_are_made_of(
    small: Callable[[str], Study], tmp_path: Path
) -> None:
    study = small("modifiers: [none, 'jpeg:quality=5']\ntask: {python_script: {path: script.py}}\n")
    (tmp_path / "script.py").write_text(
        "import json, shutil, sys\n"
        "given = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
        "out = given['--outputpath']\n"
        "shutil.copy(given['--valds'] + '/images/scene0.png', out)\n"
        "json.dump(['scene0.png'], open(out + '/output.json', 'w'))\n"
        "json.dump({'val_psnr': 30.5}, open(out + '/results.json', 'w'))\n"
    )
    assert not study.run(workers=1, quiet=True).failed
    text = study.results().report(tmp_path / "r.html").read_text("utf-8")
    assert _sections(text)["Examples"].count("generated by the run") == 2


def test_the_command_plots_one_metric_against_another(study_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "iqf_core.cli", "results", str(study_folder / "study.yaml")]
    options = ["--plot", "scatter", "--by", "val.gmsd.gmsd.mean", "--metric", "val_ap50"]
    out = tmp_path / "plot.svg"
    done = subprocess.run(
        [*command, *options, "--out", str(out)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [f"wrote {out}", f"wrote {tmp_path / 'plot.csv'}"]
    assert "jpeg:quality=40" in done.stdout  # the table is that of the study
    clash = subprocess.run(
        [*command, *options, "--out", str(out), "--csv", str(tmp_path / "plot.csv")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert clash.returncode == 2
    assert "would be the table and the data of the plot" in clash.stderr
