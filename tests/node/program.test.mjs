// Programs written by hand: every kind of expression, index and range, and what the page asks of a run.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const { compile, nested } = await import(pathToFileURL(`${process.env.UNROLL_MODULES}/program.js`));

const add = (a, b) => ["call", "add", [a, b]];
const times = (a, b) => ["call", "multiply", [a, b]];
const at = (base, offset = 0, via = "") => [base, offset, via];
const ref = (name, ...indices) => ["ref", name, indices];
const whole = (letter) => [at("", 1), at(letter === "n" ? "n_nodes" : "tau"), null];

// names: { h: [shape, rows] }; equations: [name, letters, boxes, expression].
function program(tau, names, equations, more = {}) {
  return {
    axes: { t: "tau", s: "tau" },
    lengths: { tau },
    trees: {},
    names: Object.fromEntries(Object.entries(names).map(([name, [shape, rows]]) => [
      name, { shape, rows, lengths: rows.map(([, last]) => last), role: "state" },
    ])),
    equations: equations.map(([name, letters, boxes, expression]) => ({ name, letters, boxes, expression })),
    ...more,
  };
}

const fibonacci = () => program(8, { f: [[], [[-1, 8]]] }, [
  ["f", ["t"], [[[3, 8]]], add(ref("f", at("t", -1)), ref("f", at("t", -2)))],
  ["f", [null], [[[1, 1]]], 1],
  ["f", [null], [[[2, 2]]], 1],
]);

test("lags, points and boxes", () => {
  const values = compile(fibonacci()).run({});
  assert.deepEqual(values.array("f"), [1, 1, 2, 3, 5, 8, 13, 21]);
  assert.equal(values.at("f", [7]).data[0], 13);
});

test("out of range is zero, in the shape of a value", () => {
  const values = compile(fibonacci()).run({});
  assert.equal(values.at("f", [0]).data[0], 0);
  assert.equal(values.at("f", [99]).data[0], 0);
  assert.equal(values.offset("f", [99]), -1);
  assert.equal(values.offset("f", [-1]), 0);
});

test("leads run the other way: the order comes from what is read", () => {
  const compiled = compile(program(4, { g: [[], [[0, 5]]], x: [[], [[0, 4]]] }, [
    ["g", ["t"], [[[1, 4]]], add(times(2, ref("g", at("t", 1))), ref("x", at("t")))],
  ]));
  assert.deepEqual(compiled.run({ x: [1, 2, 3, 4] }).array("g").slice(0, 4), [49, 24, 11, 4]);
  assert.deepEqual(compiled.points().map(([, t]) => t), [4, 3, 2, 1]);
});

test("every point is computed once, after what it reads, however long the chain", () => {
  const tau = 20000;
  const compiled = compile(program(tau, { h: [[], [[0, tau]]], J: [[], []] }, [
    ["J", [], [[]], ["over", "sum", "t", whole("t"), [], ref("h", at("t"))]],
    ["h", ["t"], [[[1, tau]]], add(ref("h", at("t", -1)), 1)],
  ]));
  assert.equal(compiled.points().length, tau + 1);
  assert.equal(compiled.run({}).at("J").data[0], (tau * (tau + 1)) / 2);
});

test("numbers stand for every entry; letters and lengths are numbers", () => {
  const compiled = compile(program(3, { h: [[2], [[0, 3]]] }, [
    ["h", [null], [[[0, 0]]], 7],
    ["h", ["t"], [[[1, 3]]], add(ref("h", at("t", -1)), times(["letter", "t"], ["length", "tau"]))],
  ]));
  const values = compiled.run({});
  assert.deepEqual([...values.at("h", [0]).data], [7, 7]);
  assert.deepEqual(values.array("h"), [[10, 10], [16, 16], [25, 25]]);
});

const prefixes = (operation) => program(4, { y: [[], [[0, 4]]], x: [[], [[0, 4]]] }, [
  ["y", ["t"], [[[1, 4]]],
    ["over", operation, "s", [at("", 1), at("t", -1), null], [], ref("x", at("s"))]],
]);

test("sums over what came before, of nothing at first", () => {
  assert.deepEqual(compile(prefixes("sum")).run({ x: [1, 2, 3, 4] }).array("y"), [0, 1, 3, 6]);
  assert.deepEqual(compile(prefixes("max")).run({ x: [3, 1, 4, 1] }).array("y"), [-Infinity, 3, 3, 4]);
  assert.deepEqual(compile(prefixes("prod")).run({ x: [3, 1, 4, 1] }).array("y"), [1, 3, 3, 12]);
});

