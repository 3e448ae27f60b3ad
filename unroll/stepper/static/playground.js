// The playground: equations as they are typed, what is wrong with them, their picture, their gradients,
// a run to step through. Everything is asked of the server that sent this page, and of no other.

const SAYS = {
  equations: ["Equations", "方程"], template: ["Template", "模板"], own: ["your own", "自定义"],
  steps: ["Steps", "时间步数"], dims: ["Sizes", "维度"], seed: ["Seed", "随机种子"], view: ["View", "视图"],
  level: ["Level", "层次"], flow: ["Flow", "流向"], notation: ["Notation", "记号"], theme: ["Theme", "主题"],
  values: ["Values", "数值"], parameters: ["Parameters", "参数"],
  picture: ["Picture", "计算图"], derivation: ["Gradients", "梯度方程"], stepping: ["Step through", "逐步演示"],
  download: ["Download", "下载"], link: ["Copy link", "复制链接"], copied: ["Copied", "已复制"], language: ["中文", "English"],
  fine: ["The equations are read as", "方程读作"], checking: ["Checking …", "检查中 …"],
  gone: ["The server has stopped. Start it again with: unroll serve", "服务器已停止。请重新运行：unroll serve"],
  page: ["page to step through (.html)", "逐步演示网页 (.html)"],
};
const CHOICES = {
  view: ["both", "folded", "unfolded"], level: ["variables", "units", "operations"],
  flow: ["none", "forward", "backward", "both"],
  notation: ["book", "subscript", "angle", "brackets", "ng", "karpathy", "d2l", "pytorch", "control"],
  parameters: ["labels", "nodes", "copies"], theme: ["light", "dark", "print", "contrast"],
};
const FILES = [".svg", ".pdf", ".png", ".eps", ".tex", ".dot", ".mmd", ".gif", ".apng", ".html", ".pptx", ".page"];
const FIRST = "h_t = tanh(W h_{t-1} + U x_t + b)\no_t = V h_t + c\nL_t = cross_entropy(softmax(o_t), y_t)";
const TELLS = ["book", "subscript", "angle", "brackets"]; // notations of the stepper
const TABS = ["picture", "derivation", "stepping"];

const token = document.querySelector("meta[name=token]").content;
if (location.search) history.replaceState(null, "", location.pathname + location.hash);

const make = (tag, facts = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(facts)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
};

async function ask(question) {
  const reply = await fetch("/ask", {
    method: "POST", headers: { "Content-Type": "application/json", "X-Unroll-Token": token }, body: JSON.stringify(question),
  });
  const text = await reply.text();
  const found = JSON.parse(text.replace(/\bNaN\b|-?\bInfinity\b/g, "null"));
  return found.refused ? { error: { message: found.refused, text: found.refused } } : found;
}

const encode = (value) => btoa(Array.from(new TextEncoder().encode(JSON.stringify(value)), (b) => String.fromCharCode(b)).join(""))
  .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const decode = (text) => JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0))));

class Playing {
  constructor(root) {
    this.root = root;
    this.said = { text: FIRST, steps: 3, seed: 0, dims: "", view: "both", level: "variables", flow: "both", notation: "book", parameters: "labels", theme: "light", values: false, language: "en", tab: "picture", template: "" };
    this.read();
    this.turn = 0;
    this.build();
    this.refresh();
    ask({ ask: "templates" }).then(({ templates }) => this.fill(templates ?? []), () => this.gone());
    addEventListener("hashchange", () => { this.read(); this.build(); this.fill(this.templates ?? []); this.refresh(); });
  }

  word(key) {
    return SAYS[key][this.said.language === "zh" ? 1 : 0];
  }

  // The link: everything that was said, behind the #, which no server ever sees.
  read() {
    if (location.hash.length < 2) return;
    try {
      const given = decode(location.hash.slice(1));
      for (const [key, value] of Object.entries(given)) {
        if (key in this.said && typeof value === typeof this.said[key]) this.said[key] = value;
      }
    } catch {
      // no link of ours
    }
  }

  write() {
    history.replaceState(null, "", `${location.pathname}#${encode(this.said)}`);
  }

