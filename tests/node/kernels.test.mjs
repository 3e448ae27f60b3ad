// What the functions of the table's JavaScript do with shapes and with numbers at the edge.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const K = await import(pathToFileURL(`${process.env.UNROLL_MODULES}/kernels.js`));
const { operations: O } = await import(pathToFileURL(`${process.env.UNROLL_MODULES}/operations.js`));

const V = (...entries) => K.value([entries.length], Float64Array.from(entries));
const M = (...rows) => K.value([rows.length, rows[0].length], Float64Array.from(rows.flat()));
const N = K.number;
const list = ({ shape, data }) => (shape.length ? [...data] : data[0]);
const near = (found, expected, tolerance = 1e-15) => {
  const [ours, theirs] = [list(found), expected].map((x) => [x].flat());
  assert.equal(ours.length, theirs.length);
  ours.forEach((x, i) => assert.ok(
    Object.is(x, theirs[i]) || Math.abs(x - theirs[i]) <= tolerance * Math.max(1, Math.abs(theirs[i])),
    `${ours} is not ${theirs}`,
  ));
};

test("numbers broadcast to the shape of what they meet, on either side", () => {
  assert.deepEqual(O.add(N(1), V(1, 2, 3)).shape, [3]);
  near(O.subtract(V(1, 2, 3), N(1)), [0, 1, 2]);
  near(O.where(V(0, 2, -1), N(5), V(1, 2, 3)), [1, 5, 5]);
  near(O.clip(N(2), V(0, 3), N(9)), [2, 3]);
  assert.deepEqual(O.multiply(V(2), N(3)).shape, [1]);
  assert.deepEqual(O.like(N(2), M([1, 2], [3, 4])).shape, [2, 2]);
  near(O.like(N(2), V(0, 0)), [2, 2]);
});

test("optional arguments have the table's defaults", () => {
  near(O.leaky_relu(V(-1, 2)), [-0.01, 2]);
  near(O.leaky_relu(V(-1, 2), N(0.5)), [-0.5, 2]);
  near(O.elu(N(-1)), Math.expm1(-1));
  near(O.elu(N(-1), N(2)), 2 * Math.expm1(-1));
});

test("what is no number goes where NumPy lets it go", () => {
  near(O.where(V(NaN, 0), N(1), N(2)), [1, 2]);
  near(O.step(V(NaN, 0, -0, 1e-300)), [NaN, 0, 0, 1]);
  near(O.max(V(1, NaN, 3)), NaN);
  near(O.argmax(V(1, NaN, 3, NaN)), 1);
  near(O.argmin(V(NaN, 0)), 0);
  near(O.power(N(1), V(NaN, Infinity)), [1, 1]);
  near(O.power(N(-1), N(-Infinity)), 1);
  near(O.power(N(0), N(-1)), Infinity);
});

test("mod has the sign of its second argument", () => {
  near(O.mod(V(7, -7, 7, -7), V(3, 3, -3, -3)), [1, 2, -2, -1]);
  near(O.mod(N(0.3), N(0.1)), 0.3 % 0.1, 0);
  near(O.mod(N(-1), N(Infinity)), Infinity);
});

test("halves are rounded to even", () => {
  near(O.round(V(0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6)), [0, 2, 2, 0, -2, 2, -3]);
});

test("the error function, by Abramowitz & Stegun, table 7.1", () => {
  near(O.erf(V(0, 0.5, 1, 1.5, 2)),
    [0, 0.5204998778130465, 0.8427007929497149, 0.9661051464753108, 0.9953222650189527]);
  near(O.erf(V(-1, 7, -Infinity)), [-0.8427007929497149, 1, -1]);
});

test("extreme values stay finite", () => {
  near(O.softplus(V(800, -800)), [800, 0]);
  near(O.log_sigmoid(V(-800, 800)), [-800, 0]);
  near(O.logsumexp(V(1000, 1000)), 1000 + Math.log(2));
  near(O.logsumexp(V(-Infinity, -Infinity)), -Infinity);
  near(O.softmax(V(1000, 1000, -Infinity)), [0.5, 0.5, 0]);
  near(O.log_softmax(V(1000, 0)), [0, -1000]);
  near(O.softmax_cross_entropy(V(1000, 0), V(0, 1)), 1000);
  near(O.cross_entropy(V(1, 0), V(1, 0)), 0);
  near(O.binary_cross_entropy(V(1, 0), V(1, 0)), 0);
  near(O.norm(V(3e200, 4e200)), 5e200);
  near(O.normalize(V(0, 0)), [0, 0]);
});

