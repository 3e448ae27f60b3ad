// Values are { shape, data }: a number has shape [], data is a Float64Array in row-major order.
// The names beside NumPy's own are those of unroll.numeric.kernels; the table of operations calls them.

const count = (shape) => {
  let n = 1;
  for (let i = 0; i < shape.length; i++) n *= shape[i];
  return n;
};

// Arrays for what is in between are made once and used again: allocating them is most of the work of a
// run. Kernels take theirs from here while one is in use; `release` says that none is needed any more.
export class Scratch {
  constructor() {
    this.pools = new Map();
    this.taken = [];
  }

  take(n) {
    let pool = this.pools.get(n);
    if (!pool) this.pools.set(n, (pool = { arrays: [], used: 0 }));
    if (pool.used === 0) this.taken.push(pool);
    if (pool.used === pool.arrays.length) pool.arrays.push(new Float64Array(n));
    return pool.arrays[pool.used++].fill(0);
  }

  release() {
    for (let i = 0; i < this.taken.length; i++) this.taken[i].used = 0;
    this.taken.length = 0;
  }
}
let scratch = null;

// Puts a scratch to use, null for none; answers with the one that was in use.
export function use(other) {
  const before = scratch;
  scratch = other;
  return before;
}

// A copy that no kernel will write to.
export const keep = (A) => ({ shape: A.shape, data: A.data.slice() });

export function value(shape, data) {
  const n = count(shape);
  return { shape, data: data ?? (scratch ? scratch.take(n) : new Float64Array(n)) };
}

export function number(x) {
  const out = value([]);
  out.data[0] = x;
  return out;
}

// A function of entries, for operands that are all of one shape, or numbers.
export function each(f) {
  return (A, B, C) => (C ? three(f, A, B, C) : B ? two(f, A, B) : one(f, A));
}

function one(f, A) {
  const out = value(A.shape), a = A.data, r = out.data;
  for (let m = 0; m < r.length; m++) r[m] = f(a[m]);
  return out;
}

const wider = (A, B) => (B.shape.length > A.shape.length ? B : A);

function two(f, A, B) {
  const out = value(wider(A, B).shape), a = A.data, b = B.data, r = out.data;
  const i = A.shape.length ? 1 : 0, j = B.shape.length ? 1 : 0;
  for (let m = 0; m < r.length; m++) r[m] = f(a[i * m], b[j * m]);
  return out;
}

function three(f, A, B, C) {
  const out = value(wider(wider(A, B), C).shape), a = A.data, b = B.data, c = C.data, r = out.data;
  const i = A.shape.length ? 1 : 0, j = B.shape.length ? 1 : 0, k = C.shape.length ? 1 : 0;
  for (let m = 0; m < r.length; m++) r[m] = f(a[i * m], b[j * m], c[k * m]);
  return out;
}

// A reduction over steps, whose values are the rows of a table: what the operation makes of each column,
// `all` where that is one number, `each` where it is one for every step.
export function over(reduce, table, steps, shape) {
  const all = value(shape), width = all.data.length, gathered = value([steps]);
  let each = null;
  for (let m = 0; m < width; m++) {
    for (let i = 0; i < steps; i++) gathered.data[i] = table[i * width + m];
    const found = reduce(gathered);
    if (found.shape.length) {
      each ??= Array.from({ length: steps }, () => keep(all));
      for (let i = 0; i < steps; i++) each[i].data[m] = found.data[i];
    } else all.data[m] = found.data[0];
  }
  return { all, each };
}

// --- entries ----------------------------------------------------------------------------------

export const softplus = (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)));
export const clip = (a, low, high) => Math.min(Math.max(a, low), high);

// 1 to any power is 1, as in C and NumPy; JavaScript says NaN to the power of NaN and infinity.
export const power = (a, b) => (a === 1 ? 1 : (a === -1 && Math.abs(b) === Infinity ? 1 : a ** b));

