"""Text that comes from outside, read strictly, and what of it may be printed."""

from rayproof.model.documents.reading import (
    KIB,
    MIB,
    MOST_DIGITS,
    MOST_LEVELS,
    DocumentError,
    parse_json,
    printable,
    read_text,
    size_text,
)

__all__ = [
    "KIB",
    "MIB",
    "MOST_DIGITS",
    "MOST_LEVELS",
    "DocumentError",
    "parse_json",
    "printable",
    "read_text",
    "size_text",
]
