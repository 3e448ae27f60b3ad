"""Sentences: what an event does, in plain words, one row a phrase, one column a language.

`{t-1}` stands for the number of an index; a name is written as in the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unroll.symbolic.expressions import Index

LANGUAGES = ("en", "zh")

PHRASES: Mapping[str, tuple[str, str]] = {
    "at": ("{name} at step {at}", "第 {at} 步的 {name}"),
    "point": ("{name} at {at}", "{at} 处的 {name}"),
    "and": (" and ", "和"),
    "comma": (", ", "、"),
    "operation": (
        "On the way to {target}: the {what} of {reads}.",
        "为了得到{target}：对{reads}作{what}。",
    ),
    "value": ("{target} is the {what} of {reads}.", "{target}：对{reads}作{what}。"),
    "copy": ("{target} is {reads}.", "{target} 就是{reads}。"),
    "constant": ("{target} is set.", "{target} 取定值。"),
    "given": ("{target} is given.", "{target} 是给定的。"),
    "loss": (
        "The loss: {target} is the {what} of {reads}.",
        "损失：{target} 由{reads}通过{what}得到。",
    ),
    "seed": (
        "The way back begins: a change of {target} changes {objective} by as much.",
        "反向传播开始：{target} 改变多少，{objective} 就改变多少。",
    ),
    "contribution": (
        "The gradient that reached {sources} comes back to {target}{through}.",
        "到达{sources}的梯度{through}传回{target}。",
    ),
    "local": (
        "What {target} does to {objective}: the gradient follows from {reads}.",
        "{target} 对 {objective} 的影响：梯度由{reads}得到。",
    ),
    "through": (" through {}", "经由 {} "),
    "sum": (
        "{count} contributions meet at {target}: they add up.",
        "{count} 项贡献在{target}汇合：相加。",
    ),
    "accumulate": (
        "Step {at} adds its part to the gradient of {name}.",
        "第 {at} 步把它的一份加到 {name} 的梯度上。",
    ),
    "collect": ("This adds its part to the gradient of {name}.", "这一项加到 {name} 的梯度上。"),
    "auxiliary": ("{target} is kept for the way back.", "{target} 为反向传播而保存。"),
}

# what an operation makes, by its name's first words in the table; others by their name
NUMBERS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
Both = tuple[str, str]


def said(key: str, **parts: Both) -> dict[str, str]:
    """A phrase in every language; parts: in every language, too."""
    found = {}
    for i, language in enumerate(LANGUAGES):
        values = {name: part[i] for name, part in parts.items()}
        text = PHRASES[key][i].format(**values)
        found[language] = text[:1].upper() + text[1:] if i == 0 and _is_word(text) else text
    return found


def _is_word(text: str) -> bool:
    """Whether a sentence begins with a word, and not with a name, which keeps its case."""
    first = text.split(" ", 1)[0]
    return first.isalpha() and len(first) > 2 and first.islower()


def node(name: str, at: Sequence[Index]) -> Both:
    """A name at a point: `h at step {t}`; the letter is filled in where the event is told."""
    if not at:
        return name, name
    places = ", ".join(f"{{{i}}}" if i.base else str(i.offset) for i in at)
    key = "at" if len(at) == 1 and not at[0].via else "point"
    en, zh = (PHRASES[key][i].format(name=name, at=places) for i in range(2))
    return en, zh


def listed(items: Sequence[Both]) -> Both:
    """Things one after the other, each once."""
    once = list(dict.fromkeys(items))
    found = []
    for i in range(2):
        words = [item[i] for item in once]
        comma, last = PHRASES["comma"][i], PHRASES["and"][i]
        found.append(
            comma.join(words[:-1]) + last + words[-1] if len(words) > 1 else "".join(words)
        )
    return found[0], found[1]


def through(factors: Sequence[str]) -> Both:
    if not factors:
        return "", ""
    names = listed([(f, f) for f in factors])
    return PHRASES["through"][0].format(names[0]), PHRASES["through"][1].format(names[1])


def number(count: int) -> Both:
    return (NUMBERS[count] if count < len(NUMBERS) else str(count)), str(count)
