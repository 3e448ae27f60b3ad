// The picture: groups of an SVG that light up with the story and hold their numbers.

import { colour, digits, inkOn, shown } from "./numbers.js";
import { named } from "./story.js";

const SVG = "http://www.w3.org/2000/svg";
const ALL = 900; // groups that are all in the page; of more only those in sight
const LEAST = 0.62, READ = 0.8, MOST = 1.7; // of the size in which it was drawn: the smallest, one that reads well, the largest
const MARGIN = 300; // px beside what is in sight
const SEEN = ["node", "ghost", "edge"];

export class Diagram {
  constructor(root, drawn, onPick, onPeek) {
    this.root = root;
    this.items = drawn.items; // [left, top, right, bottom, node, pattern, values...]
    this.patterns = drawn.patterns;
    this.mounted = new Map();
    this.groups = new Map();
    this.places = new Map(drawn.items.filter((item) => item[4]).map((item) => [item[4], item]));
    this.onPick = onPick;
    this.onPeek = onPeek;
    this.zoomed = 1;
    root.innerHTML = `${drawn.head}<defs>${drawn.defs}</defs><g></g></svg>`;
    this.svg = root.querySelector("svg");
    this.layer = this.svg.querySelector(":scope > g");
    this.svg.removeAttribute("role"); // its parts can be used
    this.svg.querySelectorAll(":scope > title, :scope > desc").forEach((said) => said.remove());
    this.left = drawn.left;
    this.top = drawn.top;
    this.virtual = drawn.items.length > ALL;
    this.view = null;
    root.addEventListener("scroll", () => this.mount(), { passive: true });
    const target = (event) => event.target.closest?.(SEEN.map((kind) => `[data-kind=${kind}]`).join());
    this.svg.addEventListener("click", (event) => target(event) && this.onPick(target(event)));
    for (const kind of ["mouseover", "focusin"]) {
      this.svg.addEventListener(kind, (event) => target(event) && this.onPeek(target(event)));
    }
    for (const kind of ["mouseleave", "focusout"]) this.svg.addEventListener(kind, () => this.onPeek(null));
    this.svg.addEventListener("keydown", (event) => this.key(event, target(event)));
    this.fit();
    new ResizeObserver(() => this.fit()).observe(root);
  }

