"""Why a word has no inverse on one side, as far as the laws say."""

from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.unification import match_letters
from augalgebra.algebra.words import Word


def nothing_undoes(system: RewritingSystem, form: Word) -> str:
    """Why nothing undoes a word, as far as the laws say; empty if they do not."""
    for law in system.presentation.singular:
        for place in _occurrences(law.lhs, form):
            # What comes before must reach all images, or the singular part may be harmless (as crop is after
            # pad).
            if system.left_inverse(Word.from_letters(form.letters[:place])) is not None:
                return f"{law} (declared by {law.owner})" if law.owner else str(law)
    for other in _others(system, form):
        if system.normal_form(other * form) == form:
            return f"{other * form} = {form}, and {other} is not the identity"
    return ""


def undoes_nothing(system: RewritingSystem, form: Word) -> str:
    """Why a word undoes nothing, as far as the laws say; empty if they do not."""
    for other in _others(system, form):
        if system.normal_form(form * other) == form:
            return f"{form * other} = {form}, and {other} is not the identity"
    return ""


def _others(system: RewritingSystem, form: Word) -> list[Word]:
    """Words that are surely not the identity of the presented monoid.

    None by laws that hold approximately or for some pictures: what such a law swallows may well be undone.
    """
    if system.exact is not system or not system.decides(form):
        return []
    symbols = dict.fromkeys((*form.symbols, *system.presentation.generators))
    candidates = [form, *(Word(((symbol, 1),)) for symbol in symbols)]
    return [word for word in candidates if system.normal_form(word)]


def _occurrences(pattern: Word, word: Word) -> list[int]:
    """The places at which an instance of the pattern stands in a word."""
    size = len(pattern)
    return [
        place
        for place in range(len(word) - size + 1)
        if match_letters(pattern.letters, word.letters[place : place + size]) is not None
    ]
