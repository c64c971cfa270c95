"""Label tables and lists beside the images: their file names follow the images' new names.

Only a whole cell (csv, tsv), string (json) or word (txt) that equals the name of an image is
replaced; every other byte of the file stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TABLES = frozenset({".csv", ".tsv"})
JSONS = frozenset({".json", ".jsonl", ".ndjson", ".geojson"})
LISTS = frozenset({".txt", ".lst"})

_JSON_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
# A name that contains one of these separators is found as several words with what is between them.
_WORD = re.compile(r"[^\s,;|\"']+")
_DELIMITERS = ",;\t|"


def is_companion(path: Path) -> bool:
    """Return whether a file of this name is one that may list images."""
    return path.suffix.lower() in TABLES | JSONS | LISTS


@dataclass(frozen=True)
class Renaming:
    """How the images of a dataset are called in its copy, in every spelling that a table may use.

    Attributes
    ----------
    names
        Old spelling -> new spelling.
    gone
        Spellings of images that are not in the copy; the rows that name them are left out.
    """

    names: Mapping[str, str]
    gone: Collection[str] = frozenset()
    _most_words: int = field(init=False, default=1)

    def __post_init__(self) -> None:
        most = max((len(_WORD.findall(name)) for name in (*self.names, *self.gone)), default=1)
        object.__setattr__(self, "_most_words", most)

    @property
    def most_words(self) -> int:
        """How many words the longest name has: names may contain spaces."""
        return self._most_words

    @property
    def changes_nothing(self) -> bool:
        """Whether every file can be copied as it is."""
        return not self.gone and not self.names

    @classmethod
    def of(
        cls,
        names: Mapping[str, str],
        gone: Collection[str],
        source: tuple[Path, str],
        target: tuple[Path, str],
    ) -> Renaming:
        """Spell out the names.

        Parameters
        ----------
        names
            Old -> new name of every image, below the image folder with ``/``.
        gone
            Old names of the images that are left out.
        source, target
            The dataset folder and the path of the image folder below it (``""`` when the images
            lie in the dataset folder itself), of the source and of the finished copy.

        Notes
        -----
        An image is known by its path below the image folder, below the dataset folder, below the
        folder that holds the dataset, by its absolute path, and by its bare name where only one
        image, or only images renamed alike, have it.
        """
        spelled: dict[str, str | None] = {}
        old_prefixes, new_prefixes = _prefixes(*source), _prefixes(*target)
        pairs: list[tuple[str, str | None]] = [*names.items(), *((name, None) for name in gone)]
        bare: dict[str, set[str | None]] = {}
        for old, new in pairs:
            for before, after in zip(old_prefixes, new_prefixes, strict=True):
                spelled[before + old] = None if new is None else after + new
            base = None if new is None else new.rpartition("/")[2]
            bare.setdefault(old.rpartition("/")[2], set()).add(base)
        for base, news in bare.items():
            if len(news) == 1 and base not in spelled:
                (spelled[base],) = news
        return cls(
            {old: new for old, new in spelled.items() if new is not None and new != old},
            frozenset(old for old, new in spelled.items() if new is None),
        )


def _prefixes(folder: Path, images: str) -> list[str]:
    below = f"{images}/" if images else ""
    folder = folder.absolute()
    return [
        "",
        "./",
        below,
        f"./{below}",
        f"{folder.name}/{below}",
        f"{folder.as_posix()}/{below}",
    ]


def rewrite_companion(path: Path, renaming: Renaming) -> bytes | None:
    """Return the new content of a table or list, None when nothing in it changes."""
    if renaming.changes_nothing or not is_companion(path):
        return None
    # Bytes that are no UTF-8 pass unchanged.
    old = path.read_bytes().decode("utf-8", errors="surrogateescape")
    suffix = path.suffix.lower()
    if suffix in JSONS:
        new = _json(old, renaming)
    elif suffix in TABLES:
        new = _table(old, renaming)
    else:
        new = _list(old, renaming)
    return None if new == old else new.encode("utf-8", errors="surrogateescape")


def _json(text: str, renaming: Renaming) -> str:
    names = renaming.names

    def replaced(match: re.Match[str]) -> str:
        literal = match[0]
        try:
            value = literal[1:-1] if "\\" not in literal else json.loads(literal)
        except ValueError:
            return literal
        new = names.get(value)
        if new is None:
            return literal
        # Spelled as the file spells: with or without escapes for other scripts.
        return json.dumps(new, ensure_ascii=literal.isascii())

    return _JSON_STRING.sub(replaced, text) if names else text


def _table(text: str, renaming: Renaming) -> str:
    delimiter = _delimiter(text)
    if delimiter is None:
        return _list(text, renaming)
    cell = re.compile(
        rf'(?<![^{re.escape(delimiter)}\r\n\ufeff])(?:"(?:[^"]|"")*"|[^"{re.escape(delimiter)}\r\n][^{re.escape(delimiter)}\r\n]*)'
    )

    def replaced(match: re.Match[str]) -> str:
        literal = match[0]
        quoted = literal.startswith('"')
        value = literal[1:-1].replace('""', '"') if quoted else literal.strip()
        new = renaming.names.get(value)
        if new is None:
            return literal
        if quoted or any(character in new for character in f'{delimiter}"\r\n'):
            return '"' + new.replace('"', '""') + '"'
        return literal.replace(value, new)

    def names_gone(record: str) -> bool:
        return any(
            (found[0][1:-1].replace('""', '"') if found[0][0] == '"' else found[0].strip())
            in renaming.gone
            for found in cell.finditer(record)
        )

    records = _records(text)
    if renaming.gone:
        records = (record for record in records if not names_gone(record))
    return "".join(cell.sub(replaced, record) for record in records)


def _delimiter(text: str) -> str | None:
    """Return the delimiter that the first line has most of, None when it has none."""
    line = text.partition("\n")[0]
    counts = {delimiter: line.count(delimiter) for delimiter in _DELIMITERS}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else None


def _records(text: str) -> Iterator[str]:
    """Split into records: lines, except that a quoted cell may hold line ends."""
    pending = ""
    for line in _lines(text):
        pending += line
        if pending.count('"') % 2 == 0:
            yield pending
            pending = ""
    if pending:
        yield pending


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _list(text: str, renaming: Renaming) -> str:
    kept = []
    for line in _lines(text):
        words = list(_WORD.finditer(line))
        pieces, position, index, gone = [], 0, 0, False
        while index < len(words):
            index, start, end, name = _name_at(line, words, index, renaming)
            gone = gone or name in renaming.gone
            pieces += [line[position:start], renaming.names.get(name, name)]
            position = end
        if not gone:
            kept.append("".join(pieces) + line[position:])
    return "".join(kept)


def _name_at(
    line: str, words: list[re.Match[str]], index: int, renaming: Renaming
) -> tuple[int, int, int, str]:
    """Return the next word, or the longest run of words that is the name of an image."""
    start = words[index].start()
    for last in range(min(len(words), index + renaming.most_words) - 1, index - 1, -1):
        name = line[start : words[last].end()]
        if name in renaming.names or name in renaming.gone:
            return last + 1, start, words[last].end(), name
    return index + 1, start, words[index].end(), words[index][0]
