"""What an evaluation says of one head: overall, per level and per image, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_qmrnet import measures
from iqf_qmrnet.grid import Head

#: R@K is given for these K.
RECALLS = (1, 5, 10)

#: Bootstrap resamples of the images, and the confidence that their intervals have.
RESAMPLES, CONFIDENCE = 1000, 0.95


@dataclass(frozen=True)
class HeadEvaluation:
    """The predictions of one head for crops at known levels.

    Attributes
    ----------
    head
        The parameter.
    probabilities
        (S, N) over the levels; what the network gave to the ends is shared out among them.
    outside
        (S,) whether the network said that the crop is beyond the range.
    expected
        (S,) expected values, in the parameter's unit.
    half
        (S,) half of the 68 % interval of the expected value; NaN where there is none.
    level
        (S,) index of the true level.
    image
        (S,) index of the image in `names`.
    names
        The images.
    left_out
        Images that could not be degraded, and why.
    """

    head: Head
    probabilities: NDArray[np.float64]
    outside: NDArray[np.bool_]
    expected: NDArray[np.float64]
    half: NDArray[np.float64]
    level: NDArray[np.int64]
    image: NDArray[np.int64]
    names: tuple[str, ...]
    left_out: dict[str, str]

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """(S,) index of the most probable level."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @cached_property
    def truth(self) -> NDArray[np.float64]:
        """(S,) the true values, in the parameter's unit."""
        return np.asarray(self.head.levels)[self.level]

    @cached_property
    def _samples(self) -> dict[str, NDArray[Any]]:
        """What every measure needs of every sample."""
        levels = np.asarray(self.head.levels)
        hit = self.predicted == self.level
        return {
            "distance": np.abs(self.predicted - self.level),
            "shift": np.abs(self.head.position(self.expected) - self.level),
            "error": self.expected - self.truth,
            "error_argmax": levels[self.predicted] - self.truth,
            "chosen": measures.hardened(self.probabilities),
            "separation": measures.separation(self.probabilities, self.level),
            "confidence": self.probabilities.max(axis=1),
            "hit": hit,
        }

    @cached_property
    def _groups(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
        """Median over the crops of an image at a level: distance, shift; their image and level."""
        key = self.image * self.head.bins + self.level
        unique, which = np.unique(key, return_inverse=True)
        order = np.argsort(which, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(which))[:-1])
        level = unique % self.head.bins
        index = np.array([np.median(self.predicted[part]) for part in parts])
        expected = np.array([np.median(self.expected[part]) for part in parts])
        shift = np.abs(self.head.position(expected) - level)
        return np.abs(index - level), shift, unique // self.head.bins, level

    def summary(
        self,
        weights: NDArray[Any] | None = None,
        group_weights: NDArray[Any] | None = None,
    ) -> dict[str, float]:
        """Return every measure of all samples.

        Keys without prefix belong to single crops, those with ``image_`` to the median over the
        crops of one image at one level.

        Parameters
        ----------
        weights, group_weights
            How often each crop, and each image at each level, counts.
        """
        have = self._samples
        precision, recall, f_score = measures.precision_recall_f(
            have["chosen"], self.level, weights
        )
        found = {
            "medr": measures.median(have["distance"], weights),
            "expected_medr": measures.median(have["shift"], weights),
            "mae": measures.mean(np.abs(have["error"]), weights),
            "mae_argmax": measures.mean(np.abs(have["error_argmax"]), weights),
            "bias": measures.mean(have["error"], weights),
            "recall_0": measures.mean(have["hit"], weights),
            **{f"recall_{k}": measures.recall_at(have["distance"], k, weights) for k in RECALLS},
            "precision": precision,
            "exact_recall": recall,
            "f_score": f_score,
            "auc": measures.mean(have["separation"], weights),
            "calibration_error": measures.calibration_error(
                have["confidence"], have["hit"], weights
            ),
            "outside": measures.mean(self.outside, weights),
        }
        if not np.isnan(self.half).any():
            low, high = self.expected - self.half, self.expected + self.half
            found["coverage"] = measures.coverage(self.truth, low, high, weights)
        distance, shift, _, _ = self._groups
        found |= {
            "image_medr": measures.median(distance, group_weights),
            "image_expected_medr": measures.median(shift, group_weights),
            **{
                f"image_recall_{k}": measures.recall_at(distance, k, group_weights) for k in RECALLS
            },
        }
        return found

    def intervals(self, resamples: int = RESAMPLES) -> dict[str, tuple[float, float]]:
        """Return the 95 % interval of every measure over images.

        Percentiles of bootstrap resamples of the images, the same every time: crops of one image
        are no independent samples. Empty with fewer than two images.
        """
        count = len(self.names)
        if count < 2:
            return {}
        rng = np.random.default_rng(0)
        groups = self._groups[2]
        drawn: dict[str, list[float]] = {}
        for _ in range(resamples):
            times = np.bincount(rng.integers(0, count, count), minlength=count)
            for key, value in self.summary(times[self.image], times[groups]).items():
                drawn.setdefault(key, []).append(value)
        ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
        return {
            key: (float(low), float(high))
            for key, values in drawn.items()
            for low, high in [np.quantile(values, ends)]
        }

    def by_level(self) -> list[dict[str, Any]]:
        """Return the main measures of each true level that has samples."""
        return [
            {"level": self.head.levels[index], **self._part(self.level == index)}
            for index in range(self.head.bins)
            if (self.level == index).any()
        ]

    def by_image(self) -> list[dict[str, Any]]:
        """Return the main measures of each image, over its levels."""
        groups = self._groups
        rows = []
        for index, name in enumerate(self.names):
            mine = self.image == index
            if mine.any():
                median = measures.median(groups[0][groups[2] == index])
                rows.append({"image": name, **self._part(mine), "image_medr": median})
        return rows

    def _part(self, mine: NDArray[np.bool_]) -> dict[str, Any]:
        have = {key: value[mine] for key, value in self._samples.items()}
        return {
            "crops": int(mine.sum()),
            "medr": measures.median(have["distance"]),
            "expected_medr": measures.median(have["shift"]),
            "mae": measures.mean(np.abs(have["error"])),
            "bias": measures.mean(have["error"]),
            **{f"recall_{k}": measures.recall_at(have["distance"], k) for k in RECALLS},
            "outside": measures.mean(self.outside[mine]),
        }

    def confusion(self) -> NDArray[np.int64]:
        """Return how often each level (row) was taken for each level (column), (N, N)."""
        return measures.confusion(self.predicted, self.level, self.head.bins)

    def to_json(self, resamples: int = RESAMPLES) -> dict[str, Any]:
        """Return everything as a JSON value."""
        intervals = self.intervals(resamples)
        return {
            "head": self.head.name,
            "specification": self.head.specification,
            "unit": self.head.unit,
            "levels": list(self.head.levels),
            "crops": len(self.level),
            "images": len(self.names),
            "left_out": self.left_out,
            "measures": {
                key: {"value": value, "ci95": list(intervals[key]) if key in intervals else None}
                for key, value in self.summary().items()
            },
            "by_level": self.by_level(),
            "by_image": self.by_image(),
            "confusion": self.confusion().tolist(),
        }
