// Numbers as they are shown, and the colours of their signs. No DOM.

// At most four significant digits; as many decimals for all of an array.
export function digits(data) {
  let most = 0;
  for (const x of data) if (Number.isFinite(x)) most = Math.max(most, Math.abs(x));
  if (most === 0) return 0;
  return Math.min(Math.max(2 - Math.floor(Math.log10(most)), 0), 8);
}

export function shown(x, decimals) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e5 || size < 1e-6) return x.toExponential(1).replace("-", "−").replace("e+", "e");
  const text = size.toFixed(Math.min(decimals, 8));
  return (x < 0 ? "−" : "") + text;
}

export const exact = (x) => (Object.is(x, -0) ? "0" : String(x));

// Tables of 21 colours from the most negative to the most positive number, as the figures have them.
export function colour(x, largest, table) {
  if (!(largest > 0) || !Number.isFinite(x)) return table[(table.length - 1) / 2];
  const half = (table.length - 1) / 2;
  const level = Math.max(-half, Math.min(half, Math.round((x / largest) * half)));
  return table[level + half];
}

// Ink that reads on a colour (WCAG's relative luminance).
export function inkOn(hex) {
  const part = (i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  const light = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  return light > 0.36 ? "#010101" : "#ffffff";
}

export const norm = (data) => Math.hypot(...data);

// The largest |eigenvalue| of a matrix: |A^(2^k)|^(1/2^k) by repeated squaring (Gelfand).
export function spectralRadius(data, n) {
  let a = Float64Array.from(data), log = 0;
  const rounds = 40;
  for (let k = 0; k < rounds; k++) {
    const size = Math.sqrt(a.reduce((s, x) => s + x * x, 0));
    if (size === 0 || !Number.isFinite(size)) return size;
    log += Math.log(size) / 2 ** k;
    a = a.map((x) => x / size);
    const square = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let l = 0; l < n; l++) {
        const x = a[i * n + l];
        if (x) for (let j = 0; j < n; j++) square[i * n + j] += x * a[l * n + j];
      }
    }
    a = square;
  }
  return Math.exp(log);
}
