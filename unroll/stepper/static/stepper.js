// The stepper: a picture, the equation of the moment, and every number behind it. See DESIGN 8.

import { Diagram, indices, make, nestedData } from "./diagram.js";
import { norm, spectralRadius } from "./numbers.js";
import { bars, element, entries, heatMap, mathematics, matrix, put, withNumbers } from "./panels.js";
import { compile } from "./program.js";
import { named, Story } from "./story.js";
import { other, words } from "./words.js";

const MAP_STEPS = 64; // losses whose way back is worked out one by one
const PRINTED = 5000; // events on paper
const ENTRIES = 1500; // entries that all stand in the page; of more, only those of the current step
const SPEEDS = [0.5, 1, 2, 4, 8];

class Stepper {
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.state = model.get("state");
    this.compiled = compile(this.state.program);
    this.story = new Story(this.state.story, this.compiled.places, this.state.time);
    this.original = structuredClone(this.state.arrays);
    this.arrays = structuredClone(this.state.arrays);
    this.edits = new Map();
    this.event = 0;
    this.pins = [];
    this.followed = null;
    this.playing = null;
    this.speed = 1;
    this.language = this.state.language;
    this.theme = this.state.theme;
    this.version = 0;
    this.read(model.hash());
    this.build();
    this.goto(this.event);
  }

  // --- numbers --------------------------------------------------------------------------------

  compute() {
    this.values = this.compiled.run(this.arrays);
    this.version += 1;
    this.parts = new Map();
    this.map = null;
    this.sums = Object.fromEntries(
      Object.keys(this.state.parameters).map((name) => [name, { next: 0, data: null }]),
    );
    let value = 0, gradient = 0, wrong = false;
    const gradients = new Set(Object.values(this.state.gradients));
    for (const [name, { data }] of Object.entries(this.values.held)) {
      let most = 0;
      for (const x of data) {
        if (!Number.isFinite(x)) wrong = true;
        else if (x > most) most = x;
        else if (-x > most) most = -x;
      }
      if (gradients.has(name)) {
        if (!this.state.seeds.includes(name)) gradient = Math.max(gradient, most);
      } else if (name in this.state.program.names && this.state.shown.includes(name)) value = Math.max(value, most);
    }
    this.largest = { value, gradient };
    this.wrong = wrong ? this.firstWrong() : 0;
  }

  // The first event whose number is not finite; 0 for none.
  firstWrong() {
    for (let n = 1; n <= this.story.count; n++) {
      if (!this.part(this.story.event(n)).data.every(Number.isFinite)) return n;
    }
    return 0;
  }

  // The value of a part of an equation at an event.
  part(event, path = event.path) {
    const key = `${event.number} ${path}`;
    if (!this.parts.has(key)) {
      const found = path.length
        ? this.compiled.part(this.values, event.equation, event.letters, path)
        : this.made(event);
      this.parts.set(key, { shape: found.shape, data: found.data.slice() });
    }
    return this.parts.get(key);
  }

  made(event) {
    const { name, target } = this.state.program.equations[event.equation];
    return this.values.at(name, target.map((i) => this.compiled.places.at(i, event.letters)));
  }

  // What a node holds at the current event; null before it is computed.
  known(name, at) {
    if (!(name in this.values.held)) return null;
    const last = this.story.index.made.get(named(name, at));
    const given = !this.state.computed.includes(name);
    if (last === undefined ? !given : last > this.event) return null;
    if (this.values.offset(name, at) < 0) return null;
    return this.values.at(name, at);
  }

  gradient(name, at) {
    const gradient = this.state.gradients[name];
    return gradient ? this.known(gradient, at) : null;
  }

  // A parameter's gradient as far as it is added up.
  sum(name) {
    const { gradient } = this.state.parameters[name];
    const { shape, rows, data } = this.values.held[gradient];
    const sum = this.sums[name];
    const events = this.accumulations(name);
    if (!sum.data || (sum.next > 0 && events[sum.next - 1] > this.event)) {
      Object.assign(sum, { data: new Float64Array(data.length), next: 0 });
    }
    while (sum.next < events.length && events[sum.next] <= this.event) {
      const event = this.story.event(events[sum.next]), part = this.part(event);
      const { target } = this.state.program.equations[event.equation];
      const at = target.map((i) => this.compiled.places.at(i, event.letters));
      const start = this.values.offset(gradient, at), size = this.values.held[gradient].size;
      for (let i = 0; i < size; i++) sum.data[start + i] += part.data[part.data.length > 1 ? i : 0];
      sum.next++;
    }
    const counts = rows.map(([first, last]) => last - first + 1);
    const from = rows.length ? 1 - rows[0][0] : 0; // rows before the first step are not shown
    if (!rows.length) return { shape, data: sum.data };
    const width = sum.data.length / counts[0];
    return { shape: [counts[0] - from, ...counts.slice(1), ...shape], data: sum.data.slice(from * width) };
  }

  accumulations(name) {
    this.added ??= {};
    if (!this.added[name]) {
      const { gradient } = this.state.parameters[name];
      this.added[name] = [];
      for (let n = 1; n <= this.story.count; n++) {
        const kind = this.story.kind(n);
        if (kind.phase !== "accumulate") continue;
        if (this.state.program.equations[kind.equation].name === gradient) this.added[name].push(n);
      }
    }
    return this.added[name];
  }

  // Norms of what each step adds to a parameter's gradient.
  steps(name) {
    const found = new Array(this.state.steps).fill(0);
    for (const n of this.accumulations(name)) {
      const event = this.story.event(n);
      if (event.step >= 1 && event.step <= found.length) found[event.step - 1] += norm(this.part(event).data);
    }
    return found;
  }

  // Norms of the gradient of each step's loss by each step's state.
  influence() {
    const { influence, steps } = this.state;
    if (!influence || steps > MAP_STEPS) return null;
    if (!this.map) {
      this.weighted ??= compile(influence.program);
      this.map = Array.from({ length: steps }, (_, k) => {
        const weights = Array.from({ length: steps }, (_, t) => (t === k ? 1 : 0));
        const values = this.weighted.run({ ...this.arrays, [influence.weights]: weights });
        return Array.from({ length: steps }, (_, t) => norm(values.at(influence.gradient, [t + 1]).data));
      });
    }
    return this.map;
  }

  // --- where we are ----------------------------------------------------------------------------

  goto(n, smooth = false) {
    this.event = Math.max(0, Math.min(this.story.count, Math.round(n) || 0));
    const event = this.story.event(this.event);
    this.root.dataset.event = String(this.event);
    this.root.dataset.events = String(this.story.count);
    this.root.dataset.phase = event?.phase ?? "forward";
    this.scrubber.value = String(this.event);
    this.number.value = String(this.event);
    this.scrubber.setAttribute("aria-valuetext", event ? event.sentence[this.language] : this.say("before"));
    this.showPicture(event, smooth);
    this.showEvent(event);
    this.showNotice();
    this.showSums(event);
    this.showPins();
    this.showEntries();
    this.showTimeline();
    this.later();
    this.live.textContent = event ? event.sentence[this.language] : this.say("before");
    this.model.moved?.(this.event);
    this.write();
  }

  // What takes long and can wait for the picture: how losses reach back, and what each step adds.
  later() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.showBars();
      this.showMap();
    }, 60);
  }

  next(by) {
    if (!this.followed) return this.goto(this.event + by);
    const touching = this.story.index.nodes.get(this.followed) ?? [];
    const found = by > 0 ? touching.find((n) => n > this.event) : touching.findLast((n) => n < this.event);
    return this.goto(found ?? (by > 0 ? this.event : 0));
  }

  play(on = !this.playing) {
    clearTimeout(this.playing);
    this.playing = null;
    if (on && this.event >= this.story.count) this.goto(0);
    const tick = () => {
      this.next(1);
      const ended = this.event >= this.story.count;
      this.playing = ended ? null : setTimeout(tick, 900 / this.speed);
      if (ended) this.playLabel();
    };
    if (on) this.playing = setTimeout(tick, 300 / this.speed);
    this.playLabel();
  }

  playLabel() {
    const text = this.say(this.playing ? "pause" : "play");
    this.playButton.replaceChildren(icon(this.playing ? "pause" : "play"));
    this.playButton.setAttribute("aria-label", text);
    this.playButton.title = text;
  }

  // --- the hash -----------------------------------------------------------------------------------

  // Browsers take no more than some hundred changes of the address in half a minute.
  write() {
    clearTimeout(this.unwritten);
    const wait = (this.written ?? -Infinity) + 250 - performance.now();
    if (wait > 0) this.unwritten = setTimeout(() => this.write(), wait);
    else {
      this.written = performance.now();
      this.model.write(this.place());
    }
  }

  place() {
    const said = new URLSearchParams();
    said.set("event", this.event);
    if (this.language !== this.state.language) said.set("lang", this.language);
    if (this.theme !== this.state.theme) said.set("theme", this.theme);
    if (this.pins.length) said.set("pin", this.pins.join(";"));
    if (this.followed) said.set("follow", this.followed);
    if (this.edits.size) said.set("set", [...this.edits].map(([key, x]) => `${key}=${x}`).join(";"));
    return "#" + said.toString();
  }

  read(hash) {
    const said = new URLSearchParams(hash.replace(/^#/, ""));
    this.event = Number(said.get("event")) || 0;
    if (["en", "zh"].includes(said.get("lang"))) this.language = said.get("lang");
    if (["light", "dark", "auto"].includes(said.get("theme"))) this.theme = said.get("theme");
    const nodes = this.story.index.nodes;
    this.pins = (said.get("pin") ?? "").split(";").filter((pin) => nodes.has(pin));
    this.followed = nodes.has(said.get("follow")) ? said.get("follow") : null;
    const edits = (said.get("set") ?? "").split(";").filter(Boolean);
    this.arrays = structuredClone(this.original);
    this.edits.clear();
    for (const edit of edits) {
      const match = /^(.*)@([\d,]*)=(.*)$/.exec(edit);
      if (match && Number.isFinite(Number(match[3]))) this.put(match[1], match[2], Number(match[3]));
    }
    this.compute();
  }

  // Changes an entry; name as in the equations, at as in `data-at`. False where there is none.
  put(name, at, x) {
    const found = this.entry(name, at);
    if (!found) return false;
    const [holder, key, original] = found;
    holder[key] = x;
    if (x === original) this.edits.delete(`${name}@${at}`);
    else this.edits.set(`${name}@${at}`, x);
    return true;
  }

  // The list and the place in it that an entry has, and what stood there at first.
  entry(name, at) {
    let key = name, steps = [];
    if (!(key in this.arrays)) {
      const match = /^(.*)\[([\d,]+)\]$/.exec(name);
      if (!match || !(match[1] in this.arrays)) return null;
      key = match[1];
      steps = match[2].split(",").map((n) => Number(n) - 1);
    }
    const places = [...steps, ...(at === "" ? [] : String(at).split(",").map(Number))];
    let holder = this.arrays, original = this.original, last = key;
    for (const place of places) {
      holder = holder[last];
      original = original[last];
      last = place;
      if (!Array.isArray(holder) || !(place in holder)) return null;
    }
    return typeof holder[last] === "number" ? [holder, last, original[last]] : null;
  }

  // Arrays from outside, in the shapes of ours. False where all entries are as they were.
  take(given) {
    const before = JSON.stringify(this.arrays);
    if (JSON.stringify(given) === before) return false;
    for (const [name, array] of Object.entries(given)) {
      if (!(name in this.arrays)) continue;
      const each = (value, at) => {
        if (Array.isArray(value)) value.forEach((x, i) => each(x, [...at, i]));
        else this.putFlat(name, at, value);
      };
      each(array, []);
    }
    return JSON.stringify(this.arrays) !== before;
  }

  // Changes an entry of an array as `run` takes it, of whose places those of its steps come first.
  putFlat(name, at, x) {
    const lead = this.state.given[name]?.axes?.length ?? 0;
    const steps = at.slice(0, lead).map((i) => i + 1).join(",");
    this.put(lead ? `${name}[${steps}]` : name, at.slice(lead).join(","), x);
  }

  change(name, at, x) {
    if (!this.put(name, at.join(","), x)) return;
    this.changed();
  }

  changed() {
    this.compute();
    this.goto(this.event);
    this.model.edited?.(this.arrays);
  }

  reset() {
    this.arrays = structuredClone(this.original);
    this.edits.clear();
    this.changed();
  }

  // --- the page ------------------------------------------------------------------------------------

  say(key) {
    return words(this.language)(key);
  }

  build() {
    this.root.replaceChildren();
    this.root.classList.add("unroll");
    this.root.dataset.theme = this.theme;
    this.root.lang = this.language === "zh" ? "zh-Hans" : "en";
    const button = (key, act) =>
      element("button", { type: "button", "aria-label": this.say(key), title: this.say(key), onclick: act }, icon(key));
    this.playButton = button("play", () => this.play());
    this.scrubber = element("input", {
      type: "range", min: "0", max: String(this.story.count), step: "1", "aria-label": this.say("event"),
      oninput: () => this.goto(Number(this.scrubber.value)),
    });
    this.number = element("input", {
      type: "number", min: "0", max: String(this.story.count), "aria-label": this.say("event"),
      onchange: () => this.goto(Number(this.number.value)),
      onkeydown: (event) => event.stopPropagation(),
    });
    const speed = element("select", { "aria-label": this.say("speed"), title: this.say("speed"), onchange: () => (this.speed = Number(speed.value)) });
    for (const each of SPEEDS) speed.append(element("option", { value: String(each) }, `${each}×`));
    speed.value = String(this.speed);
    this.timeline = element("div", { class: "passes", "aria-hidden": "true" });
    this.buildTimeline();
    const controls = element(
      "div", { class: "controls", role: "group", "aria-label": this.say("controls") },
      element("span", { class: "buttons" },
        button("first", () => this.goto(0)),
        button("previousStep", () => this.goto(this.story.previousStep(this.event))),
        button("previous", () => this.next(-1)),
        this.playButton,
        button("next", () => this.next(1)),
        button("nextStep", () => this.goto(this.story.nextStep(this.event))),
        button("last", () => this.goto(this.story.count))),
      element("div", { class: "timeline" }, this.scrubber, this.timeline),
      element("span", { class: "count" }, this.number, ` ${this.say("of")} ${this.story.count}`),
      speed,
    );
    const header = element(
      "header", {},
      element("h1", {}, this.state.title),
      element("span", { class: "tools" },
        button("theme", () => this.setTheme()),
        element("button", { type: "button", class: "language", onclick: () => this.setLanguage() }, this.say("language"))),
    );
    this.picture = element("div", { class: "diagram", role: "group", "aria-label": this.say("diagram") });
    const zoom = element(
      "div", { class: "zoom" },
      button("smaller", () => this.diagram.zoom(1 / 1.25)),
      button("fit", () => this.diagram.zoom(0)),
      button("larger", () => this.diagram.zoom(1.25)),
    );
    this.equation = element("section", { class: "equation", "aria-label": this.say("equation") });
    this.pinned = element("section", { class: "pins", "aria-label": this.say("pinned") });
    this.totals = element("section", { class: "sums", "aria-label": this.say("sums") });
    this.influenceMap = element("section", { class: "influence", "aria-label": this.say("heat") });
    this.numbers = element("section", { class: "arrays", "aria-label": this.say("arrays") });
    this.notice = element("p", { class: "notice", role: "alert" });
    this.live = element("p", { class: "live", "aria-live": "polite", role: "status" });
    const keys = element("details", { class: "keys" }, element("summary", {}, this.say("keys")), this.say("keysText"));
    this.printed = element("ol", { class: "printed" });
    this.root.append(
      header, controls, this.notice,
      element("div", { class: "stage" },
        element("div", { class: "frame" }, this.picture, zoom),
        element("div", { class: "inspector" }, this.equation, this.pinned)),
      element("div", { class: "panels" }, this.totals, this.influenceMap), this.numbers,
      keys, this.live, this.printed,
    );
    this.rows = null;
    this.mapShown = undefined;
    this.diagram = new Diagram(
      this.picture, this.state.diagram, (group) => this.pick(group), (group) => this.peek(group),
    );
    this.buildArrays();
    this.playLabel();
  }

  // The passes, and in them the time steps where there are not too many.
  buildTimeline() {
    const { groups, count } = this.story;
    const few = groups.length <= 60;
    const starts = few ? groups : groups.filter((n, i) => !i || this.story.pass(n) !== this.story.pass(groups[i - 1]));
    this.segments = starts.map((from, i) => {
      const to = (starts[i + 1] ?? count + 1) - 1, pass = this.story.pass(from), step = this.story.step(from);
      const text = few ? step ?? "" : this.say(pass);
      const part = element("span", { class: pass, title: `${this.say(pass)}${few && step !== null ? ` · ${this.state.time[0]} = ${step}` : ""}`, onclick: () => this.goto(from) });
      part.style.flexGrow = String(to - from + 1);
      if (to - from + 1 > 0.018 * count) part.append(String(text)); // where there is room for it
      return { from, to, part };
    });
    this.timeline.replaceChildren(...this.segments.map(({ part }) => part));
  }

  showTimeline() {
    for (const { from, to, part } of this.segments) part.classList.toggle("now", from <= this.event && this.event <= to);
  }

  showNotice() {
    const n = this.wrong;
    const key = `${n} ${this.language}`;
    if (this.noticed === key && this.notice.childNodes.length === (n ? 2 : 0)) return;
    this.noticed = key;
    this.notice.replaceChildren();
    if (!n) return;
    const { made } = this.story.event(n);
    this.notice.append(
      `${this.say("notFinite")} `,
      element("button", { type: "button", onclick: () => this.goto(n) }, `${made} (${n})`),
    );
  }

  dark() {
    if (this.theme !== "auto") return this.theme === "dark";
    return globalThis.matchMedia?.("(prefers-color-scheme: dark)").matches ?? false;
  }

  look(which) {
    return { table: this.state.palettes[this.dark() ? "dark" : "light"], largest: this.largest[which] };
  }

  // The scale of a value of its own, for what stands alone.
  own(found) {
    const largest = found.data.reduce((a, b) => (Number.isFinite(b) ? Math.max(a, Math.abs(b)) : a), 0);
    return { ...this.look("value"), largest };
  }

  setTheme(theme = this.dark() ? "light" : "dark") {
    this.theme = theme;
    this.root.dataset.theme = this.theme;
    this.rows = null;
    this.goto(this.event);
  }

  setLanguage() {
    this.language = other(this.language);
    this.build();
    this.goto(this.event);
  }

  showPicture(event, smooth) {
    const { nodes, edges } = this.story.index, table = this.look("value").table;
    this.diagram.update({
      state: (group) => {
        group.called ??= group.dataset.kind === "edge"
          ? `${group.dataset.flow} ${group.dataset.source} ${group.dataset.target}`
          : named(group.dataset.name, indices(group));
        if (group.dataset.kind === "edge") {
          const never = group.dataset.flow === "backward" ? "pending" : "done"; // no gradient comes along it
          return this.story.state(edges.get(group.called), this.event, never);
        }
        return this.story.state(nodes.get(group.called), this.event);
      },
      value: (name, at) => this.known(name, at),
      gradient: (name, at) => this.gradient(name, at),
      table,
      theme: this.dark(),
      largest: this.largest,
      version: this.version,
    });
    if (event) this.diagram.show(event.nodes, smooth);
    this.diagram.enter(event?.nodes[0]);
  }

  showEvent(event) {
    this.equation.replaceChildren();
    if (!event) {
      this.equation.append(element("p", { class: "sentence" }, this.say("before")), element("pre", {}, this.state.text));
      return;
    }
    this.equation.append(
      element("p", { class: `phase ${event.phase}` }, this.say(event.phase), event.step === null ? "" : ` · ${this.state.time[0]} = ${event.step}`),
      element("p", { class: "sentence" }, event.sentence[this.language]),
      ...this.told(event),
    );
  }

  // The equation of an event, the equation with numbers in it, and what comes out.
  told(event) {
    const kind = this.story.kind(event.number);
    const reads = event.reads.map((read) => (read.path ? this.part(event, read.path) : this.values.at(read.name, read.at)));
    const result = this.part(event);
    return [
      element("div", { class: "row" }, mathematics(kind.math, this.story, event.letters)),
      element("div", { class: "row numbers" }, "= ", withNumbers(kind.numbers, this.story, event.letters, reads, this.own(joined(reads)))),
      element("div", { class: "row result" }, "= ", matrix(result, this.own(result), { "aria-label": this.say("result") })),
    ];
  }

  // What a node or an edge says when it is looked at.
  peek(group) {
    if (!group) return this.showEvent(this.story.event(this.event));
    const event = this.about(group);
    if (event) this.showEvent(event);
    return undefined;
  }

  // The event that tells most about a part of the picture: where its value is made.
  about(group) {
    const { kind, source, target, flow } = group.dataset;
    if (kind === "edge") {
      const touching = this.story.index.edges.get(`${flow} ${source} ${target}`) ?? [];
      return this.story.event(touching[0] ?? 0);
    }
    return this.maker(named(group.dataset.name, indices(group)));
  }

  maker(node) {
    const { made, nodes } = this.story.index;
    return this.story.event(made.get(node) ?? nodes.get(node)?.[0] ?? 0);
  }

  pick(group) {
    const { kind, source, target } = group.dataset;
    const node = kind === "edge" ? (this.story.index.nodes.has(target) ? target : source) : named(group.dataset.name, indices(group));
    this.pin(node);
  }

  pin(node) {
    if (!this.story.index.nodes.has(node)) return;
    this.pins = this.pins.includes(node) ? this.pins.filter((p) => p !== node) : [...this.pins, node];
    if (!this.pins.includes(node) && this.followed === node) this.followed = null;
    this.goto(this.event);
  }

  // A name at a point as mathematics: h^(2).
  symbol(name, at) {
    const label = this.state.labels[name];
    if (!label || label.letters.length !== at.length) return named(name, at);
    return mathematics(label.math, this.story, Object.fromEntries(label.letters.map((l, i) => [l, at[i]])));
  }

  // Nodes that stay in sight, side by side.
  showPins() {
    this.pinned.replaceChildren();
    if (this.pins.length) this.pinned.append(element("h2", {}, this.say("pinned")));
    for (const node of this.pins) {
      const [, name, inside] = /^([^[]*)(?:\[(.*)\])?$/.exec(node);
      const at = inside ? inside.split(",").map(Number) : [];
      const card = element("article", { "data-pin": node },
        element("div", { class: "pin" }, element("h3", { "aria-label": node }, this.symbol(name, at)),
          element("button", {
            type: "button", "aria-pressed": String(this.followed === node), title: this.say("following"),
            onclick: () => { this.followed = this.followed === node ? null : node; this.goto(this.event); },
          }, this.say("follow")),
          element("button", { type: "button", onclick: () => this.pin(node) }, this.say("unpin"))));
      const event = this.maker(node);
      if (event) card.append(...this.told(event).slice(0, 1));
      for (const which of ["value", "gradient"]) {
        const found = which === "value" ? this.known(name, at) : this.gradient(name, at);
        const has = which === "value" || name in this.state.gradients;
        if (!has) continue;
        card.append(element("div", { class: `row ${which}` }, element("span", { class: "which" }, this.say(which)),
          ...(found ? [matrix(found, this.look(which)), element("span", { class: "norm" }, `‖·‖ = ${norm(found.data).toPrecision(3)}`)] : [this.say("notYet")])));
      }
      this.pinned.append(card);
    }
  }

  // A row for each parameter; of rows already there only what has changed.
  showSums(event) {
    const names = Object.keys(this.state.parameters);
    if (!names.length) return;
    if (!this.rows) {
      const made = names.map((name) => {
        const value = element("div"), steps = element("div", { class: "steps" });
        const { label } = this.state.parameters[name];
        const holder = element("div", { class: "sum", "data-accumulator": name },
          element("span", { class: "name" }, mathematics(label, this.story, {})), value, steps);
        return [name, { holder, value, steps, said: null }];
      });
      this.rows = new Map(made);
      this.totals.replaceChildren(
        element("h2", {}, this.say("sums")), element("div", { class: "rows" }, ...made.map(([, row]) => row.holder)));
    }
    const adding = this.adding(event);
    for (const [name, row] of this.rows) {
      row.holder.toggleAttribute("data-active", name === adding);
      for (const bar of row.steps.querySelectorAll(".bars > i")) bar.classList.toggle("current", name === adding && bar.dataset.step === String(event.step));
      const found = this.sum(name), said = `${this.version} ${this.sums[name].next}`;
      if (row.said === said) continue;
      row.said = said;
      row.holder.dataset.value = JSON.stringify(nestedData(found));
      row.value.replaceChildren(matrix(found, this.look("gradient")));
    }
  }

  // The parameter to whose gradient an event adds something.
  adding(event) {
    if (event?.phase !== "accumulate") return null;
    const { name } = this.state.program.equations[event.equation];
    return Object.keys(this.state.parameters).find((one) => this.state.parameters[one].gradient === name) ?? null;
  }

  showBars() {
    if (!this.rows || this.state.steps > 400) return;
    const event = this.story.event(this.event);
    for (const [name, row] of this.rows) {
      if (row.bars === this.version) continue;
      row.bars = this.version;
      const current = this.adding(event) === name ? event.step : 0;
      row.steps.replaceChildren(bars(this.steps(name), current, this.say("each")));
    }
  }

  showMap() {
    const rows = this.influence();
    if (this.mapShown === rows && this.mapDark === this.dark()) return;
    Object.assign(this, { mapShown: rows, mapDark: this.dark() });
    this.influenceMap.replaceChildren();
    if (!rows) return;
    this.influenceMap.append(
      element("h2", {}, this.say("heat")), element("p", {}, `‖∂${this.state.influence.of}⁽ᵏ⁾ / ∂${this.state.influence.by}⁽ᵗ⁾‖ · ${this.say("heatAxes")}`),
      heatMap(rows, this.dark(), this.say("heat")),
    );
  }

  // --- entries that can be changed ------------------------------------------------------------------

  buildArrays() {
    const total = Object.values(this.arrays).flat(Infinity).length;
    this.sparse = total > ENTRIES;
    this.numbers.replaceChildren(
      element("div", { class: "head" },
        element("h2", {}, this.say("arrays")),
        element("div", { class: "tools" },
          element("button", { type: "button", class: "reset", onclick: () => this.reset() }, this.say("reset")),
          element("button", { type: "button", class: "copy", onclick: (event) => this.copy(event.currentTarget) }, this.say("copy")))),
    );
    this.slots = new Map();
    const groups = { parameters: [], inputs: [], initial: [] };
    for (const [name, { dims, axes }] of Object.entries(this.state.given)) {
      const label = this.state.labels[name];
      const title = label && !label.letters.length ? mathematics(label.math, this.story, {}) : name;
      const holder = element("div", { class: axes ? "array long" : "array" }, element("h3", {}, title));
      if (!axes) {
        holder.append(entries(name, dims, (at) => this.readEntry(name, at), (at, x) => this.change(name, at, x)));
        if (dims.length === 2 && dims[0] === dims[1]) holder.append(this.radius(name));
      } else {
        this.slots.set(name, element("div", { class: "steps" }));
        holder.append(this.slots.get(name));
      }
      groups[name.includes("[") ? "initial" : axes ? "inputs" : "parameters"].push(holder);
    }
    for (const [key, holders] of Object.entries(groups)) {
      if (holders.length) this.numbers.append(element("div", { class: `group ${key}`, role: "group", "aria-label": this.say(key) }, ...holders));
    }
    this.slotted = null;
  }

  readEntry(name, at) {
    const found = this.entry(name, at.join(","));
    return found ? found[0][found[1]] : 0;
  }

  // Arrays with steps: all of them, or of many those around the current step.
  showEntries() {
    const event = this.story.event(this.event);
    const now = Math.max(event?.step ?? 1, 1);
    const key = this.sparse ? String(now) : "all";
    const said = `${key} ${this.version}`;
    if (this.slotted === key && this.saidEntries === said) return;
    this.saidEntries = said;
    if (this.slotted !== key) {
      this.slotted = key;
      for (const [name, slot] of this.slots) {
        slot.replaceChildren();
        const { dims, axes } = this.state.given[name];
        for (const at of points(axes)) {
          if (this.sparse && !at.every((n, i) => i > 0 || Math.abs(n - now) <= 1)) continue;
          const full = `${name}[${at.join(",")}]`;
          slot.append(element("label", {}, element("span", {}, this.symbol(name, at)),
            entries(full, dims, (place) => this.readEntry(full, place), (place, x) => this.change(full, place, x))));
        }
      }
    }
    for (const input of this.numbers.querySelectorAll("input[data-name]")) {
      const found = this.entry(input.dataset.name, input.dataset.at);
      if (found && input.dataset.value !== String(found[0][found[1]])) put(input, found[0][found[1]]);
      input.classList.toggle("edited", this.edits.has(`${input.dataset.name}@${input.dataset.at}`));
    }
    for (const slider of this.numbers.querySelectorAll("input[data-radius]")) {
      const rho = this.rho(this.arrays[slider.dataset.radius]);
      if (document.activeElement !== slider) slider.value = String(rho);
      slider.nextElementSibling.textContent = rho.toFixed(3);
    }
  }

  rho(rows) {
    return spectralRadius(rows.flat(), rows.length);
  }

  // Scales a matrix to a spectral radius; where it has none (0) there is nothing to scale.
  radius(name) {
    const slider = element("input", {
      type: "range", min: "0.05", max: "2", step: "0.01", "data-radius": name, "aria-label": `${this.say("radius")} ${name}`,
      oninput: () => {
        const own = this.rho(this.original[name]);
        if (!(own > 0)) return;
        const by = Number(slider.value) / own;
        this.original[name].forEach((row, i) => row.forEach((x, j) => this.put(name, `${i},${j}`, x * by)));
        this.changed();
      },
      onkeydown: (event) => event.stopPropagation(),
    });
    return element("label", { class: "radius" }, `${this.say("radius")} `, slider, element("output", {}, ""));
  }

  // The call that gives the same numbers in Python.
  python() {
    const said = Object.entries(this.arrays).map(([name, array]) => `    ${JSON.stringify(name)}: ${JSON.stringify(array)},`);
    return `import unroll\n\nrecurrence = ${this.state.python}\ntrace = recurrence.run({\n${said.join("\n")}\n}${this.state.options})\n`;
  }

  async copy(button) {
    const text = this.python();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = element("textarea", {});
      area.value = text;
      this.root.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.dataset.python = text;
    button.textContent = this.say("copied");
    setTimeout(() => (button.textContent = this.say("copy")), 1500);
  }

  // Every event, for paper.
  print() {
    const key = `${this.version} ${this.language} ${this.dark()}`;
    if (this.onPaper === key && this.printed.childNodes.length) return;
    this.onPaper = key;
    const last = Math.min(this.story.count, PRINTED), lines = [];
    for (let n = 1; n <= last; n++) {
      const event = this.story.event(n);
      lines.push(element("li", {}, element("p", {}, event.sentence[this.language]), ...this.told(event)));
    }
    if (last < this.story.count) lines.push(element("li", {}, `… (${last} ${this.say("of")} ${this.story.count})`));
    this.printed.replaceChildren(...lines);
  }

  key(event) {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    const at = event.target;
    if (at instanceof HTMLElement && (at.matches("input:not([type=range]), select, textarea") || at.isContentEditable)) return;
    const shift = event.shiftKey;
    const acts = {
      ArrowRight: () => (shift ? this.goto(this.story.nextStep(this.event)) : this.next(1)),
      ArrowLeft: () => (shift ? this.goto(this.story.previousStep(this.event)) : this.next(-1)),
      Home: () => this.goto(0),
      End: () => this.goto(this.story.count),
      " ": () => this.play(),
      f: () => this.goto(this.story.firstOf("forward")),
      b: () => this.goto(this.story.firstOf("backward") || this.event),
      p: () => this.story.event(this.event) && this.pin(this.story.event(this.event).node),
      Escape: () => { this.pins = []; this.followed = null; this.goto(this.event); },
    };
    if (event.key === " " && at instanceof HTMLButtonElement) return;
    if (!(event.key in acts)) return;
    event.preventDefault();
    event.stopPropagation();
    acts[event.key]();
  }
}

// Shapes of 16 x 16, so that no font has to have them.
const ICONS = {
  first: "M3 2h2v12H3zM14 2v12L5.5 8z",
  previousStep: "M8 2v12L1 8zM15 2v12L8 8z",
  previous: "M12 2v12L4 8z",
  play: "M4 2v12l9-6z",
  pause: "M3.5 2h3v12h-3zM9.5 2h3v12h-3z",
  next: "M4 2v12l8-6z",
  nextStep: "M1 2v12l7-6zM8 2v12l7-6z",
  last: "M11 2h2v12h-2zM2 2v12l8.5-6z",
  smaller: "M3 7h10v2H3z",
  larger: "M7 3h2v4h4v2H9v4H7V9H3V7h4z",
  fit: "M2 2h5v2H4v3H2zM9 2h5v5h-2V4H9zM2 9h2v3h3v2H2zM12 9h2v5H9v-2h3z",
  theme: "M8 1a7 7 0 1 0 0 14zM8 1a7 7 0 0 1 0 14v-1a6 6 0 0 0 0-12z",
};

function icon(key) {
  const drawn = make("svg", { viewBox: "0 0 16 16", width: "16", height: "16", "aria-hidden": "true" });
  drawn.append(make("path", { d: ICONS[key], fill: "currentColor" }));
  return drawn;
}

function joined(values) {
  return { data: Float64Array.from(values.flatMap((v) => Array.from(v.data))) };
}

function points(axes) {
  if (!axes.length) return [[]];
  const rest = points(axes.slice(1));
  return Array.from({ length: axes[0] }, (_, i) => rest.map((at) => [i + 1, ...at])).flat();
}

// As anywidget asks: the state of the model in an element. What is done here goes to the model, and
// what is set there shows here.
export function render({ model, el }) {
  el.dataset.lmSuppressShortcuts = "true"; // JupyterLab leaves the keys to us
  if (!el.hasAttribute("tabindex")) el.tabIndex = 0;
  const said = model.get("state");
  const theme = () => (said.theme === "auto" ? surroundings() : said.theme);
  const state = { ...said, theme: theme() };
  let ready = false;
  const tell = (key, value) => {
    if (!ready) return;
    model.set(key, value);
    model.save_changes();
  };
  const adapter = {
    get: () => state,
    hash: () => `#event=${model.get("event") ?? 0}`,
    write: () => {},
    moved: (event) => { if (model.get("event") !== event) tell("event", event); },
    edited: (arrays) => tell("arrays", structuredClone(arrays)),
  };
  const stepper = new Stepper(adapter, el);
  const arrays = () => {
    const given = model.get("arrays");
    if (given && stepper.take(given)) {
      stepper.compute();
      stepper.goto(stepper.event);
    }
  };
  arrays();
  ready = true;
  const key = (event) => stepper.key(event);
  const event = () => { if (model.get("event") !== stepper.event) stepper.goto(model.get("event")); };
  el.addEventListener("keydown", key);
  model.on("change:event", event);
  model.on("change:arrays", arrays);
  const watching = new MutationObserver(() => {
    if (said.theme !== "auto" || state.theme === theme()) return;
    state.theme = theme();
    stepper.setTheme(state.theme);
  });
  for (const node of [document.documentElement, document.body]) watching.observe(node, { attributes: true });
  return () => {
    stepper.play(false);
    watching.disconnect();
    el.removeEventListener("keydown", key);
    model.off("change:event", event);
    model.off("change:arrays", arrays);
  };
}

// The theme of JupyterLab, VS Code or marimo around us; auto where none says one.
function surroundings() {
  const { body, documentElement: root } = document;
  const jupyter = body.dataset.jpThemeLight;
  if (jupyter) return jupyter === "false" ? "dark" : "light";
  const code = body.dataset.vscodeThemeKind;
  if (code) return /dark|^vscode-high-contrast$/.test(code) ? "dark" : "light";
  for (const node of [body, root]) {
    if (node.classList.contains("dark") || node.classList.contains("dark-theme")) return "dark";
  }
  return "auto";
}

// A page of its own: keys work at once, the place is in the address.
export function start(state, el) {
  const adapter = {
    get: () => state,
    hash: () => location.hash,
    write: (hash) => { if (location.hash !== hash) history.replaceState(null, "", hash); },
  };
  const stepper = new Stepper(adapter, el);
  document.addEventListener("keydown", (event) => stepper.key(event));
  addEventListener("hashchange", () => {
    stepper.read(location.hash);
    stepper.build();
    stepper.goto(stepper.event);
  });
  addEventListener("beforeprint", () => stepper.print());
  const paper = matchMedia("print");
  paper.addEventListener("change", () => paper.matches && stepper.print());
  if (paper.matches) stepper.print();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    stepper.rows = null;
    stepper.goto(stepper.event);
  });
  const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  globalThis.unroll = {
    get story() { return Array.from({ length: stepper.story.count }, (_, i) => stepper.story.event(i + 1)); },
    arrays: () => structuredClone(stepper.arrays),
    goto: (n) => stepper.goto(n),
    python: () => stepper.python(),
    reduced,
  };
  return stepper;
}
