"use strict";
(() => {
  const one = (id) => document.getElementById(id);
  const all = (where, what) => Array.from(where.querySelectorAll(what));
  const form = one("filter"), found = one("found");
  const names = ["verdict", "where", "environment", "library", "name"].filter(one); // without failures there's no where
  const fields = Object.fromEntries(names.map((name) => [name, one(name)]));
  const MOST_OPEN = 100;

  // What can be found, read once: a row of its own, or a name in a list of tests that went alike.
  const files = all(document, ".file").map((file) => {
    const name = file.querySelector("summary .name").firstChild.data.trim();
    const item = (element, title) => ({ element, text: `${name}::${title.trim()}`.toLowerCase() });
    const lines = all(file, ".test").map((test) => ({
      holder: test, cells: test.dataset.cells, libraries: test.dataset.libraries, places: test.dataset.where,
      items: [item(test, test.querySelector("code").textContent)],
    }));
    const alike = all(file, ".alike").map((group) => ({
      holder: group, cells: group.dataset.cells, libraries: group.dataset.libraries, places: "",
      items: all(group, "ol > li").map((test) => item(test, test.textContent)),
    }));
    return { file, count: file.querySelector("summary .count"), folded: !file.open, groups: [...lines, ...alike] };
  });
  const total = files.reduce((sum, { groups }) => groups.reduce((more, group) => more + group.items.length, sum), 0);
  const tests = (number) => `${number} test${number === 1 ? "" : "s"}`;
  const set = (object, key, value) => { if (object[key] !== value) object[key] = value; };

  function wanted({ verdict, where = "", environment, library }) {
    const failing = "oeuOEUr";
    return ({ cells, libraries, places }) => {
      if (where !== "" && !places.includes(` ${where} `)) return false;
      if (library !== "" && !libraries.includes(` ${library} `)) return false;
      const asked = environment === "" ? cells : cells[Number(environment)] || "";
      const letters = verdict || (environment === "" ? "" : failing);
      if (verdict === "pr") return environment === "" ? !/[oeuOEU]/.test(cells) && /[pr]/.test(cells) : /[pr]/.test(asked);
      return letters === "" || Array.from(asked).some((letter) => letters.includes(letter));
    };
  }

  function state() {
    return Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, field.value.trim()]));
  }

  function clear() {
    for (const field of Object.values(fields)) field.value = "";
  }

  function apply() {
    const now = state(), fits = wanted(now), part = now.name.toLowerCase();
    const active = Object.values(now).some(Boolean);
    let sum = 0;
    for (const one of files) {
      one.shown = 0;
      for (const group of one.groups) {
        const fit = fits(group);
        let shown = 0;
        for (const { element, text } of fit ? group.items : []) {
          const show = part === "" || text.includes(part);
          set(element, "hidden", !show);
          shown += show;
        }
        set(group.holder, "hidden", shown === 0);
        one.shown += shown;
      }
      sum += one.shown;
    }
    for (const one of files) {
      const whole = one.count.dataset.all;
      set(one.file, "hidden", one.shown === 0);
      set(one.file, "open", active ? sum <= MOST_OPEN && one.shown > 0 : !one.folded);
      set(one.count, "textContent", String(one.shown) === whole ? tests(one.shown) : `${one.shown} of ${tests(Number(whole))}`);
    }
    for (const section of all(document, ".part")) set(section, "hidden", !section.querySelector(".file:not([hidden])"));
    found.value = active ? `${sum.toLocaleString("en")} of ${tests(total)}` : "";
  }

  // The words of a choice, not its number: a link means the same in another report.
  const words = (field) => (field.options ? field.options[field.selectedIndex].text : field.value.trim());

  function remember() {
    const pairs = Object.entries(fields).filter(([, field]) => field.value.trim()).map(([key, field]) => [key, words(field)]);
    const text = pairs.length ? `#?${new URLSearchParams(pairs)}` : "#matrix";
    history.replaceState(null, "", text);
  }

  // A link to the first of several tests becomes one to all of them.
  function widen() {
    for (const link of all(document, "a[data-where], a[data-verdict]")) {
      for (const [key, value] of Object.entries(link.dataset)) {
        const option = Array.from(fields[key].options).find((each) => each.value === value);
        if (option) link.href = `#?${new URLSearchParams([[key, option.text]])}`;
      }
    }
  }

  function choose(field, text) {
    if (!field.options) { field.value = text; return; }
    const option = Array.from(field.options).find((each) => each.text === text);
    field.value = option ? option.value : "";
  }

  function follow() {
    const hash = location.hash;
    if (hash.startsWith("#?")) {
      const asked = new URLSearchParams(hash.slice(2));
      for (const [key, field] of Object.entries(fields)) choose(field, asked.get(key) || "");
      apply();
      one("matrix").scrollIntoView();
      one("matrix").focus({ preventScroll: true });
      return;
    }
    const target = hash.length > 1 && one(hash.slice(1));
    if (!target) return;
    if (target.closest("[hidden]")) {
      clear();
      apply();
    }
    for (let each = target; each; each = each.parentElement) if (each.localName === "details") each.open = true;
    target.scrollIntoView();
    const focused = target.localName === "details" ? target.firstElementChild : null;
    if (focused) focused.focus({ preventScroll: true });
  }

  function equip(where) {
    for (const figure of all(where, ".paste:not(.ready)")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.setAttribute("aria-live", "polite");
      figure.append(button);
      figure.classList.add("ready");
    }
  }

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    let done = false;
    try {
      await navigator.clipboard.writeText(code.textContent);
      done = true;
    } catch {
      getSelection().selectAllChildren(code);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }

  function move(event) {
    const summary = event.target.closest(".matrix summary");
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!summary || !step || event.altKey || event.ctrlKey || event.metaKey) return;
    const shown = all(document, ".matrix .file:not([hidden]) > summary, .matrix .file[open]:not([hidden]) > .test:not([hidden]) > summary");
    const to = Math.min(shown.length - 1, Math.max(0, shown.indexOf(summary) + step));
    shown[to].focus();
    event.preventDefault();
  }

  // The heads of the columns stay in sight unless they'd take too much of it, and hide nothing that is scrolled to.
  function settle() {
    const heads = document.querySelector(".heads");
    heads.classList.toggle("loose", heads.offsetHeight > innerHeight / 3);
    const stays = getComputedStyle(heads).position === "sticky";
    document.documentElement.style.scrollPaddingTop = stays ? `${heads.offsetHeight + 8}px` : "1rem";
  }

  const change = () => { apply(); remember(); };
  form.addEventListener("input", change);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault(); // it would empty the fields only after this
    clear();
    change();
  });
  document.addEventListener("toggle", (event) => { if (event.target.open) equip(event.target); }, true);
  document.addEventListener("click", (event) => {
    if (event.target.matches(".paste button")) copy(event.target);
    const link = event.target.closest("a[href^='#']");
    if (link && link.hash === location.hash) follow(); // the browser sees no change
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && Object.values(state()).some(Boolean)) form.reset();
    else move(event);
  });
  addEventListener("hashchange", follow);
  addEventListener("resize", settle);
  settle();
  widen();
  form.hidden = false;
  for (const keys of all(document, ".keys")) keys.hidden = false;
  for (const cause of all(document, ".cause")) equip(cause);
  follow();
})();
