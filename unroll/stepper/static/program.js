// Evaluates a program (unroll.stepper.program) on arrays: every value and gradient of a run.
//
// An expression becomes a function once; it is called at every point at which its equation holds.
// Letters have slots: `here[slot]` is the number that a letter stands for. Names have slots, too:
// `memory[slot][row]` is the value of a name at a point.

import { keep, number, over, Scratch, use, value } from "./kernels.js";
import { operations } from "./operations.js";

const size = (shape) => shape.reduce((a, b) => a * b, 1);

function flat(list, out = []) {
  if (!Array.isArray(list)) out.push(list);
  else for (const part of list) flat(part, out);
  return out;
}

// Numbers in row-major order as the nested lists of an array of this shape.
export function nested(shape, data, from = 0) {
  if (!shape.length) return data[from];
  const width = size(shape.slice(1));
  return Array.from({ length: shape[0] }, (_, i) => nested(shape.slice(1), data, from + i * width));
}

// Puts a value in its place; a number stands for every entry.
function put(found, data, from, width) {
  if (found.data.length === width) data.set(found.data, from);
  else data.fill(found.data[0], from, from + width);
}

// --- places: the numbers that indices stand for -------------------------------------------------

function neighbours(children, via) {
  const found = new Array(children.length + 1).fill(0);
  const inverse = via.startsWith("parent");
  const which = { left: 0, right: 1, parent_of_left: 0, parent_of_right: 1 }[via];
  children.forEach((own, i) => own.forEach((child, j) => {
    if (which !== undefined && which !== j) return;
    if (inverse) found[child] = i + 1;
    else found[i + 1] = child;
  }));
  return found;
}

export class Places {
  constructor(program) {
    this.program = program;
    this.tables = new Map();
    this.letters = Object.keys(program.axes);
    this.slots = new Map(this.letters.map((letter, i) => [letter, i]));
  }

  length(letter) {
    const { axes, lengths } = this.program;
    return lengths[axes[letter]] ?? Number(axes[letter]);
  }

  // The number that an index stands for where letters have these: { t: 3 }.
  at(index, letters) {
    return this.compiled(index)(this.here(letters));
  }

  // From an index to a function of `here`.
  compiled([base, offset, via]) {
    const slot = this.slots.get(base);
    if (slot === undefined) {
      const fixed = base ? this.program.lengths[base] + offset : offset;
      return () => fixed;
    }
    if (!via) return (here) => here[slot] + offset;
    const table = this.neighbours(this.program.axes[base], via);
    return (here) => table[here[slot]] ?? 0;
  }

  // For each node of a tree the neighbour that is seen through `via`, 0 for none; [0] is no node.
  neighbours(length, via) {
    const key = `${length} ${via}`;
    if (!this.tables.has(key)) this.tables.set(key, neighbours(this.program.trees[length], via));
    return this.tables.get(key);
  }

  // From the range of a letter that a reduction binds to a function of `here`: its steps, in order.
  steps(letter, [start, stop, parent]) {
    if (parent) {
      const children = this.program.trees[this.program.axes[parent[0]]];
      const slot = this.slots.get(parent[0]);
      return (here) => children[here[slot] - 1] ?? [];
    }
    const first = this.compiled(start), last = this.compiled(stop);
    const least = start[0] ? 1 : -Infinity, most = this.length(letter);
    return (here) => {
      const found = [];
      const end = Math.min(last(here), most);
      for (let n = Math.max(first(here), least); n <= end; n++) found.push(n);
      return found;
    };
  }

  // The letters' numbers in their slots, from { t: 3 }.
  here(letters) {
    return this.letters.map((letter) => letters[letter] ?? 0);
  }
}

// --- rows: where the value of a name at a point is -----------------------------------------------

class Rows {
  constructor(slot, name, { shape, rows, lengths }) {
    Object.assign(this, { slot, name, shape, rows, lengths });
    this.first = rows.map(([first]) => first);
    this.counts = rows.map(([first, last]) => last - first + 1);
    this.count = size(this.counts);
    this.zero = value(shape);
  }

  // -1 out of range.
  row(at) {
    let row = 0;
    for (let i = 0; i < this.counts.length; i++) {
      const n = at[i] - this.first[i];
      if (!(n >= 0 && n < this.counts[i])) return -1;
      row = row * this.counts[i] + n;
    }
    return row;
  }

