"""Where a title or a list in a request ends, and what comes after it is a wish again.

A wish that is swallowed by a title or a list is lost without a word, so that both end early rather than late.
"""

import re
from functools import cache

# A title ends before these. "in the mountains" and "in Rome" may belong to it, "in purple" does not.
_BREAK = (
    r"(?:with|that|which|where|who|whose|so|from|by|into|onto|without|if|when|while|but|using|per|each|every|as|than|for|until|till|"
    r"between|among|not|no|only|plus|then|because|also|instead|excluding|except|before|after|over|under|versus|vs|against|"
    r"sorted|ordered|ranked|grouped|stacked|shown|drawn|coloured|colored|animated|compared|updated|split|shared|broken|"
    r"is|are|it|starts|begins|should|must|can|will|and(?! (?-i:[A-Z]))|in(?! (?:the |my |our |(?-i:[A-Z])))|on(?= ?[\d\x1f])|at(?= ?[\d\x1f])|"
    r"to(?! (?:the |my |our |(?-i:[A-Z]))))\b"
)
_END = rf"(?=\s*+(?:[^\w\s]|$)| ?\x1f|\n| +{_BREAK}| +(?:please|thanks|thank you)\b)"
_WORDS = rf"(?!(?:the|an?|my|our|these|this|those)\b|{_BREAK})[^\W\d_][\w'-]*+(?: (?!{_BREAK})[^\W\d_][\w'-]*+){{0,5}}(?: \d{{1,4}}(?=\s*(?:[:,.;!?]|$)))?"
_TITLE = rf"({_WORDS}){_END}"
# Who is meant without a name is no name.
_NAME = rf"(?!(?:the|our|us|them|friends|people|persons|everyone|everybody|all|what|a|an|two|three|four|tip|(?-i:{_BREAK}))\b)[^\W\d_][\w'-]*+"
_NAMES = rf"({_NAME}(?:(?:, ?(?:and |or )?| and | & | or ){_NAME})+){_END}"

_WISH = r"(?:show|tell|add|sort|let|give|make|write|remind|warn|put|count|keep|mark|play|read|print|send|save|highlight|explain|work out|turn|say|repeat|ask|group|hide|swap|round|convert|translate|colou?r)"
# Where things are listed, "tea and coffee" can be what they are about.
_TOPIC = rf"({_WORDS}(?: and (?!{_WISH}\b)[a-z]+(?= ?[:\n\x1f]))?)(?:{_END}|(?<=\w)(?= ?[:\n\x1f]))"
_CLAUSE = re.compile(
    r"[.!?][\"']?\s+(?=[A-Z])"
    r"|(?:\s*[,;]\s*|\s+)(?:and\s+)?(?:where|which|so that|such that|that (?:i|you|we|they|it|each|every|add|are|is|can|should|shows?|tells?)|but|except|unless|plus|please|then|also|sorted|without|with)\b"
    rf"|(?:\s*[,;]\s*(?:and\s+)?|\s+and\s+){_WISH}(?: up| out| off)? (?:me|the|how|which|what|each|every|all|it|them|their|an?|my|two|three|over|\d+ [a-z])"
    r"|(?:\s*[,;]\s*(?:and\s+)?|\s+and\s+)(?:it|i|let|(?:\d+|\w+) more) "
    r"|\s*[,;]\s*(?:and\s+)?(?:in|as|on|at|by|per|using|like|each|every|all|only|not|no|sort|order|group|translate|repeat|shuffle|animate) (?![=:\d–-])"
    r"|\s*[,;]\s*(?:[^\s,;]+ ){1,4}(?:can|should|must) "
    r"|\s*[,;]\s*(?:[^\s,;]+ ){1,4}(?:each|per \w+)$"
    r"|\s+(?:(?:as|in) (?:an?\b|pdf|csv|html|3d|2d|big|small|random|alphabetical|colou?r|\d)|for \d|through an? |via |->|\((?:with|in|no|for|by|and|\w+ed)\b)",
    re.IGNORECASE,
)


_MARKS = (", ", " - ", " – ", " — ", " (", "! ", "? ", ". ", ": ")


@cache
def compiled(pattern: str, fold: bool = True) -> re.Pattern[str]:
    """The recipes have more patterns than `re` remembers. Theirs are few and never made from a request."""
    return re.compile(pattern, re.IGNORECASE if fold else 0)


def expanded(pattern: str) -> str:
    """A pattern of a recipe with its {title}, {topic} and {names} written out."""
    return pattern.replace("{title}", _TITLE).replace("{topic}", _TOPIC).replace("{names}", _NAMES)


def odd_one(parts: list[str]) -> bool:
    """Is the last thing of a list marked off in a way that no other is? "a; b; c, loop forever" goes on with a wish."""
    return any(mark in parts[-1].strip() and not any(mark in part for part in parts[:-1]) for mark in _MARKS)


def cut(listed: str) -> str:
    """A list up to where it goes over into a wish: "dog = Hund, cat = Katze, where I type" → the two pairs."""
    listed = listed.rstrip()
    if "\n" in listed.strip():
        return (
            re.split(r"\n[ \t]*\n", listed.strip("\n"), maxsplit=1)[0]
            if re.search(r"\S\s*\n[ \t]*\n", listed)
            else listed
        )
    found = _CLAUSE.search(listed)
    if found and found[0][0] in ".!?" and not re.search(r"[,;=]", listed[: found.start()]):
        return listed  # sentences, one a point
    return listed[: found.start()] if found else listed
