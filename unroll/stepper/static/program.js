// Evaluates a program (unroll.stepper.program) on arrays: every value and gradient of a run.

import { number, over, value } from "./kernels.js";
import { operations } from "./operations.js";

const isNested = (x) => Array.isArray(x);

function flat(nested, out = []) {
  if (!isNested(nested)) out.push(nested);
  else for (const part of nested) flat(part, out);
  return out;
}

function dimensions(nested) {
  const found = [];
  for (let at = nested; isNested(at); at = at[0]) found.push(at.length);
  return found;
}

export function nested(shape, data, from = 0) {
  if (!shape.length) return data[from];
  const width = shape.slice(1).reduce((a, b) => a * b, 1);
  return Array.from({ length: shape[0] }, (_, i) => nested(shape.slice(1), data, from + i * width));
}

// The numbers that letters, lengths and neighbours in a tree stand for.
export class Places {
  constructor(program) {
    this.program = program;
    this.parents = {};
    for (const [length, children] of Object.entries(program.trees)) {
      this.parents[length] = new Array(children.length).fill(0);
      children.forEach((own, i) => own.forEach((c) => (this.parents[length][c - 1] = i + 1)));
    }
  }

  length(letter) {
    const name = this.program.axes[letter];
    return this.program.lengths[name] ?? Number(name);
  }

  at([base, offset, via], here) {
    if (!base) return offset;
    if (!(base in this.program.axes)) return this.program.lengths[base] + offset;
    return via ? this.neighbour(this.program.axes[base], via, here[base]) : here[base] + offset;
  }

  neighbour(length, via, node) {
    const children = this.program.trees[length];
    if (node < 1 || node > children.length) return 0;
    if (via === "left" || via === "right") return children[node - 1][via === "left" ? 0 : 1] ?? 0;
    const parent = this.parents[length][node - 1];
    if (!parent || via === "parent") return parent;
    return children[parent - 1][via === "parent_of_left" ? 0 : 1] === node ? parent : 0;
  }

  steps(letter, [start, stop, parent], here) {
    if (parent) {
      const node = this.at(parent, here);
      return this.program.trees[this.program.axes[parent[0]]][node - 1] ?? [];
    }
    const first = this.at(start, here);
    const from = start[0] ? Math.max(first, 1) : first;
    const to = Math.min(this.at(stop, here), this.length(letter));
    return Array.from({ length: Math.max(to - from + 1, 0) }, (_, i) => from + i);
  }
}

// What a run holds: for each name its values in rows, and which of them are computed yet.
export class Values {
  constructor(program) {
    this.program = program;
    this.held = {};
    for (const [name, { shape, rows }] of Object.entries(program.names)) {
      const counts = rows.map(([first, last]) => last - first + 1);
      const size = shape.reduce((a, b) => a * b, 1);
      const data = new Float64Array(counts.reduce((a, b) => a * b, 1) * size);
      this.held[name] = { shape, rows, counts, size, data };
    }
  }

  // Where the value at these numbers starts; -1 out of range.
  offset(name, at) {
    const { rows, counts, size } = this.held[name];
    let row = 0;
    for (let i = 0; i < counts.length; i++) {
      const n = at[i] - rows[i][0];
      if (n < 0 || n >= counts[i]) return -1;
      row = row * counts[i] + n;
    }
    return row * size;
  }

  at(name, at = []) {
    const { shape, size, data } = this.held[name];
    const start = this.offset(name, at);
    return start < 0 ? value(shape) : value(shape, data.subarray(start, start + size));
  }

  put(name, at, found) {
    const { size, data } = this.held[name];
    const start = this.offset(name, at);
    if (found.data.length === size) data.set(found.data, start);
    else data.fill(found.data[0], start, start + size); // a number for every entry
  }

