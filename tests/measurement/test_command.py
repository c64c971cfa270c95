"""``iqf measure`` as a user calls it."""

from __future__ import annotations

import csv
import json

import pytest


def test_it_prints_a_summary_and_writes_every_value(iqf, pictures, tmp_path):
    printed = iqf("measure", pictures, "--metric", "brightness", "--csv", "values.csv").stdout
    lines = [line.split() for line in printed.splitlines()]
    assert lines[0] == ["METRIC", "OUTPUT", "BAND", "MEAN", "MEDIAN", "SPREAD", "VALUES", "UNIT"]
    assert lines[1][:3] == ["brightness", "mean", "all"]
    assert lines[1][-4:] == ["3", "of", "3", "DN"]
    with (tmp_path / "values.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert ",".join(rows[0]) == (
        "dataset,image,band,metric,output,value,unit,ci68_low,ci68_high,reason"
    )
    assert len(rows) == 6
    assert 100 < float(rows[0]["value"]) < 110


def test_json_is_one_document_with_everything(iqf, pictures):
    done = iqf("measure", pictures, "--metric", "brightness:offset_dn=1", "--json", "--by-band")
    document = json.loads(done.stdout)
    assert document["schema"] == "iqf.measure/1"
    (metric,) = document["metrics"]
    assert metric["params"] == {"offset_dn": 1.0, "calls": ""}
    assert metric["version"] == "1"
    assert len(document["rows"]) == 3 * (2 + 3)
    assert document["rows"][0]["metric"] == "brightness:offset_dn=1"
    assert document["summary"][0]["count"] == 3


def test_infinity_is_text_in_json(iqf, pictures):
    done = iqf("measure", pictures, "--metric", "difference", "--reference", pictures, "--json")
    document = json.loads(done.stdout, parse_constant=pytest.fail)
    assert {row["value"] for row in document["rows"]} == {"inf"}


def test_reasons_are_printed_with_how_many_images_they_concern(iqf, pictures):
    (pictures / "p2.png").write_bytes(b"nothing")
    metric = ("--metric", "brightness")
    refused = iqf("measure", pictures, *metric, code=2)
    assert "p2.png: " in refused.stderr
    printed = iqf("measure", pictures, *metric, "--on-error", "skip").stdout
    assert "2 of 3" in printed
    assert "no value for 1 image (brightness mean, brightness share): cannot be read: " in printed


def test_metrics_draw_where_their_numbers_come_from(iqf, pictures, tmp_path):
    metrics = ("--metric", "brightness", "--metric", "drawn")
    printed = iqf("measure", pictures, *metrics, "--figure", "figures").stdout
    assert "figures: figures" in printed
    drawn = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert drawn == [f"p{index}.png.drawn.png" for index in range(3)]
    assert (tmp_path / "figures" / drawn[0]).read_text() == "(20, 30, 3)"
    refused = iqf("measure", pictures, *metrics[:2], "--figure", "none", code=2)
    assert "brightness: no figure can be drawn" in refused.stderr


def test_mistakes_are_one_line(iqf, pictures):
    assert "with --metric, such as" in iqf("measure", pictures, code=2).stderr
    done = iqf("measure", pictures, "--metric", "fails", code=2)
    assert done.stderr.startswith("error: metric 'fails' of plugin")
    assert "Traceback" not in done.stderr
    done = iqf("measure", pictures, "--metric", "brightness", "--csv", "no/folder.csv", code=2)
    assert "no/folder.csv: cannot be written" in done.stderr
