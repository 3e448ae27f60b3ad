"""Phrases: the sentences of descriptions in every language, one row a phrase, one column a language.

`{}` stands for what a phrase is about, in the order in which a description gives it.
"""

from __future__ import annotations

from collections.abc import Mapping

from unroll.symbolic.recurrence import INPUT, LOSS, OPERATION, OUTPUT, STATE

PHRASES: Mapping[str, tuple[str, str]] = {
    # lists and sentences
    "comma": (", ", "、"),
    "and": ("{} and {}", "{} 和 {}"),
    "end": (".", "。"),
    "apart": (" ", ""),
    # what there is
    "over": ("A recurrence over {}", "这是一个递推，{}"),
    "axis": ("{} from 1 to {}", "{} 从 1 到 {}"),
    "tree": ("the nodes {} of a tree", "{} 遍历一棵树的节点"),
    "shared": (
        "the {parameters} {} {is_are} shared: the same at every step",
        "参数 {} 是共享的：在每一步都相同",
    ),
    "own": (
        "the {parameters} {} {has_have} a value of {its_their} own at every step",
        "参数 {} 在每一步各不相同",
    ),
    # roles
    STATE: ("the state {}", "状态 {} "),
    OUTPUT: ("the output {}", "输出 {} "),
    OPERATION: ("the intermediate variable {}", "中间变量 {} "),
    LOSS: ("the loss {}", "损失 {} "),
    INPUT: ("the input {}", "输入 {} "),
    "target": ("the target {}", "目标 {} "),
    "total": ("the objective {}", "目标函数 {} "),
    "bare": ("{}", " {} "),
    # sentences
    "computed": ("{} is computed from {}", "{}由{}计算得到"),
    "function": ("{}, by the function {}", "{}，通过函数 {} "),
    "compares": ("{} compares {} with {}", "{}比较{}与{}"),
    "gathers": ("{} gathers {} over all steps", "{}汇总所有时间步的{}"),
    "given": ("{} is given", "{}是给定的"),
    "fixed": ("{} depends on no variable", "{}不依赖任何变量"),
    "through": ("{} (through {})", "{}（经 {}）"),
    "here": ("{}, {}", "{}，{}"),
    # where a source is read
    "before": ("{} one step before", "前一步的{}"),
    "earlier": ("{} {} steps before", "前 {1} 步的{0}"),
    "after": ("{} one step later", "后一步的{}"),
    "later": ("{} {} steps later", "后 {1} 步的{0}"),
    "before along": ("{} one step before along {}", "沿 {1} 前一步的{0}"),
    "earlier along": ("{0} {2} steps before along {1}", "沿 {1} 前 {2} 步的{0}"),
    "after along": ("{} one step later along {}", "沿 {1} 后一步的{0}"),
    "later along": ("{0} {2} steps later along {1}", "沿 {1} 后 {2} 步的{0}"),
    "below": ("{} in the layer below", "下一层的{}"),
    "above": ("{} in the layer above", "上一层的{}"),
    "at": ("{} at step {}", "第 {1} 步的{0}"),
    "is": ("{} is {}", "{} 为 {}"),
    "placed": ("{0} where {1}", " {1} 处的{0}"),
    "in layer": ("{} in layer {}", "第 {1} 层的{0}"),
    "last layer": ("{} in the last layer", "最后一层的{}"),
    "last": ("{} at the last step", "最后一步的{}"),
    "from last": ("{0} {1} steps before the last", "倒数第 {1} 步之前的{0}"),
    "all": ("{} at all steps", "所有步的{}"),
    "all along": ("{} at all {}", "所有 {1} 处的{0}"),
    "all earlier": ("{} at all earlier steps", "之前所有步的{}"),
    "so far": ("{} at all steps so far", "到目前为止所有步的{}"),
    "several": ("{} at several steps", "若干步的{}"),
    "left": ("{} of its left child", "左子节点的{}"),
    "right": ("{} of its right child", "右子节点的{}"),
    "parent": ("{} of its parent", "父节点的{}"),
    "children": ("{} of all its children", "所有子节点的{}"),
    "root": ("{} at the root", "根节点的{}"),
    # where an equation holds
    "first": ("at step {}", "在第 {} 步"),
    "of layer": ("in layer {}", "在第 {} 层"),
    "where": ("where {}", "在 {} 处"),
    "where last": ("at the last step", "在最后一步"),
    "leaves": ("at the leaves", "在叶子处"),
    "from": ("from step {} on", "从第 {} 步起"),
    "up to": ("up to step {}", "到第 {} 步为止"),
    "between": ("from step {} to step {}", "从第 {} 步到第 {} 步"),
    "in part": ("at some steps", "在某些步"),
    "elsewhere": ("everywhere else", "在其余各处"),
    # what is shown
    "both": (
        "On the left stands the folded circuit, where a black square is a delay of one step; on the "
        "right {}",
        "左边是折叠的回路图，黑色方块表示延迟一个时间步；右边是{}",
    ),
    "both, no delay": (
        "On the left stands the folded graph; on the right {}",
        "左边是折叠的计算图；右边是{}",
    ),
    "folded": (
        "Shown is the folded circuit, where a black square is a delay of one step",
        "图中是折叠的回路图，黑色方块表示延迟一个时间步",
    ),
    "folded, no delay": ("Shown is the folded graph", "图中是折叠的计算图"),
    "unfolded": ("Shown is {}", "图中是{}"),
    "window": (
        "the graph unfolded around step {}, dashed where it continues",
        "在第 {} 步附近展开的计算图，虚线表示继续延伸",
    ),
    "steps": ("the graph unfolded over {} steps", "展开 {} 步的计算图"),
    "step": ("the graph unfolded over one step", "展开一步的计算图"),
    "of leaves": ("the tree of {} leaves", "有 {} 个叶子的树"),
    "operations": ("Every operation is a node of its own", "每个运算都是一个单独的节点"),
    "flow forward": (
        "Arrows show the forward pass, from what is needed to what is computed",
        "箭头表示前向传播，从被使用的量指向被计算的量",
    ),
    "flow backward": (
        "Heavy arrows show the backward pass: gradients run from the loss back to what it depends on",
        "粗箭头表示反向传播：梯度从损失流回它所依赖的量",
    ),
    "flow both": (
        "Beside each arrow of the forward pass a heavier one runs the other way, along which the "
        "gradient comes back",
        "每个前向传播的箭头旁边有一个较粗的反向箭头，梯度沿它返回",
    ),
    "schematic": (
        "Shown are the parts of the network as boxes, and arrows for what passes between them",
        "图中以方框表示网络的各个部分，箭头表示它们之间传递的内容",
    ),
    "sums": (
        "A plus stands where several gradients arrive and are added",
        "加号表示多个梯度在此汇合相加",
    ),
    "norms": (
        "The wider an arrow of the backward pass, the larger the norm of its gradient, on a "
        "logarithmic scale",
        "反向箭头越粗，其梯度的范数越大（对数刻度）",
    ),
    "values": (
        "At the nodes stand their values, as cells with a sign and a shade",
        "节点旁以带符号和灰度的单元格给出数值",
    ),
    # titles
    "title": ("Recurrence of {}", "{} 的递推"),
    "with": ("{} with {}", "{}，{}"),
    "unfolded over": ("{}, unfolded over {} steps", "{}，展开 {} 步"),
    "on a tree": ("{}, on a tree of {} leaves", "{}，有 {} 个叶子的树"),
}