export function mod(a, b) {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

export function rint(a) {
  const down = Math.floor(a), rest = a - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}

// Rational approximations of FreeBSD's s_erf.c, Sun Microsystems 1993; lowest power first.
const NEAR = [
  [1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02,
    -5.77027029648944159157e-03, -2.37630166566501626084e-05],
  [1.0, 3.97917223959155352819e-01, 6.50222499887672944485e-02, 5.08130628187576562776e-03,
    1.32494738004321644526e-04, -3.96022827877536812320e-06],
];
const MIDDLE = [
  [-2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01,
    3.18346619901161753674e-01, -1.10894694282396677476e-01, 3.54783043256182359371e-02,
    -2.16637559486879084300e-03],
  [1.0, 1.06420880400844228286e-01, 5.40397917702171048937e-01, 7.18286544141962662868e-02,
    1.26171219808761642112e-01, 1.36370839120290507362e-02, 1.19844998467991074170e-02],
];
const FAR = [
  [-9.86494403484714822705e-03, -6.93858572707181764372e-01, -1.05586262253232909814e+01,
    -6.23753324503260060396e+01, -1.62396669462573470355e+02, -1.84605092906711035994e+02,
    -8.12874355063065934246e+01, -9.81432934416914548592e+00],
  [1.0, 1.96512716674392571292e+01, 1.37657754143519042600e+02, 4.34565877475229228821e+02,
    6.45387271733267880336e+02, 4.29008140027567833386e+02, 1.08635005541779435134e+02,
    6.57024977031928170135e+00, -6.04244152148580987438e-02],
];
const LAST = [
  [-9.86494292470009928597e-03, -7.99283237680523006574e-01, -1.77579549177547519889e+01,
    -1.60636384855821916062e+02, -6.37566443368389627722e+02, -1.02509513161107724954e+03,
    -4.83519191608651397019e+02],
  [1.0, 3.03380607434824582924e+01, 3.25792512996573918826e+02, 1.53672958608443695994e+03,
    3.19985821950859553908e+03, 2.55305040643316442583e+03, 4.74528541206955367215e+02,
    -2.24409524465858183362e+01],
];
const horner = (c, x) => c.reduceRight((sum, each) => sum * x + each, 0);
const ratio = ([above, below], x) => horner(above, x) / horner(below, x);

export function erf(a) {
  const size = Math.min(Math.abs(a), 6);
  if (Number.isNaN(size)) return size;
  let found;
  if (size < 0.84375) found = size * (1 + ratio(NEAR, size * size));
  else if (size < 1.25) found = 8.45062911510467529297e-01 + ratio(MIDDLE, size - 1);
  else {
    const inverse = 1 / (size * size);
    const exponent = ratio(size < 1 / 0.35 ? FAR : LAST, inverse);
    found = 1 - Math.exp(exponent - 0.5625 - size * size) / size;
  }
  return a < 0 ? -found : found;
}

// --- products -----------------------------------------------------------------------------------

export function matmul(A, B) {
  const [m, n] = A.shape, k = B.shape.length > 1 ? B.shape[1] : 1;
  const out = value(B.shape.length > 1 ? [m, k] : [m]);
  if (k === 1) {
    const a = A.data, b = B.data, r = out.data;
    for (let i = 0, at = 0; i < m; i++) {
      let sum = 0;
      for (let l = 0; l < n; l++) sum += a[at++] * b[l];
      r[i] = sum;
    }
    return out;
  }
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < k; j++) {
      let sum = 0;
      for (let l = 0; l < n; l++) sum += A.data[i * n + l] * B.data[l * k + j];
      out.data[i * k + j] = sum;
    }
  }
  return out;
}

export function transpose(A) {
  const [m, n] = A.shape;
  const out = value([n, m]);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) out.data[j * m + i] = A.data[i * n + j];
  return out;
}

export function outer(A, B) {
  const n = B.data.length;
  const out = value([A.data.length, n]);
  for (let i = 0; i < A.data.length; i++) {
    for (let j = 0; j < n; j++) out.data[i * n + j] = A.data[i] * B.data[j];
  }
  return out;
}

export function dot(A, B) {
  let sum = 0;
  for (let i = 0; i < A.data.length; i++) sum += A.data[i] * B.data[i];
  return number(sum);
}

// --- parts ----------------------------------------------------------------------------------------

