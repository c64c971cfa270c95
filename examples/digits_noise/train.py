"""Train a small neural network to read digits, and say how well it reads unseen ones.

An ordinary training script: it takes its folders and hyper-parameters from the command line and
leaves its results in ``results.json``. It knows nothing of the framework that calls it.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sklearn.neural_network import MLPClassifier


def load(folder: Path) -> tuple[Any, Any]:
    """Return the images (as rows of values from 0 to 1) and their labels."""
    with (folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    images = [
        cv2.imread(str(folder / "images" / row["image_filename"]), cv2.IMREAD_GRAYSCALE)
        for row in rows
    ]
    values = np.stack(images).reshape(len(images), -1).astype(np.float32) / 255
    return values, np.array([int(row["digit"]) for row in rows])


def main() -> None:
    """Train, validate, and write ``results.json``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trainds", type=Path, required=True)
    parser.add_argument("--valds", type=Path, required=True)
    parser.add_argument("--outputpath", type=Path, required=True)
    parser.add_argument("--learning_rate", type=float, default=0.01)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    train_images, train_digits = load(options.trainds)
    val_images, val_digits = load(options.valds)
    network = MLPClassifier(
        (48,), learning_rate_init=options.learning_rate, random_state=options.seed
    )
    accuracy_by_epoch = []
    for epoch in range(options.epochs):
        network.partial_fit(train_images, train_digits, classes=range(10))
        accuracy_by_epoch.append(float(network.score(val_images, val_digits)))
        print(f"epoch {epoch}: loss {network.loss_:.4f}, accuracy {accuracy_by_epoch[-1]:.3f}")

    predicted = network.predict(val_images)
    results = {
        "val_mse": float(np.mean((predicted - val_digits) ** 2.0)),
        "val_accuracy": float(np.mean(predicted == val_digits)),
        "train_loss": [float(loss) for loss in network.loss_curve_],
        "val_accuracy_by_epoch": accuracy_by_epoch,
    }
    (options.outputpath / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main()
