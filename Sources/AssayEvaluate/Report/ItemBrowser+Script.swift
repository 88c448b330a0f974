// What draws the items in the page.

extension ItemBrowser {
  static let style = """
    .tools{display:flex;flex-wrap:wrap;gap:8px;align-items:center;margin:12px 0}
    .tools input,.tools select,.tools button{font:inherit;font-size:14px;color:var(--fg);
    background:var(--soft);border:1px solid var(--line);border-radius:7px;padding:5px 9px;max-width:100%}
    .tools input{flex:1 1 180px}#count{color:var(--muted);font-size:14px}
    .row{border-bottom:1px solid var(--line);padding:7px 4px;cursor:pointer}
    .row:focus{outline:2px solid var(--c0);outline-offset:-2px}
    .line{display:flex;gap:12px;font-size:14px;align-items:baseline}
    .line .title{flex:1;min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
    .line .where{color:var(--muted);max-width:30%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
    .row ins{background:color-mix(in srgb,var(--good) 22%,transparent);text-decoration:none}
    .row mark{background:color-mix(in srgb,var(--c1) 30%,transparent);color:inherit}
    .row del{background:color-mix(in srgb,var(--bad) 22%,transparent);text-decoration:none}
    """

  /// Plain script, without a library: texts are set as text, never as markup.
  static let script = #"""
    (() => {
      const data = JSON.parse(document.getElementById("items").textContent);
      const size = 40, at = id => document.getElementById(id);
      let shown = data.items, page = 0, place = 0;
      const make = (tag, name, text) => {
        const element = document.createElement(tag);
        if (name) element.className = name;
        if (text !== undefined) element.textContent = text;
        return element;
      };
      const sections = [...new Set(data.items.map(item => item.s))].filter(Boolean).sort();
      for (const name of ["", ...sections]) {
        const option = make("option", "", name || "all sections");
        option.value = name;
        at("section").append(option);
      }
      const right = value => value === 1, wrong = value => value !== null && value < 1;
      const states = {
        all: () => true,
        right: o => right(o[0]), wrong: o => wrong(o[0]), missing: o => o.includes(null),
        changed: o => o[0] !== null && o[1] !== null && right(o[0]) !== right(o[1]),
        first: o => right(o[0]) && wrong(o[1]), second: o => right(o[1]) && wrong(o[0]),
      };
      const margin = item => item.m[0] === null ? 0 : item.m[0];
      const length = item => item.c.reduce((sum, one) => sum + one.t.length, item.p.length);
      const sorts = {
        sure: (a, b) => margin(a) - margin(b),
        close: (a, b) => Math.abs(margin(a)) - Math.abs(margin(b)),
        long: (a, b) => length(b) - length(a),
      };
      const mark = value =>
        value === null ? "\u2013" : value === 1 ? "\u2713" : value === 0 ? "\u2717"
          : (100 * value).toFixed(0) + " %";
      // The longest common words of two texts; of long ones the comparison would take too long.
      const differ = (a, b) => {
        const x = a.split(/(\s+)/), y = b.split(/(\s+)/);
        if (x.length * y.length > 400000) return null;
        const table = Array.from({length: x.length + 1}, () => new Uint16Array(y.length + 1));
        for (let i = x.length - 1; i >= 0; i--)
          for (let j = y.length - 1; j >= 0; j--)
            table[i][j] = x[i] === y[j] ? table[i + 1][j + 1] + 1
              : Math.max(table[i + 1][j], table[i][j + 1]);
        const own = [[], []];
        let i = 0, j = 0;
        while (i < x.length || j < y.length) {
          if (i < x.length && j < y.length && x[i] === y[j]) {
            own[0].push([x[i++], false]);
            own[1].push([y[j++], false]);
          } else if (j >= y.length || (i < x.length && table[i + 1][j] >= table[i][j + 1])) {
            own[0].push([x[i++], true]);
          } else own[1].push([y[j++], true]);
        }
        return own;
      };
      const opened = item => {
        const box = make("div", "opened");
        box.append(make("pre", "prompt", item.p));
        data.runs.forEach((run, index) =>
          box.append(make("p", "note", run + ": " + mark(item.o[index]) + "  " + item.v[index])));
        item.x.forEach((texts, run) => texts.forEach(one => {
          box.append(make("p", "note", (data.runs.length > 1 ? data.runs[run] + ": " : "") + one.h));
          const [start, end] = one.d.length ? one.d : [0, 0], quote = make("blockquote");
          quote.append(one.t.slice(0, start), make("mark", "", one.t.slice(start, end)), one.t.slice(end));
          box.append(quote);
        }));
        const parts = item.c.length === 2 ? differ(item.c[0].t, item.c[1].t) : null;
        const grid = make("div", "responses");
        item.c.forEach((one, index) => {
          const response = make("div", "response"), text = make("pre");
          const head = make("div", "head");
          head.append(make("span", one.r ? "good" : "bad", one.r ? "\u2713 better" : "\u2717 worse"));
          if (parts) for (const [word, isOwn] of parts[index])
            text.append(isOwn ? make(one.r ? "ins" : "del", "", word) : word);
          else text.textContent = one.t;
          response.append(head, text);
          grid.append(response);
        });
        box.append(grid);
        return box;
      };
      const toggle = (row, item) => {
        const open = row.querySelector(".opened");
        if (open) open.remove(); else row.append(opened(item));
      };
      const draw = () => {
        const part = shown.slice(page * size, (page + 1) * size);
        at("rows").replaceChildren(...part.map((item, index) => {
          const row = make("div", "row"), line = make("div", "line");
          row.tabIndex = 0;
          row.setAttribute("role", "listitem");
          item.o.forEach(value =>
            line.append(make("span", right(value) ? "good" : wrong(value) ? "bad" : "", mark(value))));
          line.append(make("span", "title", item.p.slice(0, 200).replace(/\s+/g, " ")));
          line.append(make("span", "where", item.s + " " + item.id));
          row.append(line);
          line.onclick = () => { place = index; toggle(row, item); };
          row.onfocus = () => { place = index; };
          row.onkeydown = event => { if (event.key === "Enter") toggle(row, item); };
          return row;
        }));
        const last = Math.min(shown.length, (page + 1) * size);
        at("count").textContent =
          shown.length ? `${page * size + 1} to ${last} of ${shown.length}` : "none";
        at("back").disabled = page === 0;
        at("next").disabled = last >= shown.length;
      };
      const choose = () => {
        const words = at("q").value.toLowerCase(), section = at("section").value;
        const which = at("state").value, sort = sorts[at("sort").value];
        const fits = which[0] === "=" ? item => item.w.includes(which.slice(1))
          : item => states[which](item.o);
        shown = data.items.filter(item => (!section || item.s === section) && fits(item)
          && (!words || [item.id, item.p, ...item.c.map(one => one.t),
            ...item.x.flat().map(one => one.t)].some(text => text.toLowerCase().includes(words))));
        if (sort) shown = shown.slice().sort(sort);
        page = place = 0;
        draw();
      };
      for (const id of ["q", "section", "state", "sort"]) at(id).oninput = choose;
      for (const link of document.querySelectorAll("[data-item]")) link.onclick = () => {
        shown = data.items.filter(item => item.id === link.dataset.item);
        page = place = 0;
        draw();
        const row = at("rows").firstElementChild;
        if (row) toggle(row, shown[0]);
      };
      const turn = step => { page += step; place = 0; draw(); };
      at("back").onclick = () => turn(-1);
      at("next").onclick = () => turn(1);
      at("save").onclick = () => {
        const lines = shown.map(item => JSON.stringify({
          id: item.id, section: item.s, prompt: item.p,
          responses: item.c.map(one => ({text: one.t, better: one.r})),
          runs: data.runs.map((run, index) =>
            ({run, outcome: item.o[index], margin: item.m[index], said: item.v[index],
              texts: (item.x[index] || []).map(one => one.t)})),
        }) + "\n");
        const link = make("a");
        link.href = URL.createObjectURL(new Blob(lines, {type: "application/jsonl"}));
        link.download = "items.jsonl";
        link.click();
        URL.revokeObjectURL(link.href);
      };
      document.addEventListener("keydown", event => {
        if (["INPUT", "SELECT"].includes(event.target.tagName)) return;
        if (event.key === "/") { event.preventDefault(); at("q").focus(); }
        const step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
        if (!step) return;
        const rows = at("rows").children;
        if (event.target.className === "row") place += step;
        place = Math.max(0, Math.min(rows.length - 1, place));
        if (rows[place]) rows[place].focus();
      });
      draw();
    })();
    """#
}