export function concat(...parts) {
  const out = value([parts.reduce((n, p) => n + p.data.length, 0)]);
  let at = 0;
  for (const p of parts) {
    out.data.set(p.data, at);
    at += p.data.length;
  }
  return out;
}

const before = (parts) => parts.reduce((n, p) => n + p.data.length, 0);

export function part(A, like, ...earlier) {
  const start = before(earlier);
  return value(like.shape, A.data.slice(start, start + like.data.length));
}

export function unpart(A, whole, like, ...earlier) {
  const out = value(whole.shape);
  out.data.set(A.data, before(earlier));
  return out;
}

export function slice(A, first, stop) {
  const width = A.data.length / A.shape[0];
  const [a, b] = [first.data[0], stop.data[0]];
  return value([b - a, ...A.shape.slice(1)], A.data.slice(a * width, b * width));
}

export function unslice(A, whole, first) {
  const out = value(whole.shape);
  out.data.set(A.data, first.data[0] * (whole.data.length / whole.shape[0]));
  return out;
}

export function entry(A, ...places) {
  const [i, j] = places.map((p) => p.data[0]);
  return number(j === undefined ? A.data[i] : A.data[i * A.shape[1] + j]);
}

export function row(A, k) {
  const n = A.shape[1], i = k.data[0];
  return value([n], A.data.slice(i * n, (i + 1) * n));
}

export const column = (A, k) => row(transpose(A), k);

export function oneHot(k, like) {
  const out = value([like.shape.length ? like.shape[0] : like.data[0]]);
  out.data[k.data[0]] = 1;
  return out;
}

// Place of the first entry that no other one beats; what is no number beats all that are.
function first(A, beats) {
  const better = (x, y) => beats(x, y) || (Number.isNaN(x) && !Number.isNaN(y));
  return number(A.data.reduce((b, x, i) => (better(x, A.data[b]) ? i : b), 0));
}
export const argmax = (A) => first(A, (x, y) => x > y);
export const argmin = (A) => first(A, (x, y) => x < y);

export function diag(A) {
  const n = A.data.length;
  const out = value([n, n]);
  for (let i = 0; i < n; i++) out.data[i * n + i] = A.data[i];
  return out;
}

export function diagonal(A) {
  const n = A.shape[0];
  return entries(value([n]), (_, i) => A.data[i * n + i]);
}

export const identity = (A) => diag(entries(value([A.shape[0]]), () => 1));
export const trace = (A) => total(diagonal(A));
export const size = (A) => number(A.data.length);
export const flip = (A) => entries(A, (_, i) => A.data[A.data.length - 1 - i]);

export function like(A, B) {
  const step = A.shape.length ? 1 : 0;
  return entries(value(wider(A, B).shape), (_, i) => A.data[step * i]);
}

// --- systems of equations ---------------------------------------------------------------------------

// Gauss with partial pivoting: rows of the factors, the order of rows, the sign of that order.
function factorised(A) {
  const n = A.shape[0];
  const rows = Array.from({ length: n }, (_, i) => A.data.slice(i * n, (i + 1) * n));
  const order = rows.map((_, i) => i);
  let sign = 1;
  for (let k = 0; k < n; k++) {
    let p = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[p][k])) p = i;
    if (p !== k) {
      [rows[k], rows[p]] = [rows[p], rows[k]];
      [order[k], order[p]] = [order[p], order[k]];
      sign = -sign;
    }
    for (let i = k + 1; i < n; i++) {
      const share = rows[k][k] === 0 ? 0 : rows[i][k] / rows[k][k];
      rows[i][k] = share;
      for (let j = k + 1; j < n; j++) rows[i][j] -= share * rows[k][j];
    }
  }
  return { rows, order, sign };
}

export function solve(A, B) {
  const { rows, order } = factorised(A);
  const n = A.shape[0], k = B.shape.length > 1 ? B.shape[1] : 1;
  const out = value(B.shape);
  for (let c = 0; c < k; c++) {
    const x = order.map((i) => B.data[i * k + c]);
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) x[i] -= rows[i][j] * x[j];
    for (let i = n - 1; i >= 0; i--) {
      for (let j = i + 1; j < n; j++) x[i] -= rows[i][j] * x[j];
      x[i] /= rows[i][i];
    }
    for (let i = 0; i < n; i++) out.data[i * k + c] = x[i];
  }
  return out;
}

