from __future__ import annotations

import math
from pathlib import Path

import pytest

from iqf_core.datasets.properties import DatasetProperties, read_properties, write_properties
from iqf_core.errors import DatasetError


def state(folder: Path, text: str) -> DatasetProperties:
    (folder / "iqf.yaml").write_text(text, encoding="utf-8")
    return read_properties(folder)


def test_without_a_file_nothing_is_stated(tmp_path: Path) -> None:
    assert read_properties(tmp_path).stated() == {}


def test_everything_the_user_knows_is_read(tmp_path: Path) -> None:
    properties = state(
        tmp_path,
        "schema: iqf.dataset/1\npeak: 1e4\nnodata: 0\nbands: [blue, 8]\ngsd_m: 0.5\nsnr: 120\n"
        "rer: 0.4\nparams: {sensor: X, launched: 2020-01-02}\n",
    )
    assert properties.peak == 10000
    assert properties.bands == ("blue", "8")
    assert properties.gsd_m == 0.5
    assert properties.params == {"sensor": "X", "launched": "2020-01-02"}


def test_properties_survive_writing(tmp_path: Path) -> None:
    properties = DatasetProperties(
        peak=1023, nodata=math.nan, bands=("rojo", "grün"), params={"a": [1, {"b": None}]}
    )
    write_properties(tmp_path, properties)
    again = read_properties(tmp_path)
    assert again.nodata is not None and math.isnan(again.nodata)
    assert again.model_dump(exclude={"nodata"}) == properties.model_dump(exclude={"nodata"})
    assert (tmp_path / "iqf.yaml").read_text().startswith("schema: iqf.dataset/1\n")
    assert [path.name for path in tmp_path.iterdir()] == ["iqf.yaml"]


def test_an_empty_file_states_nothing(tmp_path: Path) -> None:
    assert state(tmp_path, "# later\n") == DatasetProperties()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("paek: 255", "unknown key 'paek'; did you mean 'peak'"),
        ("peak: -1", "peak is -1: input should be greater than 0"),
        ("peak: .inf", "finite"),
        ("nodata: .inf", "nodata is inf"),
        ("bands: 4", "bands is 4"),
        ("peak: 1\npeak: 2", "key 'peak' appears twice"),
        ("params: {a: &x [1], b: *x}", "alias *x"),
        ("peak: !!python/object/apply:os.getcwd []", "not valid YAML"),
        ("- 1", "expected a mapping"),
        ("{", "not valid YAML"),
        ("schema: iqf.dataset/2\npeak: 1", "newer iqf-core"),
        ("schema: 7", "expected 'iqf.dataset/1'"),
        ("params: " + "[" * 3000, "nested too deeply"),
        ("\x00", "not valid YAML"),
        ("params: {a: !!binary aGk=}", "no plain value"),
        ("? [1, 2]\n: 3", "not valid YAML"),
    ],
)
def test_a_mistake_is_one_clear_line_that_names_the_file(
    tmp_path: Path, text: str, expected: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        state(tmp_path, text)
    message = str(caught.value)
    assert expected in message
    assert message.startswith(str(tmp_path / "iqf.yaml"))
    assert "\n" not in message


def test_a_huge_file_is_not_parsed(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected a few lines"):
        state(tmp_path, "# " + "x" * 2_000_000)


def test_a_minor_version_of_the_schema_is_read(tmp_path: Path) -> None:
    assert state(tmp_path, "schema: iqf.dataset/1.4\npeak: 7").peak == 7
