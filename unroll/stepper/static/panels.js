// What stands beside the picture: equations with numbers in them, matrices, bars, a map, entries.

import { colour, digits, exact, inkOn, shown } from "./numbers.js";

const MATH = "http://www.w3.org/1998/Math/MathML";
const FEW = 8; // rows or columns whose numbers are written

export function element(tag, attributes = {}, ...children) {
  const found = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) found.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null) found.setAttribute(key, value);
  }
  found.append(...children);
  return found;
}

// Mathematics from the story, its indices filled in.
export function mathematics(markup, story, here) {
  const holder = element("span", { class: "math" });
  holder.innerHTML = markup;
  for (const index of holder.querySelectorAll("[data-i]")) {
    index.textContent = String(story.number(index.dataset.i, here)).replace("-", "−");
  }
  return holder;
}

// The same with every read replaced by its value.
export function withNumbers(markup, story, here, values, look) {
  const holder = mathematics(markup, story, here);
  for (const place of holder.querySelectorAll("[data-read]")) {
    const found = values[Number(place.dataset.read)];
    place.replaceChildren(...(found ? [mathMatrix(found, look)] : []));
  }
  return holder;
}

const math = (tag, text) => {
  const found = document.createElementNS(MATH, tag);
  if (text !== undefined) found.textContent = text;
  return found;
};

function sides({ shape, data }) {
  const rows = shape.length ? shape[0] : 1;
  return [rows, rows ? data.length / rows : 0];
}

export function mathMatrix(found, look) {
  const decimals = Math.min(digits(found.data), 3);
  if (!found.shape.length) return math("mn", shown(found.data[0], decimals));
  const [rows, columns] = sides(found);
  const row = math("mrow"), table = math("mtable");
  const written = rows <= FEW && columns <= FEW;
  for (let i = 0; i < rows; i++) {
    const line = math("mtr");
    for (let j = 0; j < columns; j++) {
      const x = found.data[i * columns + j], paint = colour(x, look.largest, look.table);
      const cell = math("mtd"), text = math("mtext", written ? shown(x, decimals) : " ");
      cell.style.background = paint;
      cell.style.color = inkOn(paint);
      cell.setAttribute("class", written ? "cell" : "dot");
      cell.append(text);
      line.append(cell);
    }
    table.append(line);
  }
  row.append(math("mo", "["), table, math("mo", "]"));
  return row;
}

// A matrix as signed cells.
export function matrix(found, look, attributes = {}) {
  const [rows, columns] = sides(found), decimals = Math.min(digits(found.data), 3);
  const written = rows <= FEW && columns <= FEW;
  const table = element("table", { class: written ? "matrix" : "matrix dots", ...attributes });
  const body = element("tbody");
  // a vector lies down, so that many fit below one another
  const [down, across] = found.shape.length === 1 ? [1, rows] : [rows, columns];
  for (let i = 0; i < down; i++) {
    const line = element("tr");
    for (let j = 0; j < across; j++) {
      const x = found.data[i * across + j], paint = colour(x, look.largest, look.table);
      const cell = element("td", { title: String(x) }, written || across <= FEW ? shown(x, decimals) : "");
      cell.style.background = paint;
      cell.style.color = inkOn(paint);
      line.append(cell);
    }
    body.append(line);
  }
  table.append(body);
  return table;
}

// One bar a step, as high as a norm; the current one marked.
export function bars(norms, current, label) {
  const most = Math.max(...norms, 1e-300);
  const holder = element("div", { class: "bars", role: "img", "aria-label": label });
  norms.forEach((n, i) => {
    const bar = element("i", { "data-step": String(i + 1), title: `${i + 1}: ${n.toPrecision(4)}` });
    bar.style.height = `${Math.max((100 * n) / most, n > 0 ? 2 : 0)}%`;
    if (i + 1 === current) bar.className = "current";
    holder.append(bar);
  });
  return holder;
}