  point(row) {
    const at = new Array(this.counts.length);
    for (let i = at.length - 1; i >= 0; i--) {
      at[i] = (row % this.counts[i]) + this.first[i];
      row = Math.floor(row / this.counts[i]);
    }
    return at;
  }

  // From functions, one for each index, to a function of `here`.
  rowAt(indices) {
    if (!indices.length) return () => 0;
    if (indices.length === 1) {
      const [index] = indices, [first] = this.first, [count] = this.counts;
      return (here) => {
        const n = index(here) - first;
        return n >= 0 && n < count ? n : -1;
      };
    }
    return (here) => this.row(indices.map((index) => index(here)));
  }
}

// What a run found. held: by name the shape and size of a value, the first and last number of each index,
// how many of them there are, and the values in `data`, one after the other.
class Values {
  constructor(names) {
    this.names = names;
    this.held = {};
    this.memory = [];
    for (const [name, { shape, rows, counts, count }] of names) {
      const width = size(shape), data = new Float64Array(count * width), own = new Array(count);
      for (let i = 0; i < count; i++) own[i] = { shape, data: data.subarray(i * width, (i + 1) * width) };
      this.held[name] = { shape, rows, counts, size: width, data };
      this.memory.push(own);
    }
  }

  // Where the value at these numbers starts; -1 out of range.
  offset(name, at = []) {
    const row = this.names.get(name).row(at);
    return row < 0 ? -1 : row * this.held[name].size;
  }

  // The value of a name at a point, zero out of range.
  at(name, at = []) {
    const rows = this.names.get(name), row = rows.row(at);
    return row < 0 ? rows.zero : this.memory[rows.slot][row];
  }

  // Nested lists: at 1 to the last step of each axis, then the entries of the value.
  array(name) {
    const { shape, lengths } = this.names.get(name), width = size(shape);
    const all = new Float64Array(size(lengths) * width);
    const at = lengths.map(() => 1);
    for (let i = 0; i < size(lengths); i++) {
      all.set(this.at(name, at).data, i * width);
      for (let j = at.length - 1; j >= 0 && ++at[j] > lengths[j] && j; j--) at[j] = 1;
    }
    return nested([...lengths, ...shape], all);
  }

  // The rows of a name that is given, from an array as `run` takes it.
  fill(name, array) {
    const rows = this.names.get(name), width = size(rows.shape);
    const data = Float64Array.from(flat(array));
    const own = rows.counts.map((_, i) => dimension(array, i));
    const at = own.map(() => 1);
    for (let i = 0; i < size(own); i++) {
      const row = rows.row(at);
      if (row >= 0) this.memory[rows.slot][row].data.set(data.subarray(i * width, (i + 1) * width));
      for (let j = at.length - 1; j >= 0 && ++at[j] > own[j] && j; j--) at[j] = 1;
    }
  }
}

function dimension(array, axis) {
  for (let i = 0; i < axis; i++) array = array[0];
  return array.length;
}

// --- expressions -----------------------------------------------------------------------------------

// Makes functions of (memory, here) from expressions: their values, and what they read.
class Compiler {
  constructor(program, places, names) {
    Object.assign(this, { program, places, names });
  }

  value(node) {
    if (typeof node === "number") {
      const constant = number(node);
      return () => constant;
    }
    const found = this[node[0]](node);
    return node[0] === "call" && !this.lettersIn(node).size ? this.once(found) : found;
  }

  // What is the same at every point, as the transpose of a parameter, is computed once in a run.
  once(found) {
    let kept = { memory: null };
    return (memory, here) => {
      if (kept.memory !== memory) kept = { memory, value: keep(found(memory, here)) };
      return kept.value;
    };
  }

  letter([, name]) {
    const slot = this.places.slots.get(name);
    return (memory, here) => number(here[slot]);
  }

  length([, name]) {
    return this.value(this.program.lengths[name]);
  }

  ref([, name, indices]) {
    const { slot, zero, rowAt } = this.place(name, indices);
    return (memory, here) => {
      const row = rowAt(here);
      return row < 0 ? zero : memory[slot][row];
    };
  }

  place(name, indices) {
    const rows = this.names.get(name);
    return { ...rows, rowAt: rows.rowAt(indices.map((index) => this.places.compiled(index))) };
  }