test("terms that are numbers stand for every entry of the sum", () => {
  const compiled = compile(program(3, { J: [[2], []] }, [
    ["J", [], [[]], ["over", "sum", "t", whole("t"), [2], ["letter", "t"]]],
  ]));
  assert.deepEqual(compiled.run({}).array("J"), [6, 6]);
});

test("ends that move stay on the axis", () => {
  const window = (start, stop) => compile(program(3, { y: [[], [[0, 3]]], x: [[], [[-5, 9]]] }, [
    ["y", ["t"], [[[1, 3]]], ["over", "sum", "s", [start, stop, null], [], add(ref("x", at("s")), 1)]],
  ])).run({ x: [1, 2, 3] }).array("y");
  assert.deepEqual(window(at("t", -1), at("t", 1)), [5, 9, 7]);
  assert.deepEqual(window(at("", 0), at("t")), [3, 6, 10]); // a number is meant as it is
});

test("a softmax over steps has a value at each of them, anew where another letter changes", () => {
  const { run } = compile(program(3, { a: [[], [[0, 3], [0, 3]]], q: [[], [[0, 3]]], k: [[], [[0, 3]]] }, [
    ["a", ["t", "s"], [[[1, 3], [1, 3]]],
      ["over", "softmax", "s", [at("", 1), at("t"), null], [], times(ref("q", at("t")), ref("k", at("s")))]],
  ]));
  for (const q of [[1, 2, 3], [3, 2, 1]]) {
    const k = [0.5, -1, 2], found = run({ q, k }).array("a");
    q.forEach((own, i) => {
      const powers = k.slice(0, i + 1).map((x) => Math.exp(own * x));
      const sum = powers.reduce((a, b) => a + b, 0);
      k.forEach((_, j) => assert.ok(Math.abs(found[i][j] - (powers[j] ?? 0) / sum) < 1e-15));
    });
  }
});

test("a letter that is bound inside is what it was outside", () => {
  const mean = ["over", "mean", "t", whole("t"), [], ref("x", at("t"))];
  const values = compile(program(3, { d: [[], [[0, 3]]], x: [[], [[0, 3]]] }, [
    ["d", ["t"], [[[1, 3]]], ["call", "subtract", [add(mean, ref("x", at("t"))), mean]]],
  ])).run({ x: [1, 2, 6] });
  assert.deepEqual(values.array("d"), [1, 2, 6]);
});

const TREE = [[], [], [], [1, 2], [4, 3]];
const tree = (expression) => program(0, { h: [[], [[0, 5]]], x: [[], [[0, 5]]] }, [
  ["h", ["n"], [[[1, 5]]], expression],
], { axes: { n: "n_nodes", k: "n_nodes" }, lengths: { n_nodes: 5, n_leaves: 3 }, trees: { n_nodes: TREE } });

test("neighbours in a tree; those that there are not have no value", () => {
  const via = (name) => compile(tree(ref("x", at("n", 0, name)))).run({ x: [10, 20, 30, 40, 50] }).array("h");
  assert.deepEqual(via("left"), [0, 0, 0, 10, 40]);
  assert.deepEqual(via("right"), [0, 0, 0, 20, 30]);
  assert.deepEqual(via("parent"), [40, 40, 50, 50, 0]);
  assert.deepEqual(via("parent_of_left"), [40, 0, 0, 50, 0]);
  assert.deepEqual(via("parent_of_right"), [0, 40, 50, 0, 0]);
});

test("sums over children", () => {
  const children = ["over", "sum", "k", [null, null, at("n")], [], ref("h", at("k"))];
  const values = compile(tree(add(children, ref("x", at("n"))))).run({ x: [1, 2, 3, 4, 5] });
  assert.deepEqual(values.array("h"), [1, 2, 3, 7, 15]);
});

const given = () => program(2, { h: [[2], [[0, 2]]], W: [[2, 2], []] }, [
  ["h", [null], [[[0, 0]]], ["given", "h[0]"]],
  ["h", ["t"], [[[1, 2]]], ["call", "matmul", [ref("W"), ref("h", at("t", -1))]]],
]);
const ARRAYS = { "h[0]": [1, 2], W: [[0, 1], [1, 1]] };

test("initial values are given by name", () => {
  assert.deepEqual(compile(given()).run(ARRAYS).array("h"), [[2, 3], [3, 5]]);
});