  // Enter picks what has the focus; up and down move it to the next thing. Left and right are steps.
  key(event, group) {
    if (!group) return;
    if (event.key === "Enter") this.onPick(group);
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by && event.key !== "Enter") return;
    event.preventDefault();
    if (by) this.near(group, by)?.focus();
  }

  near(group, by) {
    const all = [...this.layer.querySelectorAll("[data-kind=node]")].map((g) => [g, g.getBoundingClientRect()]);
    all.sort(([, a], [, b]) => Math.round((a.left - b.left) / 8) || a.top - b.top);
    const at = all.findIndex(([g]) => g === group);
    return all[(at + by + all.length) % all.length]?.[0];
  }

  // All of it where that reads well; otherwise its height, or what reads well, and the rest by scrolling.
  fit() {
    const { width, height } = this.svg.viewBox.baseVal, room = this.root.clientWidth - 14;
    if (room <= 0) return;
    const high = (parseFloat(getComputedStyle(this.root).maxHeight) || Infinity) - 16;
    const whole = Math.min(room / width, high / height, MOST);
    const scale = this.zoomed * Math.max(whole, Math.min(READ, Math.max(high / height, LEAST)));
    this.svg.setAttribute("width", (scale * width).toFixed(1));
    this.svg.removeAttribute("height");
    this.scale = scale;
    this.mount();
  }

  zoom(by) {
    this.zoomed = by ? Math.min(Math.max(this.zoomed * by, 0.3), 5) : 1;
    this.fit();
  }

  markup([, , , , , pattern, ...values]) {
    return this.patterns[pattern].map((part) => (typeof part === "string" ? part : values[part])).join("");
  }

  // Puts what is in sight into the page, and takes out the rest.
  mount() {
    let from = -Infinity, to = Infinity;
    if (this.virtual) {
      from = this.left + (this.root.scrollLeft - MARGIN) / this.scale;
      to = this.left + (this.root.scrollLeft + this.root.clientWidth + MARGIN) / this.scale;
      if (this.seen && this.seen[0] === from && this.seen[1] === to) return;
      this.seen = [from, to];
    } else if (this.mounted.size) return;
    const fresh = [];
    for (let i = 0; i < this.items.length; i++) {
      const inSight = this.items[i][2] >= from && this.items[i][0] <= to;
      const present = this.mounted.has(i);
      if (inSight && !present) fresh.push(i);
      else if (!inSight && present) {
        this.mounted.get(i).remove();
        this.mounted.delete(i);
      }
    }
    if (!fresh.length) return;
    const holder = document.createElementNS(SVG, "g");
    holder.innerHTML = fresh.map((i) => this.markup(this.items[i])).join("");
    [...holder.children].forEach((group, k) => {
      this.prepare(group, this.items[fresh[k]]);
      this.mounted.set(fresh[k], group);
    });
    if (this.view) for (const group of holder.children) this.paint(group);
    this.layer.append(...holder.children);
  }

  // What can be clicked and focused, with room around thin lines and between a node and its numbers.
  prepare(group, [left, top, right, bottom]) {
    const kind = group.dataset.kind;
    if (!SEEN.includes(kind)) return;
    group.setAttribute("tabindex", "-1");
    group.setAttribute("role", "button");
    const title = group.querySelector(":scope > title");
    group.setAttribute("aria-label", title?.textContent ?? "");
    title?.remove(); // the inspector says more than a tooltip
    const line = group.querySelector(":scope > path");
    const hit = kind === "edge" && line
      ? make("path", { d: line.getAttribute("d"), fill: "none", "stroke-width": 12 })
      : make("rect", { x: left, y: top, width: Math.max((right - left) / 2 + 8, 0), height: bottom - top, fill: "none" });
    hit.setAttribute("class", "hit");
    group.prepend(hit);
  }

  // view: {state(group), value(name, at), gradient(name, at), table, largest, version}
  update(view) {
    this.view = view;
    for (const group of this.mounted.values()) this.paint(group);
  }

  paint(group) {
    const { view } = this, kind = group.dataset.kind;
    if (!SEEN.includes(kind)) return;
    const state = view.state(group);
    if (group.dataset.state !== state) group.dataset.state = state;
    if (kind === "edge") return;
    group.at ??= indices(group);
    if (group.at.includes("...")) return;
    for (const which of ["value", "gradient"]) {
      const found = view[which](group.dataset.name, group.at);
      const look = found && `${view.version} ${view.theme}`;
      if ((group[which] ?? null) === look) continue;
      group[which] = look;
      if (found) group.dataset[which] = JSON.stringify(nestedData(found));
      else delete group.dataset[which];
      const cells = group.querySelector(`:scope > [data-kind=value][data-of=${which}]`);
      if (cells) this.fill(cells, found, view, which);
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
    const fits = w >= 22 && h >= 11;
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

  // Where Tab comes in: at what the event is about.
  enter(node) {
    const places = this.layer.querySelectorAll("[tabindex='0']");
    places.forEach((group) => group.setAttribute("tabindex", "-1"));
    const nodes = [...this.layer.querySelectorAll("[data-kind=node]")];
    (nodes.find((g) => g.dataset.name && called(g) === node) ?? nodes[0])?.setAttribute("tabindex", "0");
  }

  // Scrolls so that nodes are in sight.
  show(nodes, smooth) {
    const places = nodes.map((node) => this.places.get(node)).filter(Boolean);
    if (!places.length) return;
    const behavior = smooth ? "smooth" : "instant", { root, scale } = this;
    const ends = (low, high, start) => [
      (Math.min(...places.map((p) => p[low])) - start) * scale, (Math.max(...places.map((p) => p[high])) - start) * scale,
    ];
    const to = {};
    for (const [key, [low, high], at, room] of [
      ["left", ends(0, 2, this.left), root.scrollLeft, root.clientWidth],
      ["top", ends(1, 3, this.top), root.scrollTop, root.clientHeight],
    ]) {
      const edge = Math.min(40, room / 10);
      if (low < at + (at > 0 ? edge : 0) || high > at + room - edge) to[key] = (low + high - room) / 2;
    }
    if (!("left" in to || "top" in to)) return;
    root.scrollTo({ ...to, behavior });
    this.mount();
  }
}

const called = (group) => named(group.dataset.name, indices(group));

export function indices(group) {
  const index = group.dataset.index;
  return index === undefined ? [] : index.split(",").map((n) => (n === "..." ? n : Number(n)));
}

export function nestedData({ shape, data }) {
  const build = (dims, from) => {
    if (!dims.length) return data[from]; // JSON says null for what is not finite, as the figures do
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
