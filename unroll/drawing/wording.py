"""Wording: the words that figures have of their own, in every language that they are drawn in.

One row a word, one column a language; what a user or a template says is never translated.
"""

from __future__ import annotations

from collections.abc import Mapping

from unroll.errors import UnrollError

LANGUAGES = ("en", "zh")

# Chinese terms as in the translation of the book (exacity/deeplearningbook-chinese).
WORDS: Mapping[str, tuple[str, str]] = {
    # the picture
    "unfold": ("Unfold", "展开"),
    "folded": ("Circuit", "回路图"),
    "unfolded": ("Unfolded graph", "展开的计算图"),
    "delay": ("delay of one step", "延迟一个时间步"),
    "left": ("left", "左"),
    "right": ("right", "右"),
    "parent": ("parent", "父节点"),
    "children": ("children", "子节点"),
    # flows and values
    "forward": ("forward", "前向"),
    "backward": ("backward", "反向"),
    "forward pass": ("Forward pass", "前向传播"),
    "backward pass": ("Backward pass", "反向传播"),
    "values": ("values", "值"),
    "value": ("value", "值"),
    "gradients": ("gradients", "梯度"),
    "gradient": ("gradient", "梯度"),
    "norm of the gradient": ("norm of the gradient", "梯度的范数"),
    "gradient by": ("gradient of {objective} by {of}", "{objective} 对 {of} 的梯度"),
    "the loss": ("the loss", "损失"),
    "loss": ("loss", "损失"),
    "truncated": ("no gradient", "梯度截断"),
    "sum": ("sum", "求和"),
    # roles
    "input": ("input", "输入"),
    "target": ("target", "目标"),
    "state": ("state", "状态"),
    "output": ("output", "输出"),
    "parameter": ("parameter", "参数"),
    "operation": ("operation", "运算"),
    # parts of networks
    "encoder": ("Encoder", "编码器"),
    "decoder": ("Decoder", "解码器"),
    "context": ("Context", "上下文"),
    "memory": ("Memory cells", "记忆单元"),
    "reading": ("Reading", "读取"),
    "writing": ("Writing", "写入"),
    "addressing": ("Addressing", "寻址"),
    "task network": ("Task network", "任务网络"),
    "self-loop": ("self-loop", "自循环"),
    "input gate": ("input gate", "输入门"),
    "forget gate": ("forget gate", "遗忘门"),
    "output gate": ("output gate", "输出门"),
    "update gate": ("update gate", "更新门"),
    "reset gate": ("reset gate", "复位门"),
    # captions of figures that stand side by side
    "train time": ("Train time", "训练时"),
    "test time": ("Test time", "测试时"),
    # losses
    "squared error": ("squared error", "平方误差"),
    "cross entropy": ("cross entropy", "交叉熵"),
}


def word(key: str, language: str = "en") -> str:
    """A word in a language. Raises UnrollError for another language, KeyError for another word."""
    return WORDS[key][column(language)]


def translated(text: str, language: str) -> str:
    """An English word or caption of the table in another language; any other text as it is."""
    if column(language) == 0:
        return text
    rows = {row[0].casefold(): row[column(language)] for row in WORDS.values()}
    return rows.get(text.casefold(), text)


def column(language: str) -> int:
    """Which column a language has."""
    if language not in LANGUAGES:
        raise UnrollError(
            f"there is no language {language!r}", remedy=f"Choose one of: {', '.join(LANGUAGES)}."
        )
    return LANGUAGES.index(language)
