"""The conformance suites find what is wrong, and nothing where all is right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).parent


def outcomes(path: Path, folder: Path) -> dict[str, dict[str, bool]]:
    """Run the tests of `path`; return by class which tests pass with every parameter set."""
    report = folder / "report.xml"
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("--import-mode=importlib", f"--rootdir={folder}", "-c", "/dev/null"),
            # A class of a test module cannot be imported in another process.
            *("-k", "not another_process", f"--junitxml={report}", str(path)),
        ],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    found: dict[str, dict[str, bool]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        suite = found.setdefault(case.attrib["classname"].rpartition(".")[2], {})
        name = case.attrib["name"].partition("[")[0]
        failed = case.find("failure") is not None or case.find("error") is not None
        suite[name] = suite.get(name, True) and not failed
    return found


@pytest.fixture(scope="module")
def modifier_outcomes(tmp_path_factory):
    return outcomes(HERE / "samples" / "modifiers.py", tmp_path_factory.mktemp("modifiers"))


@pytest.fixture(scope="module")
def metric_outcomes(tmp_path_factory):
    return outcomes(HERE / "samples" / "metrics.py", tmp_path_factory.mktemp("metrics"))


@pytest.mark.parametrize(
    ("suite", "test"),
    [
        ("TestChangesItsInput", "test_gives_an_image_as_its_geometry_says"),
        ("TestForgetsItsHalo", "test_windows_give_what_the_whole_gives"),
        ("TestNoiseByWindow", "test_windows_give_what_the_whole_gives"),
        ("TestDrawsItsOwnNumbers", "test_the_result_depends_on_the_seed_only_if_it_says_so"),
        ("TestSaysRandomButIsNot", "test_the_result_depends_on_the_seed_only_if_it_says_so"),
        ("TestIgnoresThePosition", "test_the_result_depends_on_the_seed_only_if_it_says_so"),
        ("TestLosesTheMask", "test_invalid_pixels_stay_invalid"),
        ("TestOverwritesNodata", "test_invalid_pixels_stay_invalid"),
        ("TestLooksUnderTheMask", "test_values_under_the_mask_change_no_valid_pixel"),
        ("TestReturnsAnotherType", "test_gives_an_image_as_its_geometry_says"),
        ("TestExceedsThePeak", "test_gives_an_image_as_its_geometry_says"),
        ("TestHidesItsGeometry", "test_gives_an_image_as_its_geometry_says"),
        ("TestTakesNoTinyImage", "test_takes_images_of_a_few_pixels"),
        ("TestIdentityIsNone", "test_identity_parameters_leave_the_image_as_it_is"),
        ("TestUndocumented", "test_every_parameter_is_documented"),
        ("TestHasNoUnit", "test_every_parameter_is_documented"),
        ("TestWrongExample", "test_every_declared_example_is_valid"),
        ("TestTakesAnyParameter", "test_an_unknown_parameter_is_refused"),
        ("TestGivesNoReason", "test_takes_the_data_types_it_declares_and_says_why_not_others"),
        ("TestDeclaresTooMuch", "test_takes_the_data_types_it_declares_and_says_why_not_others"),
    ],
)
def test_a_broken_modifier_fails_the_test_of_what_it_breaks(modifier_outcomes, suite, test):
    assert modifier_outcomes[suite][test] is False


@pytest.mark.parametrize(
    ("suite", "test"),
    [
        ("TestGivesNaN", "test_says_why_where_there_is_nothing_to_measure"),
        ("TestFailsOnFlat", "test_says_why_where_there_is_nothing_to_measure"),
        ("TestForgetsAnOutput", "test_gives_what_it_declares"),
        ("TestGivesMore", "test_gives_what_it_declares"),
        ("TestOutsideItsInterval", "test_gives_what_it_declares"),
        ("TestShortVector", "test_gives_what_it_declares"),
        ("TestChangesItsInput", "test_gives_what_it_declares"),
        ("TestMoreEachTime", "test_measures_the_same_again"),
        ("TestDeclaresNothing", "test_declares_its_outputs"),
    ],
)
def test_a_broken_metric_fails_the_test_of_what_it_breaks(metric_outcomes, suite, test):
    assert metric_outcomes[suite][test] is False


def test_sound_components_pass(modifier_outcomes, metric_outcomes):
    for tests in (modifier_outcomes["TestSound"], metric_outcomes["TestSound"]):
        assert len(tests) > 5
        assert all(tests.values()), tests