  // An array as `run` takes it, from the first step on.
  fill(name, array) {
    const { shape, counts } = this.held[name];
    const own = dimensions(array).slice(0, counts.length);
    const data = flat(array), size = shape.reduce((a, b) => a * b, 1);
    const count = own.reduce((a, b) => a * b, 1);
    for (let i = 0; i < count; i++) {
      const at = [];
      for (let j = own.length - 1, rest = i; j >= 0; j--) {
        at.unshift((rest % own[j]) + 1);
        rest = Math.floor(rest / own[j]);
      }
      this.put(name, at, { data: data.slice(i * size, (i + 1) * size) });
    }
  }

  // Values at steps 1 to the last, as a trace gives them: nested lists.
  array(name, lengths) {
    const { shape, size } = this.held[name];
    const all = new Float64Array(lengths.reduce((a, b) => a * b, 1) * size);
    const walk = (at) => {
      if (at.length === lengths.length) {
        let row = 0;
        at.forEach((n, i) => (row = row * lengths[i] + n - 1));
        all.set(this.at(name, at).data, row * size);
      } else for (let n = 1; n <= lengths[at.length]; n++) walk([...at, n]);
    };
    walk([]);
    return nested([...lengths, ...shape], all);
  }
}

export function compile(program) {
  const places = new Places(program);

  // From an expression to a function of values and of the numbers of letters.
  function compiled(node) {
    if (typeof node === "number") {
      const constant = number(node);
      return () => constant;
    }
    const [kind, name] = node;
    if (kind === "letter") return (values, here) => number(here[name]);
    if (kind === "length") return () => number(program.lengths[name]);
    if (kind === "ref") {
      const indices = node[2];
      return (values, here) => values.at(name, indices.map((i) => places.at(i, here)));
    }
    if (kind === "call") {
      const f = operations[name], parts = node[2].map(compiled);
      if (!f) throw new Error(`no operation ${name}`);
      if (parts.length === 1) return (values, here) => f(parts[0](values, here));
      if (parts.length === 2) {
        return (values, here) => f(parts[0](values, here), parts[1](values, here));
      }
      return (values, here) => f(...parts.map((p) => p(values, here)));
    }
    if (kind === "over") {
      const [, , letter, range, shape, body] = node;
      const inner = compiled(body), f = operations[name];
      return (values, here) => {
        const steps = places.steps(letter, range, here);
        const terms = steps.map((n) => inner(values, { ...here, [letter]: n }));
        const widest = terms.find((t) => t.shape.length)?.shape ?? shape;
        const like = value(widest);
        const full = terms.map((t) => (t.data.length === like.data.length ? t : spread(t, like)));
        return over(f, full, widest, steps.indexOf(here[letter]));
      };
    }
    throw new Error(`no expression ${kind}`);
  }

  const spread = (t, like) => value(like.shape, new Float64Array(like.data.length).fill(t.data[0]));

  const equations = program.equations.map((equation) => {
    const isGiven = equation.expression[0] === "given";
    return { ...equation, run: isGiven ? null : compiled(equation.expression) };
  });

  function here(k, at) {
    const found = {};
    equations[k].letters.forEach((letter, i) => letter && (found[letter] = at[i]));
    return found;
  }

  function run(arrays) {
    const values = new Values(program);
    for (const [name, array] of Object.entries(arrays)) {
      if (name in program.names) values.fill(name, array);
    }
    for (const [k, ...at] of program.order) {
      const equation = equations[k];
      let found;
      if (equation.run) found = equation.run(values, here(k, at));
      else {
        let given = arrays[equation.expression[1]];
        equation.letters.forEach((letter, i) => letter && (given = given[at[i] - 1]));
        found = { data: flat(given) };
      }
      values.put(equation.name, at, found);
    }
    return values;
  }

  // The part of an equation's expression at the end of a path of argument numbers, compiled once.
  const parts = new Map();
  function part(k, path) {
    const key = `${k}/${path}`;
    if (!parts.has(key)) {
      let node = program.equations[k].expression;
      for (const i of path) node = node[0] === "over" ? node[5] : node[2][i];
      parts.set(key, compiled(node));
    }
    return parts.get(key);
  }

  return { program, places, run, here, part: (values, k, letters, path) => part(k, path)(values, letters) };
}
