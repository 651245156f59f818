"use strict";
// Nothing here is needed to read the page: it sorts, filters, enlarges and explains what is there already.
(() => {
  const FOLD = 12; // rows shown of a long table, as in the style
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const button = (properties, ...children) => make("button", { type: "button", ...properties }, ...children);
  const textOf = (element) => element.textContent.trim();

  function contents() {
    const nav = document.getElementById("contents_");
    const wide = matchMedia("(min-width: 68rem)");
    const fit = () => { nav.querySelector("details").open = wide.matches; };
    wide.addEventListener("change", fit);
    fit();
    const links = new Map(all("a", nav).map((link) => [link.hash.slice(1), link]));
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((one) => one.isIntersecting)) {
        links.forEach((link) => link.removeAttribute("aria-current"));
        links.get(entry.target.id)?.setAttribute("aria-current", "true");
      }
    }, { rootMargin: "-10% 0px -80% 0px" });
    all("main > section").forEach((section) => watcher.observe(section));
  }

  function filters(table) {
    const rows = all("tbody tr", table);
    const choices = [["", "all"], ["yes", "holds"], ["no", "does not hold"], ["undecided", "undecided"]];
    const group = make("div", { className: "filters", role: "group", ariaLabel: "Show claims" });
    for (const [key, name] of choices) {
      const count = key ? rows.filter((row) => row.dataset.verdict === key).length : rows.length;
      const choice = button({ disabled: !count, ariaPressed: String(!key) }, `${name} (${count})`);
      choice.addEventListener("click", () => {
        all("button", group).forEach((other) => { other.ariaPressed = String(other === choice); });
        rows.forEach((row) => { row.hidden = Boolean(key) && row.dataset.verdict !== key; });
      });
      group.append(choice);
    }
    table.before(group);
  }

  // Numbers before text, and nothing at the end, whichever way the rest is sorted.
  function compare(one, other, down) {
    const rank = (cell) => (cell.dataset.v !== undefined && cell.dataset.v !== "nan" ? 0 : textOf(cell) ? 1 : 2);
    const numeric = (cell) => ({ inf: Infinity, "-inf": -Infinity })[cell.dataset.v] ?? Number(cell.dataset.v);
    const ranks = rank(one) - rank(other);
    if (ranks) return ranks;
    const [a, b] = down ? [other, one] : [one, other];
    if (rank(a) === 0) return numeric(a) === numeric(b) ? 0 : numeric(a) < numeric(b) ? -1 : 1;
    return textOf(a).localeCompare(textOf(b), undefined, { numeric: true });
  }

  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const sorter = button({ className: "sort" }, ...head.childNodes);
      head.append(sorter);
      sorter.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...table.tBodies[0].rows];
        table.tBodies[0].append(...rows.sort((a, b) => compare(a.cells[column], b.cells[column], down)));
      });
    });
    const count = table.tBodies[0].rows.length;
    if (count <= FOLD + 3) return;
    table.classList.add("folded");
    const more = button({ className: "more" }, `Show all ${count} rows`);
    more.addEventListener("click", () => {
      const folded = table.classList.toggle("folded");
      more.textContent = folded ? `Show all ${count} rows` : `Show ${FOLD} rows`;
    });
    table.closest(".scroll").after(more);
  }

  function heat(figure) {
    const table = figure.querySelector("table");
    const unit = figure.dataset.unit ? ` ${figure.dataset.unit}` : "";
    const readout = make("output", { className: "readout" });
    readout.dataset.hint = "Point at a cell, or tap it, for its exact value.";
    figure.append(readout);
    const columns = [...table.tHead.rows[0].cells];
    const cells = all("tbody td", table);
    const show = (cell) => {
      if (!cell) return;
      const row = cell.parentElement.cells[0];
      const column = columns[cell.cellIndex];
      all(".here", table).forEach((other) => other.classList.remove("here"));
      [cell, row, column].forEach((part) => part.classList.add("here"));
      const value = cell.dataset.v === undefined ? "no value" : cell.dataset.v.replace("-", "−") + unit;
      const note = cell.dataset.note ? ` (${cell.dataset.note})` : "";
      readout.replaceChildren(`${textOf(row)} | ${textOf(column)}: `, make("strong", {}, value), note);
    };
    const cellOf = (event) => event.target.closest("tbody td");
    for (const kind of ["pointerover", "click", "focusin"]) table.addEventListener(kind, (event) => show(cellOf(event)));
    // One stop for the Tab key; arrows move within.
    cells.forEach((cell, index) => { cell.tabIndex = index ? -1 : 0; });
    table.addEventListener("keydown", (event) => {
      const cell = cellOf(event);
      const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [0, 0];
      const next = cell && table.tBodies[0].rows[cell.parentElement.sectionRowIndex + down]?.cells[cell.cellIndex + right];
      if (!(down || right) || next?.tagName !== "TD") return;
      event.preventDefault();
      cell.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }

  function enlarge(image) {
    const opener = button({ className: "zoom", ariaLabel: `Enlarge: ${image.alt}` });
    image.replaceWith(opener);
    opener.append(image);
    opener.addEventListener("click", () => {
      const large = image.cloneNode();
      const close = button({}, "Close");
      const dialog = make("dialog", { ariaLabel: image.alt }, large, close);
      dialog.addEventListener("click", () => dialog.close());
      dialog.addEventListener("close", () => dialog.remove());
      document.body.append(dialog);
      dialog.showModal();
    });
  }

  function slide(figure) {
    const pair = figure.querySelector(".pair");
    const names = all("span", pair).map(textOf);
    const slider = make("input", { type: "range", min: "0", max: "100", value: "50", ariaLabel: `${names[0]} or ${names[1]}` });
    slider.addEventListener("input", () => pair.style.setProperty("--at", `${slider.value}%`));
    pair.after(slider);
  }

  function cayley(figure) {
    const table = JSON.parse(figure.dataset.table);
    const generators = JSON.parse(figure.dataset.generators);
    const members = all(".members li", figure);
    const names = members.map((item) => textOf(item.querySelector("span")));
    const letters = generators.map((generator) => names[generator]);
    const nodes = all(".node", figure);
    const arrows = all("svg [data-from]", figure);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const strip = make("div", { className: "letters" });
    const result = make("output");
    figure.querySelector(".side").prepend(make("div", { className: "walk" }, make("h3", {}, "Walk"), strip, result));
    let walk = [];
    let shown = 0;
    let timer = 0;

    const step = (element, by) => table[element][generators[by]];
    const visited = () => walk.slice(0, shown).reduce((path, by) => [...path, step(path.at(-1), by)], [0]);

    // The letters of a shortest way from the identity.
    function wayTo(goal) {
      const ways = new Map([[0, []]]);
      for (const [element, way] of ways) {
        if (element === goal) return way;
        generators.forEach((_, by) => {
          const next = step(element, by);
          if (!ways.has(next)) ways.set(next, [...way, by]);
        });
      }
      return [];
    }

    function draw() {
      const path = visited();
      const here = path.at(-1);
      figure.classList.toggle("walking", shown > 0);
      nodes.forEach((node, number) => {
        node.classList.toggle("on", path.includes(number));
        node.classList.toggle("here", number === here);
      });
      members.forEach((item, number) => item.querySelector("button").classList.toggle("here", number === here));
      arrows.forEach((arrow) => {
        const { from, to, by, both } = arrow.dataset;
        arrow.classList.toggle("on", walk.slice(0, shown).some((letter, index) => {
          const [start, end] = [path[index], path[index + 1]];
          const along = start === Number(from) && end === Number(to);
          const back = both !== undefined && start === Number(to) && end === Number(from);
          return letter === Number(by) && (along || back);
        }));
      });
      const parts = walk.map((by, index) => {
        const letter = button({ className: `g${by % 6}${index < shown ? "" : " ahead"}` }, letters[by]);
        letter.addEventListener("click", () => go(walk, index + 1));
        return letter;
      });
      const again = button({ className: "plain" }, "start over");
      again.addEventListener("click", () => go([], 0));
      strip.replaceChildren(...(walk.length ? [...parts, again] : ["Choose a generator, or tap an element."]));
      const word = walk.slice(0, shown).map((by) => letters[by]).join(" * ") || "id";
      result.textContent = word === names[here] ? `${word}, element ${here}` : `${word} = ${names[here]}, element ${here}`;
    }

    function go(letters, count) {
      clearTimeout(timer);
      [walk, shown] = [letters, count];
      draw();
    }

    function travel(goal) {
      const way = wayTo(goal);
      go(way, calm ? way.length : 0);
      const next = () => {
        if (shown >= walk.length) return;
        go(walk, shown + 1);
        timer = setTimeout(next, 350);
      };
      if (!calm) timer = setTimeout(next, 150);
    }

    all(".keys li", figure).forEach((item, by) => {
      const apply = button({}, ...item.childNodes);
      item.append(apply);
      apply.addEventListener("click", () => go([...walk.slice(0, shown), by], shown + 1));
    });
    members.forEach((item, number) => {
      const visit = button({}, ...item.childNodes);
      item.append(visit);
      visit.addEventListener("click", () => travel(number));
    });
    nodes.forEach((node, number) => {
      node.setAttribute("tabindex", "0");
      node.setAttribute("role", "button");
      node.addEventListener("click", () => travel(number));
      node.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); travel(number); }
      });
    });
    products(figure, names, (row, column) => [...wayTo(row), ...wayTo(column)], (way) => go(way, way.length));
    draw();
  }

  function products(figure, names, way, go) {
    const table = figure.querySelector(".products");
    if (!table) return;
    const readout = make("output", { className: "readout" });
    readout.dataset.hint = "Tap a product to walk there.";
    table.closest(".scroll").after(readout);
    all("tbody tr", table).forEach((line, row) => all("td", line).forEach((cell, column) => {
      const choose = button({}, ...cell.childNodes);
      cell.append(choose);
      choose.addEventListener("click", () => {
        all(".here", table).forEach((other) => other.classList.remove("here"));
        cell.classList.add("here");
        go(way(row, column));
        readout.textContent = `${bracketed(names[row])} * ${bracketed(names[column])} = ${names[Number(textOf(cell))]}`;
      });
    }));
  }

  const bracketed = (word) => (word.includes(" ") ? `(${word})` : word);

  document.documentElement.classList.add("js");
  contents();
  all(".claims").forEach(filters);
  all(".sortable").forEach(sortable);
  all(".map").forEach(heat);
  all(".picture img").forEach(enlarge);
  all(".slider").forEach(slide);
  all(".cayley").forEach(cayley);
})();