// Rows of norms as shades on a logarithmic scale: what each loss says of each step.
export function heatMap(rows, dark, label) {
  const all = rows.flat().filter((x) => x > 0);
  const most = Math.log10(Math.max(...all, 1e-300));
  const least = Math.max(Math.min(most - 1, Math.log10(Math.min(...all, 1e300))), most - 12);
  const table = element("table", { class: "heat", "aria-label": label });
  rows.forEach((row, k) => {
    const line = element("tr", {}, element("th", { scope: "row" }, String(k + 1)));
    row.forEach((x, t) => {
      const cell = element("td", { title: `k = ${k + 1}, t = ${t + 1}: ${x.toPrecision(4)}` });
      if (x > 0) {
        const share = Math.max(0, (Math.log10(x) - least) / (most - least || 1));
        cell.style.background = dark
          ? `hsl(28 90% ${12 + 50 * share}%)`
          : `hsl(24 80% ${96 - 56 * share}%)`;
      }
      line.append(cell);
    });
    table.append(line);
  });
  const head = element("tr", {}, element("th", {}, "k\\t"));
  (rows[0] ?? []).forEach((_, t) => head.append(element("th", { scope: "col" }, String(t + 1))));
  table.prepend(head);
  return table;
}

// Entries of an array that can be changed. at: 0-based places; name: as `run` or the equations say it.
export function entries(name, shape, read, change) {
  const rows = shape.length > 1 ? shape[0] : 1, columns = shape.at(-1) ?? 1;
  const holder = element("span", { class: "entries" });
  holder.style.gridTemplateColumns = `repeat(${columns}, max-content)`;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const at = shape.length === 0 ? [] : shape.length === 1 ? [j] : [i, j];
      const input = element("input", {
        type: "text", inputmode: "decimal", size: "7", "data-name": name, "data-at": at.join(","),
        "aria-label": at.length ? `${name} ${at.map((n) => n + 1).join(" ")}` : name,
      });
      put(input, read(at));
      input.addEventListener("change", () => changed(input, change, at, read));
      input.addEventListener("keydown", (event) => key(event, input, change, at));
      drag(input, change, at);
      holder.append(input);
    }
  }
  return holder;
}

export function put(input, x) {
  input.dataset.value = exact(x);
  if (document.activeElement !== input || !input.dataset.typing) input.value = Number(x.toPrecision(4)).toString();
  input.removeAttribute("aria-invalid");
}

function changed(input, change, at) {
  const text = input.value.trim().replace("−", "-");
  const x = Number(text);
  if (text === "" || !Number.isFinite(x)) input.setAttribute("aria-invalid", "true");
  else change(at, x, input);
}

// Arrow up and down change the last digits; other keys stay in the field.
function key(event, input, change, at) {
  event.stopPropagation();
  if (event.key === "Enter") input.dispatchEvent(new Event("change"));
  const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  change(at, rounded(Number(input.dataset.value) + by * (event.shiftKey ? 1 : 0.1)), input);
}

const rounded = (x) => Number(x.toFixed(10));

// Dragging sideways changes a number by hundredths.
function drag(input, change, at) {
  let from = null;
  input.addEventListener("pointerdown", (event) => {
    if (document.activeElement !== input) from = [event.clientX, Number(input.dataset.value)];
  });
  input.addEventListener("pointermove", (event) => {
    if (!from || !event.buttons) return;
    const moved = event.clientX - from[0];
    if (Math.abs(moved) < 4 && !input.dataset.dragged) return;
    input.dataset.dragged = "1";
    input.setPointerCapture(event.pointerId);
    change(at, rounded(from[1] + moved / 100), input);
  });
  const end = () => {
    from = null;
    if (input.dataset.dragged) {
      delete input.dataset.dragged;
      input.blur();
    }
  };
  input.addEventListener("pointerup", end);
  input.addEventListener("pointercancel", end);
}