  build() {
    const { said } = this;
    document.documentElement.lang = said.language === "zh" ? "zh-Hans" : "en";
    this.root.dataset.theme = said.theme === "dark" ? "dark" : "light";
    this.text = make("textarea", { id: "text", spellcheck: "false", autocapitalize: "off", autocomplete: "off", "aria-label": this.word("equations"), "aria-describedby": "message", oninput: () => this.typed() });
    this.text.value = said.text;
    this.message = make("pre", { class: "message", id: "message", role: "status", "aria-live": "polite" });
    this.canonical = make("pre", { class: "canonical", "aria-label": this.word("fine") });
    this.menu = make("select", { id: "template", onchange: () => this.choose() }, make("option", { value: "" }, this.word("own")));
    const labelled = (key, node) => make("label", {}, this.word(key), node);
    const number = (key, least, most) => {
      const node = make("input", { id: key, type: "number", min: least, max: most, oninput: () => { const n = node.valueAsNumber; if (Number.isInteger(n)) this.set(key, n); } });
      node.value = String(said[key]);
      return labelled(key, node);
    };
    const dims = make("input", { id: "dims", placeholder: "x=4, h=3", spellcheck: "false", oninput: () => this.set("dims", dims.value) });
    dims.value = said.dims;
    const values = make("input", { id: "values", type: "checkbox", onchange: () => this.set("values", values.checked) });
    values.checked = said.values;
    const menus = Object.entries(CHOICES).map(([key, choices]) => {
      const node = make("select", { id: key, onchange: () => { this.set(key, node.value); if (key === "theme") this.root.dataset.theme = node.value === "dark" ? "dark" : "light"; } },
        ...choices.map((choice) => make("option", { value: choice }, choice)));
      node.value = said[key];
      return labelled(key, node);
    });
    this.suffix = make("select", { id: "suffix", "aria-label": this.word("download") },
      ...FILES.map((suffix) => make("option", { value: suffix }, suffix === ".page" ? this.word("page") : suffix)));
    this.tabs = TABS.map((tab) => make("button", { type: "button", role: "tab", id: `tab-${tab}`, "aria-controls": "panel", onclick: () => { this.set("tab", tab); } }, this.word(tab)));
    this.panel = make("div", { id: "panel", role: "tabpanel", tabindex: "-1" });
    this.root.replaceChildren(
      make("header", {}, make("h1", {}, "unroll"),
        make("span", { class: "tools" },
          make("button", { type: "button", id: "link", onclick: (event) => this.copy(event.currentTarget) }, this.word("link")),
          make("button", { type: "button", id: "language", onclick: () => { said.language = said.language === "zh" ? "en" : "zh"; this.build(); this.fill(this.templates ?? []); this.refresh(); } }, this.word("language")))),
      make("section", { class: "text", "aria-label": this.word("equations") },
        labelled("template", this.menu), this.text, this.message, this.canonical,
        make("div", { class: "options" }, number("steps", 1, 2000), number("seed", 0, 2147483647), labelled("dims", dims), ...menus, make("label", { class: "box" }, values, this.word("values"))),
        make("div", { class: "files" }, this.suffix, make("button", { type: "button", id: "download", onclick: () => this.download() }, this.word("download")))),
      make("section", { class: "shown" }, make("div", { role: "tablist", onkeydown: (event) => this.arrows(event) }, ...this.tabs), this.panel),
    );
    this.root.querySelector(".options").before(this.menu.parentElement);
    this.root.querySelector(".text").prepend(this.menu.parentElement);
  }

  fill(templates) {
    this.templates = templates;
    for (const { name, title } of templates) this.menu.append(make("option", { value: name, title }, name));
    this.menu.value = this.said.template;
  }

  arrows(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = (TABS.indexOf(this.said.tab) + by + TABS.length) % TABS.length;
    this.set("tab", TABS[at]);
    this.tabs[at].focus();
  }

  choose() {
    const found = this.templates.find((t) => t.name === this.menu.value);
    this.said.template = this.menu.value;
    if (found) this.text.value = this.said.text = found.text.trim();
    this.refresh();
  }

