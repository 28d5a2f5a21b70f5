"""The sentences of a page of Markdown, without what is no prose: code, tables, formulas, headings, addresses."""

import re
from zlib import crc32

# Full stops that end no sentence.
ABBREVIATIONS = ("et al.", "e.g.", "i.e.", "vs.", "approx.", "Nat.", "doi.", "St.", "...")
END = re.compile(r"(?<=[.!?])[\"')*_\]]*\s+(?=[\"'(*\[`_]*[A-Z0-9`])")
WORD = re.compile(r"\w")


def paragraphs(text):
    """(number of its first line, text) of every paragraph and item of a list, in plain words.

    Fenced and indented blocks, tables, headings, comments and displayed formulas are left out. A piece of code, a
    formula or a DOI in a sentence stands as one word.
    """
    found, lines, start, fence = [], [], 0, ""

    def close():
        if lines:
            found.append((start, plain(" ".join(lines))))
            lines.clear()

    in_comment = in_formula = in_item = False
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if fence or stripped.startswith("```"):
            close()
            mark = re.match(r"`*", stripped)[0]
            fence = mark if not fence else "" if stripped == fence else fence
            continue
        if in_comment or stripped.startswith("<!--"):
            close()
            in_comment = "-->" not in stripped
            continue
        if in_formula or stripped.startswith("$$"):
            close()
            in_formula = stripped.count("$$") == 1 if not in_formula else "$$" not in stripped
            continue
        item = re.match(r"\s*(?:[-*]|\d+\.)\s+", line)
        is_code = re.match(r" {4,}", line) and not lines and not in_item
        if not stripped or stripped.startswith(("|", "#", "![")) or is_code:
            close()
            in_item = in_item and not stripped
            continue
        if item:
            close()
            in_item, stripped = True, line[item.end() :]
        if not lines:
            start = number
        lines.append(stripped.strip())
    close()
    return found


def _word_for(piece):
    """A word for a piece of code, another one for another piece: two in a row are no word said twice."""
    return "CODE" + "".join(chr(ord("A") + int(digit)) for digit in str(crc32(piece.encode())))


def plain(text):
    """Words of a paragraph: link texts for links, one word for code, formula and address."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`[^`]*`|\$[^$]*\$", lambda piece: _word_for(piece[0]), text)
    text = re.sub(r"(?:doi:|https?://)\S+?(?=[.,;)]*(?:\s|$))", "address", text)
    return re.sub(r"\*\*|__|(?<!\w)[*_]|[*_](?!\w)", "", text)


def sentences(text):
    """(line of the paragraph, sentence) of a page."""
    for line, paragraph in paragraphs(text):
        for name in ABBREVIATIONS:
            paragraph = paragraph.replace(name, name.replace(".", "\0"))
        for sentence in END.split(paragraph):
            yield line, sentence.replace("\0", ".").strip()


def n_words(sentence):
    """Words of a sentence; a sign or a dash alone is none."""
    return sum(bool(WORD.search(word)) for word in sentence.split())