export const inv = (A) => solve(A, identity(A));

export function det(A) {
  const { rows, sign } = factorised(A);
  return number(rows.reduce((d, r, i) => d * r[i], sign));
}

export function logdet(A) {
  return number(factorised(A).rows.reduce((d, r, i) => d + Math.log(Math.abs(r[i])), 0));
}

// --- reductions over entries --------------------------------------------------------------------------

function entries(A, f) {
  const out = value(A.shape), a = A.data, r = out.data;
  for (let i = 0; i < r.length; i++) r[i] = f(a[i], i);
  return out;
}

function folded(A, f, start) {
  const a = A.data;
  let found = start;
  for (let i = 0; i < a.length; i++) found = f(found, a[i], i);
  return found;
}

const plus = (a, b) => a + b;
const sum = (A) => folded(A, plus, 0);
const top = (A) => folded(A, (a, b) => Math.max(a, b), -Infinity);
const finite = (x) => (Number.isFinite(x) ? x : 0);

export const total = (A) => number(sum(A));
export const mean = (A) => number(sum(A) / A.data.length);
export const largest = (A) => number(top(A));
export const smallest = (A) => number(folded(A, (a, b) => Math.min(a, b), Infinity));
export const prod = (A) => number(folded(A, (a, b) => a * b, 1));

// The largest size of an entry, 1 for none; entries over it, whose squares fit; their length.
function scaled(A) {
  const most = folded(A, (a, b) => Math.max(a, Math.abs(b)), 0);
  const by = most === 0 || !Number.isFinite(most) ? 1 : most;
  const small = entries(A, (x) => x / by);
  return [by, small, Math.sqrt(folded(small, (s, x) => s + x * x, 0))];
}

export function norm(A) {
  const [by, , length] = scaled(A);
  return number(by * length);
}

export function normalize(A) {
  const [, small, length] = scaled(A);
  return entries(small, (x) => x / (length === 0 ? 1 : length));
}

function running(A, f) {
  let s = 0;
  return entries(A, (x, i) => (s = i ? f(s, x) : x));
}
export const cumsum = (A) => running(A, plus);
export const cumprod = (A) => running(A, (a, b) => a * b);

export function logsumexp(A) {
  const shift = finite(top(A));
  return number(Math.log(folded(A, (s, x) => s + Math.exp(x - shift), 0)) + shift);
}

export function softmax(A) {
  const most = top(A), shift = most === -Infinity ? 0 : most;
  const powers = entries(A, (x) => Math.exp(x - shift));
  const all = sum(powers);
  return entries(powers, (x) => x / (all === 0 ? 1 : all));
}

// Entries less the largest one, and the logarithm of the sum of their exponentials.
function shifted(A) {
  const most = top(A), less = entries(A, (x) => x - most);
  return [less, Math.log(folded(less, (s, x) => s + Math.exp(x), 0))];
}

export function logSoftmax(A) {
  const [less, all] = shifted(A);
  return entries(less, (x) => x - all);
}

// --- losses ---------------------------------------------------------------------------------------------

const added = (A, B, f) => number(folded(A, (s, a, i) => s + f(a, B.data[i]), 0));

export const crossEntropy = (A, B) => added(A, B, (a, y) => -y * Math.log(y > 0 ? a : 1));

export function softmaxCrossEntropy(A, B) {
  const [less, all] = shifted(A);
  return number(sum(B) * all - folded(less, (s, x, i) => s + B.data[i] * x, 0));
}

export const binaryCrossEntropy = (A, B) =>
  added(A, B, (p, y) => -(y * Math.log(y > 0 ? p : 1) + (1 - y) * Math.log1p(-(y < 1 ? p : 0))));

export const sigmoidCrossEntropy = (A, B) => added(A, B, (o, y) => softplus(o) - y * o);
export const squaredError = (A, B) => added(A, B, (a, y) => 0.5 * (a - y) ** 2);