  call([, name, nodes]) {
    const f = this.operation(name), [a, b, c] = nodes.map((n) => this.value(n));
    if (nodes.length === 1) return (memory, here) => f(a(memory, here));
    if (nodes.length === 2) return (memory, here) => f(a(memory, here), b(memory, here));
    if (nodes.length === 3) {
      return (memory, here) => f(a(memory, here), b(memory, here), c(memory, here));
    }
    const parts = nodes.map((n) => this.value(n));
    return (memory, here) => f(...parts.map((part) => part(memory, here)));
  }

  operation(name) {
    if (!Object.hasOwn(operations, name)) throw new Error(`there is no operation ${name}`);
    return operations[name];
  }

  // A reduction over the steps of a letter. One that has a value at every step, as a softmax over time,
  // is worth keeping until other letters change.
  over(node) {
    const [, name, letter, range, shape, body] = node;
    const f = this.operation(name), inner = this.value(body);
    const steps = this.places.steps(letter, range), slot = this.places.slots.get(letter);
    const others = [...this.lettersIn(node)].map((l) => this.places.slots.get(l));
    const own = new Scratch(), width = size(shape);
    let table = new Float64Array(0), kept = { memory: null };
    return (memory, here) => {
      const outside = here[slot];
      if (kept.memory !== memory || others.some((o, i) => here[o] !== kept.here[i])) {
        const walked = steps(here);
        if (table.length < walked.length * width) table = new Float64Array(walked.length * width);
        const before = use(own);
        for (let i = 0; i < walked.length; i++) {
          here[slot] = walked[i];
          put(inner(memory, here), table, i * width, width);
          own.release();
        }
        use(before);
        here[slot] = outside;
        const { all, each } = over(f, table, walked.length, shape);
        if (!each) return all;
        kept = { memory, here: others.map((o) => here[o]), steps: walked, each, zero: keep(all) };
      }
      return kept.each[kept.steps.indexOf(outside)] ?? kept.zero;
    };
  }

  // The letters that an expression depends on, and not those that it binds.
  lettersIn(node) {
    const ends = (indices) => indices.flatMap((i) => (i && this.places.slots.has(i[0]) ? [i[0]] : []));
    if (!Array.isArray(node) || node[0] === "length") return new Set();
    if (node[0] === "letter") return new Set([node[1]]);
    if (node[0] === "ref") return new Set(ends(node[2]));
    if (node[0] === "call") return new Set(node[2].flatMap((part) => [...this.lettersIn(part)]));
    const inner = this.lettersIn(node[5]);
    inner.delete(node[2]);
    return new Set([...inner, ...ends(node[3])]);
  }

  // A function of (here, visit) that visits every (slot, row) that the expression reads; null for none.
  reads(node) {
    if (!Array.isArray(node) || node[0] === "letter" || node[0] === "length") return null;
    if (node[0] === "ref") {
      const { slot, rowAt } = this.place(node[1], node[2]);
      return (here, visit) => {
        const row = rowAt(here);
        if (row >= 0) visit(slot, row);
      };
    }
    if (node[0] === "call") {
      const parts = node[2].map((n) => this.reads(n)).filter(Boolean);
      if (!parts.length) return null;
      return (here, visit) => {
        for (let i = 0; i < parts.length; i++) parts[i](here, visit);
      };
    }
    const [, , letter, range, , body] = node;
    const inner = this.reads(body), slot = this.places.slots.get(letter);
    const steps = this.places.steps(letter, range);
    return inner && ((here, visit) => {
      const own = here[slot];
      for (const n of steps(here)) {
        here[slot] = n;
        inner(here, visit);
      }
      here[slot] = own;
    });
  }
}

// --- order -----------------------------------------------------------------------------------------

// Every point of every equation once, after all that it reads: depth first, without recursion.
function ordered(equations, names) {
  const all = [...names.values()];
  const starts = [0];
  for (const rows of all) starts.push(starts.at(-1) + rows.count);
  const owner = new Int32Array(starts.at(-1)).fill(-1);
  equations.forEach(({ rows, boxes }, k) => boxes.forEach((box) => {
    const at = box.map(([first]) => first);
    for (;;) {
      owner[starts[rows.slot] + rows.row(at)] = k;
      let j = at.length - 1;
      while (j >= 0 && ++at[j] > box[j][1]) at[j] = box[j--][0];
      if (j < 0) break;
    }
  }));
  const order = [], done = new Uint8Array(owner.length), here = [];
  const todo = [];
  let waits = false;
  const visit = (slot, row) => {
    const node = starts[slot] + row;
    if (owner[node] < 0 || done[node]) return;
    todo.push(node);
    waits = true;
  };
  for (let node = 0; node < owner.length; node++) {
    if (owner[node] < 0 || done[node]) continue;
    todo.push(node);
    while (todo.length) {
      const next = todo.at(-1);
      if (done[next]) {
        todo.pop();
        continue;
      }
      const equation = equations[owner[next]];
      const row = next - starts[equation.rows.slot];
      equation.enter(here, row);
      waits = false;
      equation.reads?.(here, visit);
      if (waits) continue;
      todo.pop();
      done[next] = 1;
      order.push({ equation, row });
    }
  }
  return order;
}