test("what a run found is never overwritten by a later one", () => {
  const compiled = compile(given());
  const first = compiled.run(ARRAYS), before = first.at("h", [1]);
  compiled.run({ ...ARRAYS, W: [[9, 9], [9, 9]] });
  assert.deepEqual(first.array("h"), [[2, 3], [3, 5]]);
  assert.deepEqual([...before.data], [2, 3]);
});

test("arrays that are given are not written to", () => {
  const arrays = structuredClone(ARRAYS);
  compile(given()).run(arrays).at("W").data.fill(0);
  assert.deepEqual(arrays, ARRAYS);
});

test("parts of an equation, and the terms of its sums", () => {
  const square = times(ref("x", at("t")), ref("x", at("t")));
  const compiled = compile(program(3, { J: [[], []], x: [[], [[0, 3]]] }, [
    ["J", [], [[]], times(2, ["over", "sum", "t", whole("t"), [], square])],
  ]));
  const values = compiled.run({ x: [1, 2, 3] });
  const part = (letters, path) => compiled.part(values, 0, letters, path).data[0];
  assert.equal(part({}, []), 28);
  assert.equal(part({}, [0]), 2);
  assert.equal(part({}, [1]), 14);
  assert.equal(part({ t: 3 }, [1, 0]), 9);
  assert.equal(part({ t: 3 }, [1, 0, 1]), 3);
  assert.equal(compiled.term(values, 0, {}, [1], 2).data[0], 4);
  const [one, other] = [compiled.term(values, 0, {}, [1], 1), compiled.term(values, 0, {}, [1], 3)];
  assert.deepEqual([one.data[0], other.data[0]], [1, 9]);
  compiled.part(values, 0, { t: 3 }, [1, 0, 1]).data.fill(0); // a copy
  assert.deepEqual(values.array("x"), [1, 2, 3]);
});

test("what is the same at every point follows the arrays of each run", () => {
  const compiled = compile(program(2, { h: [[2], [[0, 2]]], W: [[2, 2], []], x: [[2], [[0, 2]]] }, [
    ["h", ["t"], [[[1, 2]]], ["call", "matmul", [["call", "transpose", [ref("W")]], ref("x", at("t"))]]],
  ]));
  const x = [[1, 0], [0, 1]];
  assert.deepEqual(compiled.run({ W: [[1, 2], [3, 4]], x }).array("h"), [[1, 2], [3, 4]]);
  assert.deepEqual(compiled.run({ W: [[5, 6], [7, 8]], x }).array("h"), [[5, 6], [7, 8]]);
});

test("an equation can be told its values instead", () => {
  const compiled = compile(fibonacci());
  const found = compiled.run({}, { 1: ([t]) => 10 * t }).array("f");
  assert.deepEqual(found, [10, 1, 11, 12, 23, 35, 58, 93]);
});

test("letters of an equation by its place, and the number of an index", () => {
  const compiled = compile(fibonacci());
  assert.deepEqual(compiled.here(0, [5]), { t: 5 });
  assert.deepEqual(compiled.here(1, [1]), {});
  assert.equal(compiled.places.at(at("t", -2), { t: 5 }), 3);
  assert.equal(compiled.places.at(at("tau"), {}), 8);
  assert.equal(compiled.places.at(at("", 4), {}), 4);
});

test("an operation that there is not is refused by name, an object's own names too", () => {
  for (const name of ["nothing", "constructor", "toString"]) {
    const wrong = program(1, { h: [[], [[0, 1]]] }, [["h", ["t"], [[[1, 1]]], ["call", name, [1]]]]);
    assert.throws(() => compile(wrong), new RegExp(`there is no operation ${name}`));
  }
});

test("a run that fails leaves nothing behind for the next one", () => {
  const compiled = compile(given());
  assert.throws(() => compiled.run({ W: ARRAYS.W }), /there is no h\[0\]/);
  assert.deepEqual(compiled.run(ARRAYS).array("h"), [[2, 3], [3, 5]]);
});

test("numbers as nested lists", () => {
  assert.deepEqual(nested([2, 3], Float64Array.of(1, 2, 3, 4, 5, 6)), [[1, 2, 3], [4, 5, 6]]);
  assert.equal(nested([], Float64Array.of(7)), 7);
});

test("a long run is fast enough to follow a slider", () => {
  const { program: long, arrays } = JSON.parse(readFileSync(process.env.UNROLL_TASK));
  const compiled = compile(long);
  const times = Array.from({ length: 12 }, () => {
    const start = performance.now();
    compiled.run(arrays);
    return performance.now() - start;
  });
  assert.ok(Math.min(...times) < 50, `${times.map((x) => x.toFixed(1))} ms`);
});
