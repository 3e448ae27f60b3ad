// The page's own words, one row each: English, Chinese.

const LANGUAGES = ["en", "zh"];

const WORDS = {
  first: ["Start", "开始"],
  previousStep: ["Back one time step", "后退一个时间步"],
  previous: ["Back one operation", "后退一步运算"],
  play: ["Play", "播放"],
  pause: ["Pause", "暂停"],
  next: ["Forward one operation", "前进一步运算"],
  nextStep: ["Forward one time step", "前进一个时间步"],
  last: ["End", "结束"],
  forward: ["Forward pass", "前向传播"],
  backward: ["Backward pass", "反向传播"],
  loss: ["Loss", "损失"],
  accumulate: ["Accumulate gradients", "累加梯度"],
  controls: ["Controls", "控制"],
  smaller: ["Smaller", "缩小"],
  larger: ["Larger", "放大"],
  fit: ["Fit the picture", "适应大小"],
  notFinite: ["Numbers are no longer finite, from here on:", "数值不再有限，从这里开始："],
  event: ["Event", "事件"],
  of: ["of", "/"],
  speed: ["Speed", "速度"],
  before: ["Nothing is computed yet. Press → to begin.", "尚未计算。按 → 开始。"],
  diagram: ["Diagram", "计算图"],
  equation: ["Equation", "方程"],
  result: ["Result", "结果"],
  pinned: ["Pinned", "已固定"],
  unpin: ["Unpin", "取消固定"],
  follow: ["Follow", "跟随"],
  following: ["Following: arrows visit only what touches it", "跟随中：箭头只访问与之相关的事件"],
  value: ["value", "值"],
  gradient: ["gradient", "梯度"],
  notYet: ["not computed yet", "尚未计算"],
  sums: ["Gradients of parameters, so far", "目前累加的参数梯度"],
  each: ["norm of each step's part", "每一步贡献的范数"],
  heat: ["How each loss reaches back", "每个损失如何向过去传播"],
  heatAxes: ["row k: loss, column t: step", "行 k：损失，列 t：时间步"],
  arrays: ["Numbers to change", "可修改的数值"],
  parameters: ["Parameters", "参数"],
  inputs: ["Inputs and targets", "输入与目标"],
  initial: ["Initial values", "初始值"],
  radius: ["Spectral radius", "谱半径"],
  reset: ["Reset", "重置"],
  copy: ["Copy as Python", "复制为 Python"],
  copied: ["Copied", "已复制"],
  keys: ["Keys", "按键"],
  keysText: [
    "← → operation · Shift ← → time step · Home End · Space play · f b passes · p pin · Esc",
    "← → 运算 · Shift ← → 时间步 · Home End · 空格 播放 · f b 前向/反向 · p 固定 · Esc",
  ],
  theme: ["Light or dark", "明暗"],
  language: ["中文", "English"],
  loss_is: ["Loss", "损失"],
  notNumber: ["not a number", "不是数字"],
};

export function words(language) {
  const column = Math.max(LANGUAGES.indexOf(language), 0);
  return (key) => WORDS[key][column];
}

export const other = (language) => (language === "zh" ? "en" : "zh");