export function compile(program) {
  const places = new Places(program);
  const names = new Map(Object.entries(program.names).map(([n, of], i) => [n, new Rows(i, n, of)]));
  const compiler = new Compiler(program, places, names);

  const equations = program.equations.map(({ name, letters, boxes, expression }, k) => {
    const rows = names.get(name), slots = letters.map((l) => places.slots.get(l) ?? -1);
    const isGiven = expression[0] === "given";
    return {
      k, rows, slots, boxes,
      given: isGiven ? expression[1] : null,
      value: isGiven ? null : compiler.value(expression),
      reads: isGiven ? null : compiler.reads(expression),
      enter(here, row) {
        if (slots.length === 1) {
          if (slots[0] >= 0) here[slots[0]] = row + rows.first[0];
        } else if (slots.length) rows.point(row).forEach((n, i) => slots[i] >= 0 && (here[slots[i]] = n));
      },
    };
  });
  const order = ordered(equations, names);
  const scratch = new Scratch();

  // The value that is given at a point: an array leads with the letters of its equation.
  function givenAt({ given, slots, rows }, arrays, here) {
    let found = arrays[given];
    if (found === undefined) throw new Error(`there is no ${given}`);
    for (const slot of slots) if (slot >= 0) found = found[here[slot] - 1];
    return { shape: rows.shape, data: Float64Array.from(flat(found)) };
  }

  // Every value, from arrays by name as `unroll` takes them. instead: by the number of an equation, a
  // function from a point to the number that is taken there instead of what the equation says.
  function run(arrays, instead = {}) {
    const values = new Values(names), { memory } = values;
    for (const [name, array] of Object.entries(arrays)) if (names.has(name)) values.fill(name, array);
    const here = places.letters.map(() => 0);
    const before = use(scratch);
    try {
      for (let i = 0; i < order.length; i++) {
        const { equation, row } = order[i];
        const { data } = memory[equation.rows.slot][row];
        const other = instead[equation.k];
        if (other) {
          data.fill(other(equation.rows.point(row)));
          continue;
        }
        equation.enter(here, row);
        const found = equation.given === null
          ? equation.value(memory, here) : givenAt(equation, arrays, here);
        put(found, data, 0, data.length);
        scratch.release();
      }
    } finally {
      use(before);
    }
    return values;
  }

  // The letters of equation k where its target's indices are these numbers: { t: 3 }.
  function here(k, at) {
    const { letters } = program.equations[k];
    return Object.fromEntries(letters.flatMap((letter, i) => (letter ? [[letter, at[i]]] : [])));
  }

  // The value of the part of equation k at the end of a path of argument numbers, where letters have
  // these numbers: { t: 3 }, and { t: 3, s: 2 } for a part inside a sum over s.
  const parts = new Map();
  function part(values, k, letters, path) {
    const key = `${k}/${path}`;
    if (!parts.has(key)) {
      let node = program.equations[k].expression;
      for (const i of path) node = node[0] === "over" ? node[5] : node[2][i];
      parts.set(key, compiler.value(node));
    }
    return keep(parts.get(key)(values.memory, places.here(letters)));
  }

  // One term of the reduction at the end of a path: what it binds is n.
  function term(values, k, letters, path, n) {
    let node = program.equations[k].expression;
    for (const i of path) node = node[0] === "over" ? node[5] : node[2][i];
    return part(values, k, { ...letters, [node[2]]: n }, [...path, 0]);
  }

  // Every point of every equation in the order in which they are computed: [k, ...at].
  const points = () => order.map(({ equation, row }) => [equation.k, ...equation.rows.point(row)]);
  return { program, places, points, run, here, part, term };
}