test("products by shapes", () => {
  const A = M([1, 2, 3], [4, 5, 6]);
  near(O.matmul(A, V(1, 0, -1)), [-2, -2]);
  assert.deepEqual(O.matmul(A, O.transpose(A)).shape, [2, 2]);
  near(O.matmul(A, O.transpose(A)), [14, 32, 32, 77]);
  assert.deepEqual(O.matmul(A, M([1], [0], [-1])).shape, [2, 1]);
  near(O.outer(V(1, 2), V(3, 4)), [3, 4, 6, 8]);
  near(O.dot(V(1, 2), V(3, 4)), 11);
});

test("entries, slices and their way back", () => {
  const A = M([1, 2], [3, 4], [5, 6]);
  near(O.entry(V(7, 8), N(1)), 8);
  near(O.entry(A, N(2), N(0)), 5);
  near(O.row(A, N(1)), [3, 4]);
  near(O.column(A, N(1)), [2, 4, 6]);
  assert.deepEqual(O.slice(A, N(1), N(3)).shape, [2, 2]);
  near(O.slice(A, N(1), N(3)), [3, 4, 5, 6]);
  near(O.unslice(M([3, 4]), A, N(1), N(2)), [0, 0, 3, 4, 0, 0]);
  near(O.concat(V(1), N(2), V(3, 4)), [1, 2, 3, 4]);
  near(O.part(V(1, 2, 3, 4), V(0, 0), N(0), V(0)), [3, 4]);
  near(O.unpart(V(8, 9), V(0, 0, 0, 0), V(0, 0), N(0)), [0, 8, 9, 0]);
  near(O.one_hot(N(1), V(0, 0, 0)), [0, 1, 0]);
  near(O.one_hot(N(0), N(2)), [1, 0]);
});

test("a position that there is not gives no number, and no entry of something else", () => {
  assert.ok(Number.isNaN(list(O.entry(V(7, 8), N(2)))));
  near(O.one_hot(N(5), N(2)), [0, 0]);
});

test("systems of equations, with rows to be swapped", () => {
  const A = M([0, 2], [3, 4]);
  near(O.solve(A, V(2, 7)), [1, 1]);
  near(O.inv(A), [-2 / 3, 1 / 3, 0.5, 0]);
  near(O.det(A), -6);
  near(O.logdet(A), Math.log(6));
  near(O.det(M([1, 2], [2, 4])), 0);
  near(O.trace(A), 4);
  near(O.identity(A), [1, 0, 0, 1]);
  near(O.diagonal(A), [0, 4]);
  near(O.diag(V(1, 2)), [1, 0, 0, 2]);
});

test("running sums and products, reversal", () => {
  near(O.cumsum(V(1, 2, 3)), [1, 3, 6]);
  near(O.cumprod(V(2, 3, 4)), [2, 6, 24]);
  near(O.flip(V(1, 2, 3)), [3, 2, 1]);
});

test("arguments are left as they are", () => {
  for (const [name, f] of Object.entries(O)) {
    const operands = [M([2, 1], [1, 3]), V(0.25, 0.75), N(0), N(1)];
    const before = operands.map(list);
    for (const A of operands) for (const B of operands) {
      try {
        f(A, B, N(1), N(1));
      } catch {
        continue; // shapes that do not fit
      }
    }
    assert.deepEqual(operands.map(list), before, name);
  }
});

test("scratch gives arrays again once they are released, and zeros", () => {
  const scratch = new K.Scratch();
  const before = K.use(scratch);
  const first = K.value([3]);
  first.data.fill(7);
  const second = K.value([3]);
  assert.notEqual(first.data, second.data);
  const kept = K.keep(first);
  scratch.release();
  const third = K.value([3]);
  K.use(before);
  assert.equal(third.data, first.data);
  near(third, [0, 0, 0]);
  near(kept, [7, 7, 7]);
  assert.notEqual(K.value([3]).data, third.data);
});
