from __future__ import annotations

import json
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iqf_core.datasets.formats.coco import is_coco
from iqf_core.datasets.json_scan import top_level

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
quick = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)


def kind(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value)[0]


@quick
@given(st.dictionaries(st.text(max_size=6), values, max_size=4), st.sampled_from([None, 1]))
def test_the_top_level_is_what_a_parser_sees(
    tmp_path: Path, document: dict[str, object], indent: int | None
) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document, indent=indent), encoding="utf-8")
    assert list(top_level(path)) == [(key, kind(value)) for key, value in document.items()]


@quick
@given(st.binary(max_size=200) | st.text('{}[]":, \\a1', max_size=60).map(str.encode))
def test_any_bytes_have_a_top_level_or_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(data)
    list(top_level(path))


def test_coco_is_recognised_whatever_the_order_of_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('\ufeff{"annotations": [{"a": [[1]]}], "info": {"images": 3}, "images": []}')
    assert is_coco(path)


def test_lists_that_are_not_at_the_top_or_no_lists_are_no_coco(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for text in (
        '{"data": {"images": [], "annotations": []}}',
        '{"images": [], "annotations": {}}',
        '{"images": ["annotations"], "x": "\\"annotations\\": []"}',
        '[{"images": [], "annotations": []}]',
        '"images" "annotations"',
        "",
    ):
        path.write_text(text)
        assert not is_coco(path), text


def test_an_unterminated_string_of_quotes_takes_linear_time(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"images": [{"annotations": "' + '\\"' * 500_000 + '"annotations"')
    started = time.perf_counter()
    assert not is_coco(path)
    # Quadratic time would be minutes; linear is milliseconds.
    assert time.perf_counter() - started < 5