  typed() {
    this.said.text = this.text.value;
    this.said.template = this.menu.value = "";
    this.later();
  }

  set(key, value) {
    this.said[key] = value;
    this.later(key === "tab" ? 0 : 200);
  }

  later(wait = 200) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.refresh(), wait);
  }

  // What every question says of the recurrence and its sizes.
  subject() {
    const { text, template, steps, seed, dims, notation, language } = this.said;
    const own = template ? { template } : { text };
    return { ...own, steps, seed, dims, notation, language };
  }

  drawn() {
    const { view, level, flow, theme, values, parameters } = this.said;
    return { ...this.subject(), view, level, flow, theme, values, parameters };
  }

  stepped() {
    const { notation, theme } = this.said;
    return { ...this.subject(), notation: TELLS.includes(notation) ? notation : "book", theme: theme === "dark" ? "dark" : "light" };
  }

  // Asks anew; an answer that comes after a later question is dropped.
  async refresh() {
    const turn = ++this.turn;
    const current = () => turn === this.turn;
    this.write();
    for (const [i, tab] of TABS.entries()) {
      this.tabs[i].setAttribute("aria-selected", String(tab === this.said.tab));
      this.tabs[i].tabIndex = tab === this.said.tab ? 0 : -1;
    }
    this.panel.setAttribute("aria-labelledby", `tab-${this.said.tab}`);
    this.panel.classList.add("wait");
    this.root.dataset.busy = "true";
    try {
      const checked = await ask({ ask: "check", ...this.subject() });
      if (!current()) return;
      this.show(checked.error);
      if (!checked.error) {
        this.canonical.textContent = checked.canonical;
        await this.shown(current);
      }
    } catch {
      if (current()) this.gone();
    }
    if (current()) this.root.dataset.busy = "false";
  }

  async shown(current) {
    const { tab, theme } = this.said;
    const questions = { picture: () => ({ ask: "picture", ...this.drawn() }), derivation: () => ({ ask: "derive", ...this.subject() }), stepping: () => ({ ask: "step", ...this.stepped() }) };
    const found = await ask(questions[tab]());
    if (!current()) return;
    this.show(found.error);
    if (found.error) return;
    this.end?.();
    this.end = null;
    this.panel.classList.remove("wait");
    if (tab === "picture") {
      const drawing = new DOMParser().parseFromString(found.svg, "image/svg+xml").documentElement;
      this.panel.replaceChildren(make("div", { class: theme === "dark" ? "figure dark" : "figure" }, document.importNode(drawing, true)));
    } else if (tab === "derivation") {
      this.panel.replaceChildren(make("pre", { class: "derivation" }, found.text));
    } else {
      const el = make("div", { class: "unroll" });
      this.panel.replaceChildren(el);
      this.end = $stepper.render({ model: new Model({ state: found.state, event: 0, arrays: found.state.arrays }), el });
    }
  }

  show(error) {
    this.message.textContent = error ? error.text : "";
    this.text.setAttribute("aria-invalid", String(Boolean(error?.line)));
  }

  gone() {
    this.message.textContent = this.word("gone");
    this.root.dataset.busy = "false";
  }

  async download() {
    const suffix = this.suffix.value;
    const question = suffix === ".page" ? this.stepped() : this.drawn();
    const found = await ask({ ask: "file", ...question, suffix }).catch(() => null);
    if (!found) return this.gone();
    this.show(found.error);
    if (found.error) return;
    const bytes = Uint8Array.from(atob(found.base64), (c) => c.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
    const anchor = make("a", { href: url, download: found.name });
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  async copy(button) {
    this.write();
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      // the address bar has it
    }
    button.textContent = this.word("copied");
    setTimeout(() => (button.textContent = this.word("link")), 1500);
  }
}

// What the stepper asks of a notebook's model.
class Model {
  constructor(values) {
    this.values = values;
  }

  get(key) {
    return this.values[key];
  }

  set(key, value) {
    this.values[key] = value;
  }

  save_changes() {}

  on() {}

  off() {}
}

window.unroll = { playing: new Playing(document.getElementById("playground")) };
