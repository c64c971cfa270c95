"""Every kind of problem that ``iqf dataset check`` knows: how bad it is and what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]

#: What ``iqf dataset fix`` can leave out, and what it can mend.
DROPS = (
    "missing", "unreadable", "orphans", "malformed", "empty", "invalid", "outside", "duplicates",
)  # fmt: skip
REPAIRS = ("invalid", "outside", "sizes", "areas", "ids", "boxes")


@dataclass(frozen=True)
class Code:
    """A kind of problem.

    Attributes
    ----------
    severity
        ``"error"``: training or measuring will fail or be wrong; ``"warning"``: it may be;
        ``"info"``: worth knowing.
    explanation
        What it means.
    fix
        What ``iqf dataset fix`` does about it, or what a person has to do.
    drop, repair
        The group of ``--drop`` and of ``--repair`` it belongs to, empty for none.
    """

    severity: Severity
    explanation: str
    fix: str
    drop: str = ""
    repair: str = ""


_LEAVE_OUT = "leaves the object out (--drop {})"
_BY_HAND = "nothing: correct it by hand"


def _object(
    severity: Severity, explanation: str, drop: str, repair: str = "", how: str = ""
) -> Code:
    fix = _LEAVE_OUT.format(drop)
    if repair:
        fix = f"{how} (--repair {repair}); where that is not possible it {fix}"
    return Code(severity, explanation, fix, drop, repair)


CODES: dict[str, Code] = {
    # The folder
    "bad-properties": Code("error", "iqf.yaml cannot be used; it was ignored.", _BY_HAND),
    "ambiguous-annotations": Code(
        "error", "Two annotation files of one format; other commands refuse the dataset.",
        "nothing: move one of them out of the folder",
    ),
    "format-unavailable": Code(
        "warning", "An annotation format cannot be loaded, so its files were not looked for.",
        "nothing: `iqf plugins check` says why",
    ),
    "folder-oddity": Code("warning", "Something in the folder plays no role.", _BY_HAND),
    # Images
    "unreadable-image": Code(
        "error", "The file is no image of the type its name says, is empty, or cannot be opened.",
        "leaves image and objects out (--drop unreadable)", "unreadable",
    ),
    "truncated-image": Code(
        "error", "The file begins like an image, but its pixels cannot all be decoded.",
        "leaves image and objects out (--drop unreadable)", "unreadable",
    ),
    "unsupported-dtype": Code(
        "error", "The pixels have a type that IQF does not take.", "nothing: convert the file"
    ),
    "duplicate-name": Code(
        "warning", "Two images have names that differ only in folder, suffix or case; labels and "
        "results are easily mixed up.", "nothing: rename one of them",
    ),
    "duplicate-content": Code(
        "warning", "Two images of one part are byte for byte the same.",
        "nothing: say which one to keep",
    ),
    "leakage-duplicate": Code(
        "error", "The same image is in two parts (train, val, test): results on it mean nothing.",
        "nothing: it is for you to say which part keeps it",
    ),
    "leakage-near-duplicate": Code(
        "warning", "Two parts (train, val, test) hold images that look the same: recompressed, "
        "brightened or resized.", "nothing: look at both, then decide which part keeps it",
    ),
    "size-mismatch": Code(
        "error", "The annotations state another size than the image has.",
        "writes the true size (--repair sizes)", "", "sizes",
    ),
    "bad-size": Code(
        "warning", "The annotations state a size that is no number of pixels.",
        "writes the true size (--repair sizes)", "", "sizes",
    ),
    "band-mismatch": Code(
        "error", "The image has another number of bands than iqf.yaml names, or than its "
        "annotation entry says.", _BY_HAND,
    ),
    "mixed-bands": Code(
        "warning", "The images have different numbers of bands or data types.", _BY_HAND
    ),
    "unknown-peak": Code(
        "warning", "The value of full scale is not known.", "nothing: state 'peak' in iqf.yaml"
    ),
    "image-without-annotations": Code(
        "info", "The image has no annotation; right for a background image.", "nothing"
    ),
    # Annotation files
    "annotations-unreadable": Code(
        "error", "The annotation file cannot be used as a whole.", "nothing: restore the file"
    ),
    "unsafe-name": Code(
        "error", "A file name leads out of the dataset.",
        "leaves the entry and its objects out (--drop missing)", "missing",
    ),
    "missing-image": Code(
        "error", "Annotations of an image that is not in the image folder.",
        "leaves the entry and its objects out (--drop missing)", "missing",
    ),
    "bad-image-entry": Code(
        "error", "An image entry without usable id or name.",
        "leaves the entry out (--drop malformed)", "malformed",
    ),
    "duplicate-image-id": Code(
        "error", "Two image entries share an id.", "leaves the later one out (--drop duplicates)",
        "duplicates",
    ),
    "duplicate-image": Code(
        "error", "Two image entries name the same file.",
        "leaves the later one out, its objects go to the first (--drop duplicates)", "duplicates",
    ),
    "bad-class": Code(
        "error", "A class without usable id and name.", "leaves it out (--drop malformed)",
        "malformed",
    ),
    "duplicate-class": Code(
        "error", "A class is defined twice.", "leaves the later one out (--drop duplicates)",
        "duplicates",
    ),
    "unknown-class": _object("error", "An object of a class that is not defined.", "orphans"),
    "unnamed-classes": Code("warning", "Nothing names the classes.", "nothing: add classes.txt"),
    "bad-class-id": _object("error", "An object's class is missing or no number.", "malformed"),
    "unknown-image": _object("error", "An object of an image that is not listed.", "orphans"),
    "bad-object": _object("error", "An entry that is no object at all.", "malformed"),
    "duplicate-id": _object(
        "error", "Two objects share an id: evaluation counts one of them.", "duplicates", "ids",
        "gives the later one a new id",
    ),
    "duplicate-object": _object(
        "warning", "The same object, class and outline, appears twice.", "duplicates"
    ),
    "bad-crs": Code("warning", "The reference system that is declared is unknown.", _BY_HAND),
    # Boxes
    "box-type": _object("error", "A box that holds something other than numbers.", "malformed",
                        "boxes", "takes the box of the outline"),
    "box-length": _object("error", "A box of other than four numbers.", "malformed", "boxes",
                          "takes the box of the outline"),
    "box-not-finite": _object("error", "A box with NaN or infinity.", "malformed", "boxes",
                              "takes the box of the outline"),
    "box-negative": _object("error", "A box of negative width or height.", "malformed", "boxes",
                            "takes the box of the outline"),
    "empty-box": _object("error", "A box without area.", "empty", "boxes",
                         "takes the box of the outline"),
    "box-leaves-image": _object("warning", "A box that reaches beyond the image.", "outside",
                                "outside", "clips it"),
    "box-outside-image": _object("error", "A box wholly outside of the image.", "outside"),
    # Outlines
    "segmentation-type": _object("error", "A segmentation that is neither polygons nor a mask.",
                                 "malformed"),
    "polygon-type": _object("error", "A polygon that holds something other than numbers.",
                            "malformed"),
    "polygon-odd": _object("error", "A polygon of an odd number of coordinates.", "malformed"),
    "polygon-short": _object("error", "A polygon of fewer than three points.", "malformed"),
    "polygon-not-finite": _object("error", "A polygon with NaN or infinity.", "malformed"),
    "empty-polygon": _object("error", "An outline without area.", "empty"),
    "polygon-leaves-image": _object("warning", "An outline that reaches beyond the image.",
                                    "outside", "outside", "clips it"),
    "polygon-outside-image": _object("error", "An outline wholly outside of the image.", "outside"),
    "invalid-geometry": _object("error", "An outline that crosses or touches itself.", "invalid",
                                "invalid", "mends it with make_valid or buffer(0)"),
    "bad-geometry": _object("error", "A geometry that cannot be read at all.", "malformed"),
    "missing-geometry": _object("error", "An object without any geometry.", "missing"),
    "empty-geometry": _object("error", "A geometry that holds no coordinates.", "empty"),
    "bad-rle": _object("error", "A run-length mask whose runs or characters are wrong.",
                       "malformed"),
    "rle-size": _object("error", "A run-length mask of another size than its image.", "malformed"),
    "empty-rle": _object("error", "A run-length mask without a pixel.", "empty"),
    "bad-keypoints": _object("error", "Keypoints that are no triples x, y, visibility.",
                             "malformed"),
    "bad-area": Code("error", "The area is no number, negative or NaN.",
                     "computes it (--repair areas)", "", "areas"),
    "missing-area": Code("warning", "No area is stated; COCO evaluation needs one.",
                         "computes it (--repair areas)", "", "areas"),
    "area-mismatch": Code("warning", "The stated area is more than 5 % off the outline's.",
                          "computes it (--repair areas)", "", "areas"),
    "no-overlap": _object("error", "Georeference and annotation do not overlap: another reference "
                          "system, swapped axes, or another image.", "outside"),
    # Label files and masks
    "bad-line": _object("error", "A line that does not have the form of a label.", "malformed"),
    "shared-labels": Code("warning", "Images of one stem share a label file.", _BY_HAND),
    "missing-label-image": Code("error", "A label file without image.",
                                "leaves the file out (--drop missing)", "missing"),
    "missing-mask": Code("warning", "An image without mask, where others have one.", "nothing"),
    "orphan-mask": Code("warning", "A mask without image.",
                        "leaves it out (--drop orphans)", "orphans"),
    "unreadable-mask": Code("error", "A mask that cannot be read.",
                            "leaves it out (--drop unreadable)", "unreadable"),
    "mask-size": Code("error", "A mask of another size than its image.", _BY_HAND),
    "mask-bands": Code("warning", "A mask of several bands, or of floating-point numbers, where "
                       "one band of class numbers is expected.", _BY_HAND),
    "empty-mask": Code("info", "A mask that holds one value everywhere.", "nothing"),
    "unmapped": Code("warning", "A problem that a format reports.", _BY_HAND),
}  # fmt: skip
