"""Label tables and lists follow the images' new names, and change in nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from iqf_core.datasets.companions import Renaming, rewrite_companion

NAMES = {
    "a.jpg": "a.png",
    "s/b c.jpg": "s/b c.png",
    "x,y.jpg": "x,y.png",
    "ü.jpg": "ü.png",
    "same.png": "same.png",
}


def rewritten(tmp_path: Path, name: str, content: str, gone: tuple[str, ...] = ()) -> str | None:
    path = tmp_path / name
    path.write_bytes(content.encode())
    source, target = Path("/data/set"), Path("/data/set#blur")
    renaming = Renaming.of(NAMES, gone, (source, "images"), (target, "images"))
    new = rewrite_companion(path, renaming)
    return None if new is None else new.decode()


def test_csv_cells_are_replaced_and_the_rest_kept(tmp_path: Path) -> None:
    old = '\ufefffile,"label, t"\r\na.jpg,"a.jpg is it"\r\n"x,y.jpg", 1.50\r\nba.jpg,a.jpgx\r\n'
    new = '\ufefffile,"label, t"\r\na.png,"a.jpg is it"\r\n"x,y.png", 1.50\r\nba.jpg,a.jpgx\r\n'
    assert rewritten(tmp_path, "labels.csv", old) == new


def test_the_delimiter_is_that_of_the_header(tmp_path: Path) -> None:
    assert rewritten(tmp_path, "l.csv", "f;l\na.jpg;1\n") == "f;l\na.png;1\n"
    assert rewritten(tmp_path, "l.tsv", "f\tl\ns/b c.jpg\t1\n") == "f\tl\ns/b c.png\t1\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a.jpg", "a.png"),
        ("images/a.jpg", "images/a.png"),
        ("./images/a.jpg", "./images/a.png"),
        ("s/b c.jpg", "s/b c.png"),
        ("b c.jpg", "b c.png"),
        ("set/images/a.jpg", "set#blur/images/a.png"),
        ("/data/set/images/a.jpg", "/data/set#blur/images/a.png"),
        ("other/a.jpg", "other/a.jpg"),
    ],
)
def test_every_spelling_of_a_path_is_known(tmp_path: Path, old: str, new: str) -> None:
    assert (
        rewritten(tmp_path, "l.csv", f"f,l\n{old},1\n") or f"f,l\n{old},1\n"
    ) == f"f,l\n{new},1\n"


def test_a_path_into_the_source_leads_into_the_copy_even_if_the_name_stays(tmp_path: Path) -> None:
    new = rewritten(tmp_path, "l.txt", "/data/set/images/same.png 3\n")
    assert new == "/data/set#blur/images/same.png 3\n"


def test_json_strings_and_keys_are_replaced_byte_for_byte(tmp_path: Path) -> None:
    old = '{"a.jpg": [1.0, 1e5],\n  "n": "images/s/b c.jpg", "t": "see a.jpg", "u": "\\u00fc.jpg"}'
    new = '{"a.png": [1.0, 1e5],\n  "n": "images/s/b c.png", "t": "see a.jpg", "u": "\\u00fc.png"}'
    assert rewritten(tmp_path, "x.json", old) == new
    assert rewritten(tmp_path, "x.json", '["ü.jpg"]') == '["ü.png"]'


def test_words_of_a_list_are_replaced_names_with_spaces_too(tmp_path: Path) -> None:
    old = "a.jpg 0\n  s/b c.jpg   1,2,3\nx,y.jpg\n'a.jpg',5\nba.jpg\n"
    new = "a.png 0\n  s/b c.png   1,2,3\nx,y.png\n'a.png',5\nba.jpg\n"
    assert rewritten(tmp_path, "list.txt", old) == new


def test_a_file_that_names_no_image_is_not_rewritten(tmp_path: Path) -> None:
    assert rewritten(tmp_path, "x.csv", "1,2\n3,4\n") is None
    assert rewritten(tmp_path, "x.bin", "a.jpg") is None


def test_rows_of_images_that_were_left_out_go(tmp_path: Path) -> None:
    old = 'f,l\na.jpg,1\nlost.jpg,"two\nlines"\nü.jpg,3\n'
    assert rewritten(tmp_path, "l.csv", old, ("lost.jpg",)) == "f,l\na.png,1\nü.png,3\n"
    assert rewritten(tmp_path, "l.txt", "lost.jpg 1\na.jpg 2", ("lost.jpg",)) == "a.png 2"


def test_a_bare_name_that_two_images_share_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "l.txt"
    path.write_text("a.jpg\none/a.jpg\n")
    names = {"one/a.jpg": "one/a.png", "two/a.jpg": "two/a.jpg.png"}
    renaming = Renaming.of(names, (), (Path("/d"), ""), (Path("/e"), ""))
    assert rewrite_companion(path, renaming) == b"a.jpg\none/a.png\n"


def test_bytes_that_are_no_utf8_pass(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_bytes(b"f,l\na.jpg,caf\xe9\n")
    renaming = Renaming.of({"a.jpg": "a.png"}, (), (Path("/d"), ""), (Path("/e"), ""))
    assert rewrite_companion(path, renaming) == b"f,l\na.png,caf\xe9\n"
