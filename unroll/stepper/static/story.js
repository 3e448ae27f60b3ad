// The story of a run: its events in order, with indices filled in. No DOM.

const INDEX = /^(?:([\p{L}_][\p{L}\p{N}_]*)\(([\p{L}_][\p{L}\p{N}_]*)\)|([\p{L}_][\p{L}\p{N}_]*)?\s*([+-]?\s*\d+)?)$/u;

export const named = (name, at) => (at.length ? `${name}[${at.join(",")}]` : name);

export class Story {
  constructor({ kinds, events }, places, time) {
    this.equations = places.program.equations;
    this.kinds = kinds;
    this.events = events;
    this.places = places;
    this.time = time; // the letters that count steps
    this.count = events.length;
    this.cache = new Map();
    this.groups = this.grouped();
  }

  letters(n) {
    const [k, ...numbers] = this.events[n - 1];
    return Object.fromEntries(this.kinds[k].letters.map((letter, i) => [letter, numbers[i]]));
  }

  kind(n) {
    return this.kinds[this.events[n - 1][0]];
  }

  // The number that an index stands for: "t-1", "3", "tau", "left(n)".
  number(text, here) {
    if (typeof text === "number") return text;
    const match = INDEX.exec(text);
    if (!match) return text;
    const [, via, node, base, offset] = match;
    if (via) return this.places.at([node, 0, via], here);
    const by = offset ? Number(offset.replaceAll(" ", "")) : 0;
    return this.places.at([base ?? "", by, ""], here);
  }

  // Event n, counted from 1; null before the first.
  event(n) {
    if (n < 1 || n > this.count) return null;
    if (!this.cache.has(n)) this.cache.set(n, this.instance(n));
    return this.cache.get(n);
  }

  instance(n) {
    const kind = this.kind(n), here = this.letters(n);
    const point = (at, letters = here) => at.map((index) => this.places.at(index, letters));
    const place = ([name, at], letters) => named(name, point(at, letters));
    const points = ([name, at, over = []], letters) =>
      this.inner(over, letters).map((inner) => named(name, point(at, inner)));
    const words = (text) =>
      text.replace(/\{([^{}]*)\}/g, (_, index) => String(this.number(index, here)));
    return {
      number: n,
      phase: kind.phase,
      does: kind.does,
      equation: kind.equation,
      path: kind.path,
      letters: here,
      name: kind.name,
      at: point(kind.at),
      node: place([kind.name, kind.at]),
      made: this.made(kind.equation, here),
      step: this.step(n),
      nodes: kind.nodes.flatMap((node) => points(node, here)),
      edges: kind.edges.flatMap((edge) =>
        this.inner(edge.over, here).flatMap((letters) =>
          points(edge.source, letters).flatMap((source) =>
            points(edge.target, letters).map((target) => ({ source, target, flow: edge.flow })),
          ),
        ),
      ),
      reads: kind.reads.map((read) => (read.path ? read : { name: read.name, at: point(read.at) })),
      text: kind.text,
      sentence: Object.fromEntries(Object.entries(kind.sentence).map(([l, s]) => [l, words(s)])),
    };
  }

  // The numbers of all letters, where some run inside a sum.
  inner(over, here) {
    if (!over.length) return [here];
    const [[letter, range], ...rest] = over;
    const steps = this.places.steps(letter, fill(range, this.places.program.axes[letter]))(this.places.here(here));
    return steps.flatMap((step) => this.inner(rest, { ...here, [letter]: step }));
  }

  // What an equation computes where its letters have these numbers: "grad_h[2]".
  made(k, here) {
    const { name, target } = this.equations[k];
    return named(name, target.map((index) => this.places.at(index, here)));
  }

  // The step of time that an event belongs to; null for what belongs to none.
  step(n) {
    const here = this.letters(n);
    const letter = this.time.find((one) => one in here) ?? Object.keys(here)[0];
    if (letter !== undefined) return here[letter];
    const kind = this.kind(n);
    return kind.at.length ? this.places.at(kind.at.at(-1), here) : null;
  }

  pass(n) {
    return ["backward", "accumulate"].includes(this.kind(n).phase) ? "backward" : "forward";
  }

  // The first events of each time step, pass by pass.
  grouped() {
    const starts = [];
    let last = null;
    for (let n = 1; n <= this.count; n++) {
      const key = `${this.pass(n)} ${this.step(n)}`;
      if (key !== last) starts.push(n);
      last = key;
    }
    return starts;
  }

  nextStep(n) {
    return this.groups.find((start) => start > n) ?? this.count;
  }

  previousStep(n) {
    const own = this.groups.findLastIndex((start) => start <= n);
    return own > 0 ? this.groups[own - 1] : 0;
  }

  firstOf(pass) {
    for (let n = 1; n <= this.count; n++) if (this.pass(n) === pass) return n;
    return 0;
  }

  // For each node and edge the events that touch it; for all that is computed its last event.
  get index() {
    if (!this.indexed) {
      const nodes = new Map(), edges = new Map(), made = new Map();
      const push = (map, key, n) => (map.has(key) ? map.get(key).push(n) : map.set(key, [n]));
      for (let n = 1; n <= this.count; n++) {
        const event = this.instance(n);
        for (const node of new Set(event.nodes)) push(nodes, node, n);
        for (const { source, target, flow } of event.edges) push(edges, `${flow} ${source} ${target}`, n);
        made.set(event.made, n);
      }
      this.indexed = { nodes, edges, made };
    }
    return this.indexed;
  }

  // pending before the first event that touches a thing, active during one, done after.
  state(touching, n, untouched = "done") {
    if (!touching) return n > 0 ? untouched : "pending";
    if (touching.includes(n)) return "active";
    return touching[0] > n ? "pending" : "done";
  }
}

// A range whose ends are all said: from the first step to the last where nothing else is.
function fill([start, stop, parent], length) {
  return [start ?? ["", 1, ""], stop ?? (/^\d+$/.test(length) ? ["", Number(length), ""] : [length, 0, ""]), parent];
}
