"""Long lines for narrow terminals: folded at spaces, and between signs that take two places and know no spaces.

Pure. It must not know terminals.
"""

from collections.abc import Iterator


def shown_width(text: str) -> int:
    """Places that a text takes in a terminal."""
    return sum(_places(sign) for sign in text)


def fold(text: str, width: int, before: str = "", after: str = "") -> Iterator[str]:
    """Lines of at most `width` places, `before` in front of the first and `after` (or as much space) of the others.

    0 leaves the text as it is. A word that is wider than a line is cut.
    """
    if not width:
        yield before + text
        return
    lead, line, room = before, "", width - shown_width(before)
    for word in _words(text):
        if shown_width(line) + shown_width(word.rstrip()) > room and line:
            yield (lead + line).rstrip()
            lead, line = after or " " * shown_width(before), ""
            room = width - shown_width(lead)
            word = word.lstrip()
        while shown_width(word.rstrip()) > room:
            cut = _cut(word, room)
            yield lead + word[:cut]
            lead, word = after or " " * shown_width(before), word[cut:]
        line += word
    if line.strip() or not text:
        yield (lead + line).rstrip()


def _words(text: str) -> Iterator[str]:
    """Each word with the space behind it; a wide sign is a word of its own."""
    word = ""
    for sign in text:
        if word and (_places(sign) == 2 or _places(word[-1]) == 2 or (word[-1] == " " and sign != " ")):
            yield word
            word = ""
        word += sign
    if word:
        yield word


def _cut(word: str, room: int) -> int:
    taken = 0
    for index, sign in enumerate(word):
        taken += _places(sign)
        if taken > room:
            return max(1, index)
    return len(word)


def _places(sign: str) -> int:
    return 2 if ord(sign) >= 0x1100 and not 0x2000 <= ord(sign) < 0x2E80 else 1
