"""Which of the newest matches come first: what is said more, and what was said lately."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log2

HALF_LIFE_DAYS = 30
"""A text that is so much older has to be twice as relevant to stand beside a newer one."""

USUAL_LENGTH = 120
"""Characters of a post. In a longer one, a word that is said once counts less."""

PHRASE_WEIGHT = 2.0
"""What is typed as it stands in the text is so much more relevant than its words apart."""


Match = tuple[int, str, float]
"""A post that has all terms: its id, its text, and the day on which it was written."""


def ranked(matches: Iterable[Match], wanted: Sequence[str], typed: str) -> list[int]:
    """The ids of these posts, the best first.

    The score is log2(relevance) + age, where a day counts 1 / HALF_LIFE_DAYS. As its differences do
    not depend on the moment, pages that are opened later go on where the last one ended.
    """
    phrase = " ".join(typed.casefold().split())
    scores = [
        (log2(_relevance(body.casefold(), wanted, phrase)) + day / HALF_LIFE_DAYS, post_id)
        for post_id, body, day in matches
    ]
    scores.sort(reverse=True)
    return [post_id for _score, post_id in scores]


def _relevance(body: str, wanted: Sequence[str], phrase: str) -> float:
    """The sum over the terms of tf / (tf + k), as in BM25: k grows with the length of the text.

    A term that stands there in another spelling counts as said once.
    """
    k = 0.3 + 0.9 * len(body) / USUAL_LENGTH
    relevance = 0.0
    for term in wanted:
        said = body.count(term) or 1
        relevance += said / (said + k)
    return relevance * PHRASE_WEIGHT if phrase in body and len(wanted) > 1 else relevance
