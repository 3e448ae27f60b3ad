// The picture: groups of an SVG that light up with the story and hold their numbers.

import { colour, digits, inkOn, shown } from "./numbers.js";
import { named } from "./story.js";

const SVG = "http://www.w3.org/2000/svg";
const ALL = 900; // groups that are all in the page; of more only those in sight
const LEAST = 0.85, MOST = 1.5; // of the size in which it was drawn
const MARGIN = 600; // px beside what is in sight

export class Diagram {
  constructor(root, drawn, onPick, onPeek) {
    this.root = root;
    this.items = drawn.items; // [left, right, markup]
    this.mounted = new Map();
    this.onPick = onPick;
    this.onPeek = onPeek;
    root.innerHTML = `${drawn.head}<defs>${drawn.defs}</defs><g></g></svg>`;
    this.svg = root.querySelector("svg");
    this.layer = this.svg.querySelector(":scope > g");
    this.left = drawn.left;
    this.virtual = drawn.items.length > ALL;
    this.view = null;
    root.addEventListener("scroll", () => this.mount(), { passive: true });
    const target = (event) => event.target.closest?.("[data-kind=node],[data-kind=ghost],[data-kind=edge]");
    this.svg.addEventListener("click", (event) => target(event) && this.onPick(target(event)));
    for (const kind of ["mouseover", "focusin"]) {
      this.svg.addEventListener(kind, (event) => target(event) && this.onPeek(target(event)));
    }
    for (const kind of ["mouseleave", "focusout"]) {
      this.svg.addEventListener(kind, () => this.onPeek(null));
    }
    this.svg.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && target(event)) this.onPick(target(event));
    });
    this.fit();
    new ResizeObserver(() => this.fit()).observe(root);
  }

  // As wide as there is room, but not much larger than it was drawn, and never smaller than it reads well.
  fit() {
    const natural = this.svg.viewBox.baseVal.width, room = this.root.clientWidth - 14;
    if (room <= 0) return;
    const width = Math.min(Math.max(room, LEAST * natural), MOST * natural);
    this.svg.setAttribute("width", width.toFixed(1));
    this.svg.removeAttribute("height");
    this.mount();
  }

  scale() {
    return this.svg.getBoundingClientRect().width / this.svg.viewBox.baseVal.width || 1;
  }

  // Puts what is in sight into the page, and takes out the rest.
  mount() {
    let from = -Infinity, to = Infinity;
    if (this.virtual) {
      const scale = this.scale();
      from = this.left + (this.root.scrollLeft - MARGIN) / scale;
      to = this.left + (this.root.scrollLeft + this.root.clientWidth + MARGIN) / scale;
    }
    const fresh = [];
    for (let i = 0; i < this.items.length; i++) {
      const [left, right, markup] = this.items[i];
      const inSight = right >= from && left <= to;
      const present = this.mounted.has(i);
      if (inSight && !present) {
        const holder = document.createElementNS(SVG, "g");
        holder.innerHTML = markup;
        const group = holder.firstElementChild;
        this.prepare(group);
        this.mounted.set(i, group);
        this.layer.append(group);
        fresh.push(group);
      } else if (!inSight && present) {
        this.mounted.get(i).remove();
        this.mounted.delete(i);
      }
    }
    if (this.view) for (const group of fresh) this.paint(group);
  }

  prepare(group) {
    const kind = group.dataset.kind;
    if (!["node", "ghost", "edge"].includes(kind)) return;
    group.setAttribute("tabindex", "-1");
    group.setAttribute("role", "button");
    const title = group.querySelector(":scope > title");
    group.setAttribute("aria-label", title?.textContent ?? "");
    title?.remove(); // the inspector says more than a tooltip
  }

  // view: {state(group), value(name, at), gradient(name, at), table, largest}
  update(view) {
    this.view = view;
    for (const group of this.mounted.values()) this.paint(group);
  }

  paint(group) {
    const { view } = this, kind = group.dataset.kind;
    if (!["node", "ghost", "edge"].includes(kind)) return;
    const state = view.state(group);
    if (group.dataset.state !== state) group.dataset.state = state;
    if (kind === "edge") return;
    const name = group.dataset.name, at = indices(group);
    for (const which of ["value", "gradient"]) {
      const found = at.includes("...") ? null : view[which](name, at.map(Number));
      const text = found ? JSON.stringify(nestedData(found)) : null;
      if (text === null) delete group.dataset[which];
      else if (group.dataset[which] !== text) group.dataset[which] = text;
      const cells = group.querySelector(`:scope > [data-kind=value][data-of=${which}]`);
      if (cells && cells.dataset.shown !== `${text} ${view.theme} ${view.largest[which]}`) {
        cells.dataset.shown = `${text} ${view.theme} ${view.largest[which]}`;
        this.fill(cells, found, view, which);
      }
    }
  }

  // The cells of a value in the room that the layout gave it.
  fill(cells, found, view, which) {
    const frame = cells.querySelector("rect");
    const [x, y, width, height] = ["x", "y", "width", "height"].map((a) => Number(frame.getAttribute(a)));
    cells.replaceChildren(frame);
    if (!found) return;
    const rows = found.shape.length > 1 ? found.shape[0] : 1;
    const columns = found.data.length / rows;
    const w = width / columns, h = height / rows, decimals = digits(found.data);
    const fits = w >= 24 && h >= 11;
    found.data.forEach((number, i) => {
      const at = [x + (i % columns) * w, y + Math.floor(i / columns) * h];
      const paint = colour(number, view.largest[which], view.table);
      const cell = make("rect", { x: at[0], y: at[1], width: w, height: h, fill: paint });
      const said = make("title");
      said.textContent = String(number);
      cell.append(said);
      cells.insertBefore(cell, frame);
      if (fits) {
        const text = make("text", {
          x: at[0] + w / 2, y: at[1] + h / 2, "font-size": Math.min(10, h * 0.72, w / 3.5),
          "text-anchor": "middle", "dominant-baseline": "central", fill: inkOn(paint),
        });
        text.textContent = shown(number, Math.min(decimals, 2));
        cells.insertBefore(text, frame);
      }
    });
  }

  find(node) {
    return [...this.mounted.values()].find(
      (g) => g.dataset.kind === "node" && named(g.dataset.name, indices(g)) === node,
    );
  }

  // Scrolls so that a node is in sight.
  show(nodes, smooth) {
    const places = this.items.filter(([, , , node]) => node && nodes.includes(node));
    if (!places.length) return;
    const scale = this.scale();
    const left = (Math.min(...places.map((p) => p[0])) - this.left) * scale;
    const right = (Math.max(...places.map((p) => p[1])) - this.left) * scale;
    const { scrollLeft, clientWidth } = this.root;
    if (left < scrollLeft + 40 || right > scrollLeft + clientWidth - 40) {
      const to = (left + right - clientWidth) / 2;
      this.root.scrollTo({ left: to, behavior: smooth ? "smooth" : "instant" });
      this.mount();
    }
  }
}

export function indices(group) {
  const index = group.dataset.index;
  return index === undefined ? [] : index.split(",");
}

function nestedData({ shape, data }) {
  const round = (x) => (Number.isFinite(x) ? Number(x.toPrecision(12)) : String(x));
  const build = (dims, from) => {
    if (!dims.length) return round(data[from]);
    const width = dims.slice(1).reduce((a, b) => a * b, 1);
    return Array.from({ length: dims[0] }, (_, i) => build(dims.slice(1), from + i * width));
  };
  return build(shape, 0);
}

export function make(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
