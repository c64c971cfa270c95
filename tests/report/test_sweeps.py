from __future__ import annotations

import math

import pytest

from iqf_core.errors import ConfigurationError
from iqf_core.experiments.results.knee import Tolerance
from iqf_core.experiments.results.results import Results
from iqf_core.experiments.results.sweeps import find_sweeps, is_lower_better, sweep_knee
from iqf_core.experiments.tracking.records import RunRecord


@pytest.mark.parametrize(
    ("name", "lower"),
    [
        ("val_mse", True),
        ("loss", True),
        ("val.rmse.mean", True),
        ("error_rate", True),
        ("val_ap50", False),
        ("map", False),
        ("closeness", False),
        ("sample_accuracy", False),
        ("terrain_iou", False),
    ],
)
def test_names_say_which_way_is_better(name: str, lower: bool) -> None:
    assert is_lower_better(name) is lower


def _runs(name: str, values: dict[float, list[float]], **metrics: float) -> list[RunRecord]:
    made = []
    for value, scores in values.items():
        for repetition, score in enumerate(scores):
            params = {
                "modifier": f"{name}:level={value}" if name else "none",
                "repetition": repetition,
                **({f"{name}.level": value} if name else {}),
            }
            found = {"score": score, **metrics}
            made.append(RunRecord("r", "run", "FINISHED", "FINISHED", 0, 1, params, found, {}))
    return made


REFERENCE = _runs("", {0: [0.80, 0.81, 0.79]})
LEVELS = {
    1: [0.4, 0.41, 0.39],
    2: [0.60, 0.61, 0.59],
    3: [0.795, 0.8, 0.8],
    4: [0.80, 0.8, 0.805],
}


def test_an_unknown_direction_is_the_end_nearer_to_the_reference() -> None:
    (sweep,) = find_sweeps([*REFERENCE, *_runs("odd", LEVELS)], "score")
    assert (sweep.order, [point.value for point in sweep.points]) == ("unknown", [1, 2, 3, 4])
    found = sweep_knee(sweep, "score")
    assert [point.value for point in found.sweep.points] == [4, 3, 2, 1]
    assert found.point is not None
    assert found.point.value == 3
    # At half the level, a point that passes at just under 5 % does not pass.
    p_values = [verdict.p_value or 0 for verdict in found.knee.verdicts]
    strict = sweep_knee(sweep, "score", confidence=1 - 1.5 * max(p_values[:2]))
    assert strict.knee.index is None or strict.knee.index < 1


def test_repetitions_are_paired_by_their_number() -> None:
    runs = [*REFERENCE, *_runs("odd", {1: [0.79, 0.8, 0.78], 9: [0.1, 0.1, 0.11]})]
    shuffled = [*runs[:3][::-1], *runs[3:]]
    tight = Tolerance(0.012, relative=False)
    for order in (runs, shuffled):
        (sweep,) = find_sweeps(order, "score")
        assert sweep_knee(sweep, "score", tight).knee.index is None
        found = sweep_knee(sweep, "score", tight, paired=True)  # each loses exactly 0.01
        assert found.knee.index == 0


def test_a_pooled_spread_comes_from_the_whole_sweep() -> None:
    # One point and the reference have almost no spread, the others have much.
    levels = {1: [0.78, 0.78, 0.781], 2: [0.5, 0.7, 0.9], 3: [0.2, 0.5, 0.8]}
    runs = [*_runs("", {0: [0.8, 0.8, 0.801]}), *_runs("odd", levels)]
    (sweep,) = find_sweeps(runs, "score")
    assert sweep_knee(sweep, "score").knee.index == 0
    assert sweep_knee(sweep, "score", pooled=True).knee.index is None
    with pytest.raises(ConfigurationError, match="paired or"):
        sweep_knee(sweep, "score", pooled=True, paired=True)


def test_results_return_knees_as_a_frame(results: Results) -> None:
    frame = results.knees()
    assert frame[frame["knee"]]["value"].tolist() == [40, 4]
    jpeg = frame[frame["degradation"] == "jpeg"]
    assert jpeg["rate"].is_monotonic_decreasing
    assert jpeg["value"].tolist() == [90, 40, 5]
    assert (jpeg["ratio"] > 1).all()
    noise = frame[frame["degradation"] == "gaussian_noise"]
    assert noise["value"].tolist() == [4, 60]
    assert noise["rate"].isna().all()
    assert noise["runs"].tolist() == [3, 2]  # one run failed
    everything = results.knees("zero", "0.1")
    assert everything["within"].all()  # zero is a value
    assert not math.isnan(everything["mean"].iloc[0])


def test_other_hyper_parameters_have_other_references() -> None:
    runs = []
    for rate, offset in ((0.1, 0.0), (0.2, -0.3)):
        for run in (*REFERENCE, *_runs("odd", {1: [0.8, 0.81, 0.8]})):
            params = {**run.params, "learning_rate": rate}
            metrics = {"score": run.metrics["score"] + offset}
            runs.append(RunRecord("r", "run", "FINISHED", "FINISHED", 0, 1, params, metrics, {}))
    sweeps = find_sweeps(runs, "score")
    assert len(sweeps) == 2
    for sweep in sweeps:
        assert sweep_knee(sweep, "score").knee.index == 0
        assert len(sweep.reference) == 3
