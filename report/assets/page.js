"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const text = (index) => data.strings[index];
  const byId = (id) => document.getElementById(id);
  const make = (tag, className, content) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (content !== undefined) element.textContent = content;
    return element;
  };

  // A row is one way from a namespace to a repository. Columns are what it passes through.
  const COLUMNS = ["Cluster", "Namespace", "ServiceAccount", "Identity", "Repository", "May"];
  const WIDTHS = [0.12, 0.16, 0.14, 0.21, 0.25, 0.12];
  const ROW = 38, NODE = 28, GAP = 26, EVERY = "(every repository)", LARGEST_PRINT = 120, LARGEST_TABLE = 1000;

  const rows = data.rows.map((row, index) => {
    const [stack, cluster, namespace, account, identity, how, host, repository, before, after] = row.slice(0, 10).map(text);
    const status = !before ? "added" : !after ? "removed" : before !== after ? "changed" : "same";
    const may = before && after && before !== after ? `${before} → ${after}` : after || before;
    const names = [cluster, namespace, account || "–", identity, repository, may];
    const notes = ["", "", "", how, host.replace(/^(\d+)\.dkr\.ecr\.([^.]+)\.amazonaws\..*$/, "ECR $1 $2"), ""];
    // Each node is what it is only together with what it belongs to: two clusters may have a namespace of one name.
    const keys = [
      `0|${cluster}`, `1|${cluster}|${namespace}`, `2|${cluster}|${namespace}|${account}`,
      `3|${stack}|${identity}|${how.split(",")[0]}`, `4|${host || stack}|${repository}`, `5|${host || stack}|${repository}|${may}`,
    ];
    return { index, stack, host, names, notes, keys, status, before, after, assumed: row[10] === 1,
      haystack: [...names, how, host, stack].join("\n").toLowerCase() };
  });

  const state = { query: "", side: "both", only: false, follow: null, table: false, print: false,
    stacks: new Set(data.stacks.map((stack) => stack.name)), active: null };
  let layout = { nodes: [], columns: [], edges: [], byKey: new Map(), height: 0 };
  let shown = [];
  const drawn = new Map();
  const map = byId("map"), canvas = byId("canvas"), nodesBox = byId("nodes"), edgesBox = byId("edges");

  function select() {
    const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
    return rows.filter((row) =>
      state.stacks.has(row.stack) &&
      (state.side !== "before" || row.before) && (state.side !== "after" || row.after) &&
      (!state.only || row.status !== "same") &&
      (!state.follow || row.keys.includes(state.follow.key)) &&
      words.every((word) => row.haystack.includes(word)));
  }

  const statusOf = (row) => (state.side === "both" ? row.status : "same");

  function arrange(list) {
    const byKey = new Map(), edges = new Map(), columns = COLUMNS.map(() => []);
    for (const row of list) {
      const status = statusOf(row);
      row.keys.forEach((key, column) => {
        let node = byKey.get(key);
        if (!node) {
          node = { key, column, name: row.names[column], note: row.notes[column], statuses: new Set(), left: new Set(), right: new Set(), y: 0, rows: 0 };
          byKey.set(key, node);
          columns[column].push(node);
        }
        node.statuses.add(status);
        node.rows += 1;
        if (column) {
          const from = row.keys[column - 1], id = `${from}\u0000${key}`;
          const edge = edges.get(id);
          if (edge) edge.statuses.add(status);
          else {
            const before = byKey.get(from);
            edges.set(id, { from: before, to: node, statuses: new Set([status]) });
            before.right.add(node);
            node.left.add(before);
          }
        }
      });
    }
    columns[1].forEach((node, index) => { node.y = index * ROW; });
    const mean = (set) => { let sum = 0; for (const node of set) sum += node.y; return sum / set.size; };
    for (let column = 2; column < COLUMNS.length; column += 1) {
      const list = columns[column];
      for (const node of list) node.wanted = mean(node.left);
      list.sort((a, b) => a.wanted - b.wanted);
      let next = 0;
      for (const node of list) { node.y = Math.max(next, Math.round(node.wanted)); next = node.y + ROW; }
    }
    for (const node of columns[0]) {
      let top = Infinity, bottom = 0;
      for (const other of node.right) { top = Math.min(top, other.y); bottom = Math.max(bottom, other.y); }
      Object.assign(node, { top, bottom, y: Math.round((top + bottom) / 2) });
    }
    const height = Math.max(ROW, ...columns.map((list) => (list.length ? list[list.length - 1].y + ROW : 0)));
    return { columns, edges: [...edges.values()], byKey, height };
  }

  const combined = (statuses) => (statuses.size === 1 ? [...statuses][0] : statuses.has("changed") || statuses.has("added") || statuses.has("removed") ? "changed" : "same");
  // What is gained by one and lost by another stays what it is; only an identity is changed by whom it trusts.
  const nodeStatus = (node) => (node.statuses.size > 1 && (node.column !== 3 || node.statuses.has("same")) ? "same" : combined(node.statuses));
  const edgeStatus = (edge) => (edge.statuses.size > 1 && edge.statuses.has("same") ? "same" : combined(edge.statuses));

  let positions = [];
  function measure() {
    const width = state.print ? 1000 : Math.max(980, map.clientWidth - 4);
    const room = width - GAP * (COLUMNS.length - 1);
    let x = 0;
    positions = WIDTHS.map((share) => { const at = { x, width: Math.floor(room * share) }; x += at.width + GAP; return at; });
    canvas.style.width = byId("columns").style.width = `${width}px`;
    byId("columns").replaceChildren(...COLUMNS.map((name, column) => {
      const title = make("span", "", name);
      title.style.left = `${positions[column].x}px`;
      return title;
    }));
  }

  function draw() {
    const all = state.print, top = map.scrollTop - 3 * ROW, bottom = map.scrollTop + map.clientHeight + 3 * ROW;
    const clusterTop = map.scrollTop + 2;
    const wanted = new Set();
    for (const node of layout.columns[0] || []) {
      // The cluster stays in sight while its namespaces pass by.
      node.at = all ? node.y : Math.min(Math.max(node.y < clusterTop || node.y > bottom - 4 * ROW ? clusterTop : node.y, node.top), node.bottom);
    }
    layout.columns.forEach((list, column) => {
      let from = 0;
      if (column && !all) {
        let high = list.length;
        while (from < high) { const middle = (from + high) >> 1; if (list[middle].y < top) from = middle + 1; else high = middle; }
      }
      for (let index = from; index < list.length; index += 1) {
        const node = list[index];
        if (column) node.at = node.y;
        if (!all && node.at > bottom) { if (column) break; continue; }
        if (!all && node.at < top) continue;
        wanted.add(node.key);
        show(node);
      }
    });
    for (const [key, element] of drawn) if (!wanted.has(key) && element !== document.activeElement) { element.remove(); drawn.delete(key); }
    const paths = [];
    for (const edge of layout.edges) {
      const a = edge.from.at ?? edge.from.y, b = edge.to.at ?? edge.to.y;
      if (!all && ((a < top && b < top) || (a > bottom && b > bottom))) continue;
      if (!edge.from.column && !wanted.has(edge.to.key)) continue;
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      const x1 = positions[edge.from.column].x + positions[edge.from.column].width, x2 = positions[edge.to.column].x, bend = GAP / 2;
      const y1 = a + NODE / 2 + 2, y2 = b + NODE / 2 + 2;
      path.setAttribute("d", `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`);
      path.setAttribute("class", edgeStatus(edge));
      paths.push(path);
      if (paths.length === 3000) break;
    }
    edgesBox.replaceChildren(...paths);
  }

  function show(node) {
    let element = drawn.get(node.key);
    if (!element) {
      element = make("button");
      element.type = "button";
      element.dataset.key = node.key;
      element.tabIndex = -1;
      nodesBox.append(element);
      drawn.set(node.key, element);
    }
    const status = nodeStatus(node), place = positions[node.column];
    const wild = node.name === EVERY || (node.column < 3 && node.name.includes("*"));
    element.className = `node ${status}${wild ? " wild" : ""}${state.follow && state.follow.key === node.key ? " followed" : ""}`;
    const words = node.name === "*" ? "* (every one)" : node.name;
    if (element.dataset.text !== words + node.note) {
      element.dataset.text = words + node.note;
      element.replaceChildren(document.createTextNode(words));
      if (node.note) element.append(make("small", "", node.note));
      element.title = node.note ? `${words}\n${node.note}` : words;
    }
    const change = { added: "gained", removed: "lost", changed: "changed", same: "" }[status];
    element.setAttribute("aria-label", `${COLUMNS[node.column]} ${words}${node.note ? `, ${node.note}` : ""}${change ? `, ${change}` : ""}`);
    element.style.left = `${place.x}px`;
    element.style.width = `${place.width}px`;
    element.style.top = `${node.at + 2}px`;
    element.tabIndex = state.active === node.key ? 0 : -1;
  }

  function refresh(keepScroll) {
    shown = select();
    const ways = shown.length === 1 ? "way" : "ways";
    byId("count").textContent = shown.length === rows.length ? `${rows.length.toLocaleString("en")} ${ways}` : `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} ways`;
    const asTable = state.table || (state.print && shown.length > LARGEST_PRINT);
    byId("table").hidden = !asTable;
    map.hidden = asTable;
    if (asTable) { drawTable(); return; }
    layout = arrange(shown);
    if (!layout.byKey.has(state.active)) state.active = layout.columns[1].length ? layout.columns[1][0].key : null;
    canvas.style.height = `${layout.height + 6}px`;
    if (!keepScroll) map.scrollTop = 0;
    measure();
    draw();
    const empty = byId("empty");
    if (empty) empty.remove();
    if (!shown.length) {
      const nothing = make("p", "notice", rows.length ? "Nothing matches. Esc shows all again." : "These previews show nothing about who may push or pull.");
      nothing.id = "empty";
      map.append(nothing);
    }
  }

  function drawTable() {
    const table = make("table"), head = make("tr"), body = make("tbody");
    for (const name of ["Stack", ...COLUMNS.slice(0, 4), "How", "Repository", "Before", "After"]) head.append(make("th", "", name));
    const most = state.print ? Infinity : LARGEST_TABLE;
    for (const row of shown.slice(0, most)) {
      const line = make("tr", statusOf(row));
      for (const value of [row.stack, ...row.names.slice(0, 4), row.notes[3], row.host ? `${row.host}/${row.names[4]}` : row.names[4], row.before || "–", row.after || "–"]) line.append(make("td", "", value));
      body.append(line);
    }
    const top = make("thead");
    top.append(head);
    table.append(top, body);
    byId("table").replaceChildren(table);
    if (shown.length > most) byId("table").append(make("p", "notice", `The first ${most.toLocaleString("en")} of ${shown.length.toLocaleString("en")} ways. Filter to see the others, or print: paper has them all.`));
  }

  function follow(node) {
    state.follow = node && !(state.follow && state.follow.key === node.key) ? { key: node.key, name: node.name, column: node.column } : null;
    const line = byId("following");
    line.hidden = !state.follow;
    if (state.follow) {
      state.active = state.follow.key;
      line.firstElementChild.textContent = `Following ${COLUMNS[state.follow.column]} ${state.follow.name}: all that leads to it and from it.`;
    }
    const element = document.activeElement, within = map.contains(element);
    refresh(false);
    if (within) focusActive();
  }

  function focusActive() {
    const node = layout.byKey.get(state.active);
    if (!node) return;
    if (node.column && (node.y < map.scrollTop || node.y + ROW > map.scrollTop + map.clientHeight)) map.scrollTop = Math.max(0, node.y - map.clientHeight / 2);
    draw();
    for (const [key, element] of drawn) element.tabIndex = key === state.active ? 0 : -1;
    const element = drawn.get(state.active);
    if (element) element.focus({ preventScroll: true });
  }

  function move(key) {
    const node = layout.byKey.get(state.active);
    if (!node) return;
    const list = layout.columns[node.column], index = list.indexOf(node);
    const nearest = (set) => [...set].sort((a, b) => Math.abs(a.y - node.at) - Math.abs(b.y - node.at))[0];
    const next = { ArrowDown: list[index + 1], ArrowUp: list[index - 1], Home: list[0], End: list[list.length - 1],
      PageDown: list[Math.min(list.length - 1, index + 10)], PageUp: list[Math.max(0, index - 10)],
      ArrowLeft: nearest(node.left), ArrowRight: nearest(node.right) }[key];
    if (next) { state.active = next.key; focusActive(); }
  }

  function clear() {
    if (state.follow) { follow(null); return; }
    state.query = byId("filter").value = "";
    refresh(false);
  }

  const MOVES = new Set(["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "Home", "End", "PageDown", "PageUp"]);
  map.addEventListener("click", (event) => {
    const element = event.target.closest(".node");
    if (element) { state.active = element.dataset.key; follow(layout.byKey.get(element.dataset.key)); }
  });
  map.addEventListener("focusin", (event) => {
    const element = event.target.closest(".node");
    if (element) state.active = element.dataset.key;
  });
  map.addEventListener("keydown", (event) => {
    if (MOVES.has(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); move(event.key); }
  });
  let waiting = false;
  map.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  });
  addEventListener("resize", () => { if (!state.table && !state.print) { measure(); draw(); } });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && event.target !== byId("filter")) { event.preventDefault(); byId("filter").focus(); }
    else if (event.key === "Escape") { event.preventDefault(); clear(); }
    else if (event.key === "ArrowDown" && event.target === byId("filter") && layout.columns[1].length) { event.preventDefault(); state.active = layout.columns[1][0].key; focusActive(); }
  });
  byId("filter").addEventListener("input", (event) => { state.query = event.target.value; refresh(false); });
  byId("changes-only").addEventListener("change", (event) => { state.only = event.target.checked; refresh(false); });
  for (const radio of document.querySelectorAll("input[name=side]")) radio.addEventListener("change", () => { state.side = radio.value; refresh(true); });
  byId("following").querySelector("button").addEventListener("click", () => follow(null));
  byId("as-table").addEventListener("click", (event) => {
    state.table = !state.table;
    event.target.setAttribute("aria-pressed", String(state.table));
    refresh(false);
  });
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  const opened = [];
  addEventListener("beforeprint", () => {
    state.print = true;
    const closed = [...document.querySelectorAll("details:not([open])")];
    if (closed.length <= 60) for (const element of closed) { element.open = true; opened.push(element); }
    refresh(true);
  });
  addEventListener("afterprint", () => {
    state.print = false;
    for (const element of opened.splice(0)) element.open = false;
    refresh(true);
  });

  function stacks() {
    for (const stack of data.stacks) {
      const label = make("label"), box = make("input");
      box.type = "checkbox";
      box.checked = true;
      box.addEventListener("change", () => { if (box.checked) state.stacks.add(stack.name); else state.stacks.delete(stack.name); refresh(false); });
      const parts = Object.entries(stack.counts).filter(([verb]) => verb !== "unchanged" && verb !== "read").map(([verb, number]) => `${number.toLocaleString("en")} to ${verb}`);
      label.append(box, make("b", "", stack.name), make("small", "", stack.failed ? stack.ended : parts.join(", ") || "no changes"));
      byId("stacks").append(label);
      if (stack.failed) byId("notices").append(make("p", "notice bad", `The preview of ${stack.name} ${stack.ended}. ${stack.ended.includes("policy") ? "What is shown may not be deployed." : "What is shown for it is not all that would change."} ${stack.why}`));
      if (stack.corrupt) byId("notices").append(make("p", "notice bad", `The state of ${stack.name} may be damaged.`));
    }
    if (data.stacks.some((stack) => stack.partial)) byId("notices").append(make("p", "notice", "Access that does not change comes from the stacks' outputs, for the previews do not list unchanged resources. pulumi preview --json --show-sames lists them."));
  }

  function risks() {
    byId("risks").hidden = !data.risks.length;
    const list = byId("risks").querySelector("ul");
    for (const risk of data.risks.slice(0, 200)) {
      const item = make("li");
      item.append(make("span", `mark${risk.kind === "data loss" || risk.kind === "broad access" ? " worst" : ""}`, risk.kind), make("b", "", risk.what), ` in ${risk.stack}. ${risk.why} `);
      if (risk.value) item.append(make("code", "", risk.value));
      list.append(item);
    }
    if (data.risks.length > 200) list.append(make("li", "", `and ${(data.risks.length - 200).toLocaleString("en")} more`));
  }

  function findings() {
    byId("findings").hidden = !data.findings.length;
    const box = byId("findings").querySelector("div");
    for (const finding of data.findings.slice(0, 500)) {
      box.append(make("p", finding.level === "mandatory" ? "op delete" : "op", `${finding.level}: ${finding.policy} in ${finding.stack}${finding.about ? `, ${finding.about}` : ""}`), make("pre", "", finding.text));
    }
  }

  function changes() {
    const groups = new Map();
    for (const change of data.changes) {
      const key = `${change.stack}\u0000${change.component}`;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(change);
    }
    byId("changes").hidden = !groups.size;
    const box = byId("changes").querySelector("div"), all = [...groups.values()];
    const more = (from) => {
      for (const group of all.slice(from, from + 100)) box.append(changeGroup(group));
      if (all.length > from + 100) {
        const button = make("button", "quiet", `Show ${Math.min(100, all.length - from - 100)} more of ${(all.length - from - 100).toLocaleString("en")}`);
        button.type = "button";
        button.addEventListener("click", () => { button.remove(); more(from + 100); });
        box.append(button);
      }
    };
    more(0);
  }

  function changeGroup(group) {
    const details = make("details"), summary = make("summary"), numbers = new Map();
    for (const change of group) numbers.set(change.verb, (numbers.get(change.verb) || 0) + 1);
    summary.append(make("b", "", group[0].component || "The stack itself"), make("small", "", `${group[0].stack}: ${[...numbers].map(([verb, number]) => `${number} to ${verb}`).join(", ")}`));
    details.append(summary);
    const fill = () => {
      if (details.childElementCount > 1) return;
      for (const change of group) {
        const line = make("p", "change");
        line.append(make("span", `op ${change.op}`, change.verb), ` ${change.type} `, make("b", "", change.name));
        if (change.reasons.length) line.append(make("small", "", ` ${change.reasons.join(", ")}`));
        details.append(line);
        if (change.diff.length) {
          const pre = make("pre");
          for (const entry of change.diff) pre.append(make("span", { "+": "added", "-": "removed" }[entry[0]] || "", `${entry}\n`));
          details.append(pre);
        } else if (change.cut) details.append(make("p", "change", "Its diff is left out, for the page would be too large."));
      }
    };
    details.addEventListener("toggle", fill);
    details.fill = fill;
    return details;
  }

  function messages() {
    byId("messages").hidden = !data.messages.length;
    for (const message of data.messages.slice(0, 500)) {
      const box = byId("messages").querySelector("div");
      box.append(make("p", message.severity === "error" ? "op delete" : "op", `${message.severity} in ${message.stack}${message.about ? `, ${message.about}` : ""}`), make("pre", "", message.text));
    }
  }

  stacks();
  findings();
  risks();
  refresh(false);
  changes();
  messages();
  addEventListener("beforeprint", () => { for (const element of opened) if (element.fill) element.fill(); });
  document.documentElement.dataset.ready = "true";
})();
