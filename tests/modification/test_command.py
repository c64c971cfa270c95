"""The command `iqf modify`, with the modifiers that come with IQF."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iqf_core.cli.main import main
from iqf_core.imaging.reading import read_image


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["modify", *map(str, arguments)])
    out, errors = capsys.readouterr()
    assert isinstance(stopped.value.code, int)
    return stopped.value.code, out, errors


def test_a_chain_makes_one_copy_and_a_short_summary(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, photographs, "blur:sigma_px=1.5", "jpeg:quality=70")
    assert code == 0
    copy = photographs.parent / "photographs#blur-sigma_px=1.5#jpeg-quality=70"
    assert out.splitlines()[0] == str(copy)
    assert out.splitlines()[1].startswith("  6 images; ")
    assert "bpppc" in out
    assert read_image(copy / "images" / "p0.png").shape == (40, 60, 3)
    assert "reused" in run(capsys, photographs, "blur:sigma_px=1.5", "jpeg:quality=70")[1]


def test_a_grid_makes_one_copy_for_each_point(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, photographs, "jpeg:quality=10|30|90", "--grid")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["COPY", "IMAGES", "FILES", "CODED", "BPPPC", "RATIO", "SECONDS"]
    assert [line.split()[0] for line in lines[1:4]] == [
        f"jpeg:quality={quality}" for quality in (10, 30, 90)
    ]
    assert len(list(photographs.parent.glob("photographs#jpeg-quality=*"))) == 3


def test_json_is_the_whole_record(photographs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, photographs, "jpeg:quality=20|80", "--json")
    record = json.loads(out)
    assert (code, record["schema"]) == (0, "iqf.modify/1")
    low, high = record["copies"]
    assert low["params"] == {"jpeg.quality": 20, "jpeg.subsampling": "420"}
    assert low["manifest"]["totals"]["bpppc"] < high["manifest"]["totals"]["bpppc"]
    assert all(image["nbytes"] > 0 for image in high["manifest"]["images"])


def test_the_seed_makes_noise_and_none_does_not(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = []
    for seed in (1, 2, 1):
        out = photographs.parent / f"seed{seed}"
        assert run(capsys, photographs, "noise:sigma_dn=9", "--seed", seed, "--out", out)[0] == 0
        pixels.append(
            read_image(
                out / f"photographs#gaussian_noise-sigma_dn=9@seed={seed}" / "images" / "p0.png"
            ).pixels
        )
    assert (pixels[0] != pixels[1]).any()
    assert (pixels[0] == pixels[2]).all()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["blurr:sigma_px=1"], "did you mean 'blur'"),
        (["blur:sigma=1"], "did you mean 'sigma_px'"),
        (["blur:sigma_px=1", "jpeg:quality=0|500"], "'quality' is 500"),
        (["blur:"], "parameters expected after the colon"),
        (["blur:sigma_px=1", "--peak", "-3"], "expected a positive number"),
    ],
)
def test_mistakes_are_one_clear_line_each(
    photographs: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    expected: str,
) -> None:
    code, _, errors = run(capsys, photographs, *arguments)
    assert code == 2
    assert expected in errors
    assert "Traceback" not in errors
    assert {path.name for path in photographs.parent.iterdir()} == {"photographs"}


def test_skipped_files_are_in_the_summary(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photographs / "images" / "bad.png").write_bytes(b"")
    code, _, errors = run(capsys, photographs, "none")
    assert code == 2
    assert "bad.png: is empty" in errors
    code, out, _ = run(capsys, photographs, "none", "--on-error", "skip")
    assert code == 0
    assert "1 skipped" in out
    assert "skipped bad.png: is empty" in out
