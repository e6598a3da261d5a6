/*
 * charts: charts (uPlot) that belong together: one cursor and one zoom over all of a group.
 *
 *   const g = Charts.group(host, { x: {...}, idle: "max" | "last", labelled });
 *   g.add({ title, unit, height, series: [{ key, label, color, ... }], bands: [[upper, lower, color]] });
 *   g.data({ t: [...], KEY: [...], span });   columns of equal length, `t` (or x.key) rising; null: not
 *                                       known. `span`: so much of x the last row is of. Again at any
 *                                       time with more rows: a zoom stays, the cursor, too
 *   g.marks({ spans: [{ from, to, kind, label }], lines: [{ t, kind, label }] });
 *   g.zoom(from, to); g.reset(); g.point(x);
 *   g.on("zoom" | "point", fn);
 *
 * Colours are names of custom properties of the page's style ("--p50"), so that a theme is style alone.
 * With the keyboard, on a chart: arrows move the cursor (with Shift by ten), + and - zoom, Home and End
 * go to the ends, Escape shows all.
 */
const Charts = (() => {
  "use strict";

  const { el, svg } = Dom;
  const AXIS = 62; /* px: the same for all charts, so that their times are below each other */
  const RIGHT = 22;
  const LABEL_ROOM = 0.08; /* of the height, above the highest value, for each label of a line */
  const TABLE_ROWS = 1000;
  const TIME_STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];

  const groups = new Set();
  let colors = new Map();

  function color(name) {
    if (!colors.has(name)) {
      colors.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim() || "#888");
    }
    return colors.get(name);
  }

  /* After the theme has changed, or the page's width. */
  function redraw() {
    colors = new Map();
    for (const g of groups) {
      g.resize(true);
    }
  }

  function veil(name, alpha) {
    const hex = color(name).replace("#", "");
    const part = i => parseInt(hex.slice(i, i + 2), 16);
    return `rgba(${part(0)},${part(2)},${part(4)},${alpha})`;
  }

  function nearest(xs, x) {
    let low = 0, high = xs.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (xs[middle] <= x) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return xs.length && Math.abs(xs[high] - x) < Math.abs(xs[low] - x) ? high : low;
  }

  /* ---- what uPlot is told ---- */

  const PATHS = {
    line: null,
    step: () => uPlot.paths.stepped({ align: 1 }),
    bars: () => uPlot.paths.bars({ size: [0.94, 1000], align: 1 }),
    points: () => () => null,
  };

  function seriesOptions(s) {
    const path = PATHS[s.path || "line"];
    return {
      label: s.label,
      show: s.show !== false,
      scale: "y",
      stroke: () => color(s.color),
      fill: s.fill ? () => veil(s.color, s.fill) : undefined,
      width: s.path === "points" || s.path === "bars" ? 0 : s.width || 1.5,
      dash: s.dash,
      spanGaps: s.spanGaps === true,
      paths: path ? path() : undefined,
      points: s.path === "points"
        ? { show: true, size: 8, fill: () => veil(s.color, 0.7), stroke: () => color(s.color), width: 1 }
        : { show: (u, i, from, to) => to - from < 2, size: 5, fill: () => color(s.color) },
    };
  }

  /* Of a logarithmic axis: 1, 2 and 5 of each decade, and where that is many, 1 alone. */
  function rounds(u, ticks) {
    const { min, max } = u.scales.y, keep = max / min > 2000 ? [1] : [1, 2, 5];
    return ticks.map(v => (keep.includes(+(v / 10 ** Math.floor(Math.log10(v) + 1e-9)).toPrecision(3)) ? v : null));
  }

  const stepDown = v => { const d = 10 ** Math.floor(Math.log10(v)); return d * [5, 2, 1].find(k => k * d <= v * 1.0001); };
  const stepUp = v => { const d = 10 ** Math.floor(Math.log10(v)); return d * [1, 2, 5, 10].find(k => k * d >= v * 0.9999); };

  function axes(x, chart) {
    const unit = chart.options.unit;
    const line = () => color("--grid"), ink = () => color("--muted");
    const few = chart.log ? { filter: rounds } : {};
    const common = { stroke: ink, font: "11px system-ui, sans-serif", ticks: { stroke: line, width: 1, size: 4 } };
    return [
      {
        ...common, size: 26, grid: { stroke: line, width: 1 }, space: 70,
        incrs: x.steps, splits: x.splits, values: (u, ticks) => ticks.map(t => (t === null ? "" : x.format(t))),
      },
      {
        ...common, ...few, size: AXIS, grid: { stroke: line, width: 1, ...few }, ticks: { ...common.ticks, ...few }, space: 26,
        values: (u, ticks) => ticks.map(v => (v === null || v === undefined ? "" : Format.unit(unit).tick(v))),
      },
    ];
  }

  function range(chart) {
    return (u, low, high) => {
      const room = chart.group.labelled ? 1 + LABEL_ROOM * Math.min(chart.group.lines.length, 5) : 1;
      if (chart.log) {
        const least = Math.max(low || 1, 1e-3), most = Math.max(high || 10, least * 2);
        return [stepDown(least), stepUp(most * (most / least) ** (room - 1))];
      }
      const top = room * Math.max(high === null ? 0 : high, chart.least || 0);
      return [0, top > 0 ? (chart.most && top <= chart.most ? chart.most * 1.04 : top * 1.08) : 1];
    };
  }

  /* ---- marks ---- */

  function drawSpans(u, g) {
    const ctx = u.ctx, { top, height, left, width } = u.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    for (const span of g.spans) {
      const from = u.valToPos(span.from, "x", true), to = u.valToPos(span.to, "x", true);
      if (to < left || from > left + width || span.kind === "plain") {
        continue;
      }
      ctx.fillStyle = veil(`--mark-${span.kind}`, span.kind === "gap" ? 0.28 : 0.07);
      ctx.fillRect(from, top, Math.max(to - from, 1), height);
    }
    ctx.restore();
  }

  function drawLines(u, g) {
    const ctx = u.ctx, { top, height, left, width } = u.bbox, ratio = devicePixelRatio || 1;
    let placed = [];
    ctx.save();
    ctx.lineWidth = ratio;
    for (const line of g.lines) {
      const at = Math.round(u.valToPos(line.t, "x", true)) + 0.5;
      if (at >= left && at <= left + width) {
        ctx.strokeStyle = color(`--mark-${line.kind}`);
        ctx.setLineDash([4 * ratio, 3 * ratio]);
        ctx.beginPath();
        ctx.moveTo(at, top);
        ctx.lineTo(at, top + height);
        ctx.stroke();
        if (g.labelled) {
          placed = drawLabel(ctx, line, at, u.bbox, ratio, placed);
        }
      }
    }
    ctx.restore();
  }

  /* Beside its line, below those that are too near; gives where all stand. */
  function drawLabel(ctx, line, at, { left, top, width }, ratio, placed) {
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    ctx.fillStyle = color(`--mark-${line.kind}`);
    const long = ctx.measureText(line.label).width, before = at + long + 8 * ratio > left + width;
    const from = before ? at - long - 4 * ratio : at + 4 * ratio;
    let row = 0;
    while (placed.some(p => p.row === row && from < p.to + 4 * ratio && from + long > p.from - 4 * ratio)) {
      row++;
    }
    ctx.fillText(line.label, from, top + (3 + 13 * row) * ratio);
    return [...placed, { row, from, to: from + long }];
  }

  function drawLevels(u, chart) {
    const ctx = u.ctx, { top, height, left, width } = u.bbox, ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.lineWidth = ratio;
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    for (const level of chart.levels || []) {
      const at = Math.round(u.valToPos(level.value, "y", true)) + 0.5;
      if (at >= top && at <= top + height) {
        ctx.strokeStyle = ctx.fillStyle = color(level.color);
        ctx.setLineDash([2 * ratio, 3 * ratio]);
        ctx.beginPath();
        ctx.moveTo(left, at);
        ctx.lineTo(left + width, at);
        ctx.stroke();
        ctx.textBaseline = at - top < 16 * ratio ? "top" : "bottom";
        ctx.fillText(level.label, left + 6 * ratio, at + (at - top < 16 * ratio ? 3 : -2) * ratio);
      }
    }
    ctx.restore();
  }

  /* ---- one chart ---- */

  class Chart {
    constructor(group, options) {
      this.group = group;
      this.options = options;
      this.log = options.log === true;
      this.least = options.least;
      this.most = options.most;
      this.levels = options.levels;
      this.values = [];
      this.plot = el("div", {
        class: "plot", tabindex: 0, role: "group",
        "aria-label": `${options.title}: chart. Arrow keys move the cursor, plus and minus zoom, Escape shows all.`,
      });
      this.when = el("span", { class: "when" });
      this.legend = el("ul", { class: "legend" }, options.series.map((s, i) => this.entry(s, i)));
      this.table = el("div", { class: "data", hidden: true });
      this.node = el("figure", { class: "chart" },
        el("figcaption", null, el("b", null, options.title), options.note ? el("span", { class: "note" }, options.note) : null,
          el("span", { class: "switches noprint" }, options.logSwitch ? this.logSwitch() : null, this.dataSwitch())),
        el("div", { class: "row" }, this.plot, el("div", { class: "side" }, this.when, this.legend)), this.table);
      this.plot.addEventListener("keydown", e => this.key(e));
      group.host.append(this.node);
      this.make();
    }

    entry(s, i) {
      const swatch = el("i", { class: "swatch" });
      swatch.style.background = `var(${s.color})`;
      this.values[i] = el("span", { class: "value", "data-key": s.key });
      const button = el("button", { type: "button", "aria-pressed": String(s.show !== false), title: s.title || s.label },
        swatch, el("span", { class: "label" }, s.label));
      button.addEventListener("click", () => this.toggle(i, button));
      return el("li", null, button, this.values[i]);
    }

    logSwitch() {
      const box = el("input", { type: "checkbox", checked: this.log });
      box.addEventListener("change", () => {
        this.log = box.checked;
        this.make();
      });
      return el("label", null, box, "log scale");
    }

    dataSwitch() {
      const box = el("input", { type: "checkbox" });
      box.addEventListener("change", () => {
        this.table.hidden = !box.checked;
        this.fillTable();
      });
      return el("label", null, box, "as a table");
    }

    toggle(i, button) {
      const show = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(show));
      this.options.series[i].show = show;
      this.u.setSeries(i + 1, { show });
      this.told();
    }

    make() {
      const g = this.group, o = this.options, at = new Map(o.series.map((s, i) => [s.key, i + 1]));
      if (this.u) {
        this.u.destroy();
      }
      this.u = new uPlot({
        width: this.width(), height: o.height || 150, padding: [8, RIGHT, 0, 0],
        legend: { show: false },
        cursor: {
          y: false, points: { size: 6, fill: (u, i) => color(o.series[i - 1].color) },
          drag: { x: true, y: false, setScale: false },
          bind: { dblclick: () => () => { g.reset(); return null; } },
        },
        scales: {
          x: { time: false, range: (u, low, high) => g.range(low, high) },
          y: { distr: this.log ? 3 : 1, range: range(this) },
        },
        axes: axes(g.x, this),
        series: [{}, ...o.series.map(seriesOptions)],
        bands: (o.bands || []).map(([upper, lower, name]) => ({
          series: [at.get(upper), at.get(lower)], fill: () => veil(name, 0.16),
        })),
        hooks: {
          drawClear: [u => drawSpans(u, g)],
          draw: [u => { drawLines(u, g); drawLevels(u, this); }],
          setCursor: [u => g.follow(this, u)],
          setSelect: [u => this.selected(u)],
        },
      }, this.columns(), this.plot);
    }

    /* As they are drawn: what the last row holds is drawn to the end of its span. */
    columns() {
      const { columns, x } = this.group, xs = columns[x.key] || [], last = xs.length - 1;
      const lists = this.options.series.map(s => columns[s.key] || new Array(xs.length).fill(null));
      return columns.span && last >= 0
        ? [[...xs, xs[last] + columns.span], ...lists.map((list, i) => [...list, this.options.series[i].path === "bars" ? null : list[last]])]
        : [xs, ...lists];
    }

    width() {
      return Math.max(this.plot.clientWidth || 600, 120);
    }

    selected(u) {
      const { left, width } = u.select;
      if (width > 2) {
        this.group.zoom(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
      }
      u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    }

    key(e) {
      const g = this.group, step = e.shiftKey ? 10 : 1;
      const moves = { ArrowLeft: () => g.step(-step), ArrowRight: () => g.step(step), Home: () => g.step(-Infinity),
        End: () => g.step(Infinity), "+": () => g.scale(0.5), "=": () => g.scale(0.5), "-": () => g.scale(2), Escape: () => g.reset() };
      if (moves[e.key] && !e.ctrlKey && !e.metaKey && !e.altKey) {
        e.preventDefault();
        moves[e.key]();
        g.spoken.textContent = `${this.options.title} ${this.when.textContent}: `
          + this.options.series.map((s, i) => (s.show === false ? "" : `${s.label} ${this.values[i].textContent}`)).filter(Boolean).join(", ");
      }
    }

    /* The values beside the names: at the cursor, else the highest (or last) ones in view. */
    told() {
      const g = this.group, data = this.u.data, unit = Format.unit(this.options.unit);
      const [from, to] = g.view();
      this.when.textContent = g.index !== null ? `at ${g.x.format(data[0][g.index])}` : g.idle === "last" ? "now" : "highest";
      this.options.series.forEach((s, i) => {
        let value = null;
        if (g.index !== null) {
          value = data[i + 1][g.index];
        } else if (g.idle === "last") {
          value = data[i + 1][g.rows() - 1];
        } else {
          for (let k = nearest(data[0], from); k < g.rows() && data[0][k] <= to; k++) {
            const here = data[i + 1][k];
            value = Format.known(here) && (value === null || here > value) ? here : value;
          }
        }
        this.values[i].textContent = Format.known(value) ? unit.text(value) : Format.NONE;
        this.values[i].dataset.v = Format.known(value) ? value : "";
      });
    }

    fillTable() {
      if (this.table.hidden) {
        return;
      }
      const g = this.group, data = this.u.data, [from, to] = g.view(), rows = [];
      for (let k = 0; k < g.rows() && rows.length < TABLE_ROWS; k++) {
        if (data[0][k] >= from && data[0][k] <= to) {
          rows.push(data.map((column, i) => Dom.figure("td", column[k], column[k] === null || column[k] === undefined
            ? Format.NONE : i === 0 ? g.x.format(column[k]) : String(column[k]))));
        }
      }
      const head = [g.x.label, ...this.options.series.map(s => s.label)];
      this.table.replaceChildren(Dom.table(head, rows, { label: `${this.options.title}: data` }),
        rows.length === TABLE_ROWS ? el("p", { class: "note" }, `the first ${TABLE_ROWS} rows in view; zoom for others`) : "");
    }
  }

  /* ---- a group ---- */

  const TIME = { key: "t", label: "time", format: Format.moment, steps: TIME_STEPS };

  class Group {
    constructor(host, options) {
      this.host = host;
      this.x = { ...TIME, ...(options || {}).x };
      this.idle = (options || {}).idle || "max";
      this.labelled = (options || {}).labelled === true; /* lines have their labels beside them */
      this.charts = [];
      this.columns = { [this.x.key]: [] };
      this.spans = [];
      this.lines = [];
      this.index = null;
      this.zoomed = null;
      this.busy = false;
      this.listeners = { zoom: [], point: [] };
      this.spoken = el("p", { class: "spoken", "aria-live": "polite" }); /* what the keyboard came to */
      host.append(this.spoken);
      new ResizeObserver(() => this.resize(false)).observe(host);
      groups.add(this);
    }

    on(what, fn) {
      this.listeners[what].push(fn);
      return this;
    }

    say(what, ...more) {
      this.listeners[what].forEach(fn => fn(...more));
    }

    add(options) {
      const chart = new Chart(this, options);
      this.charts.push(chart);
      return chart;
    }

    all() {
      const xs = this.columns[this.x.key];
      return xs.length ? [xs[0], xs[xs.length - 1] + (this.columns.span || 0)] : [0, 1];
    }

    rows() {
      return this.columns[this.x.key].length;
    }

    view() {
      return this.zoomed || this.all();
    }

    range(low, high) {
      const [from, to] = this.view(), pad = this.zoomed ? 0 : (this.x.pad || 0) * (to - from);
      return to > from ? [from - pad, to + pad] : [from - 0.5, to + 0.5];
    }

    data(columns) {
      this.columns = columns;
      if (this.index !== null && this.index >= columns[this.x.key].length) {
        this.index = null;
      }
      this.charts.forEach(chart => chart.u.setData(chart.columns(), true));
      this.tell();
    }

    marks({ spans, lines }) {
      this.spans = spans || [];
      this.lines = lines || [];
      this.charts.forEach(chart => (this.labelled ? chart.u.setData(chart.u.data, true) : chart.u.redraw(false, false)));
    }

    zoom(from, to) {
      const [first, last] = this.all();
      const low = Math.max(Math.min(from, to), first), high = Math.min(Math.max(from, to), last);
      if (high - low < (this.x.closest || 2)) {
        return;
      }
      this.zoomed = low <= first && high >= last ? null : [low, high];
      this.apply();
    }

    reset() {
      this.zoomed = null;
      this.apply();
    }

    /* Zooms around the cursor, or the middle. */
    scale(by) {
      const [from, to] = this.view(), xs = this.columns[this.x.key];
      const at = this.index !== null ? xs[this.index] : (from + to) / 2;
      this.zoom(at - (at - from) * by, at + (to - at) * by);
    }

    apply() {
      const [min, max] = this.range();
      this.charts.forEach(chart => chart.u.setScale("x", { min, max }));
      this.place();
      this.tell();
      this.say("zoom", this.view(), this.zoomed !== null);
    }

    /* The mouse moved on one chart: the others follow. */
    follow(chart, u) {
      if (this.busy) {
        return;
      }
      this.index = u.cursor.left >= 0 && u.cursor.idx !== null && u.cursor.idx !== undefined ? Math.min(u.cursor.idx, this.rows() - 1) : null;
      this.place(chart);
      this.tell();
      this.say("point", this.index === null ? null : this.columns[this.x.key][this.index]);
    }

    place(except) {
      const xs = this.columns[this.x.key];
      this.busy = true;
      for (const chart of this.charts) {
        if (chart !== except) {
          const left = this.index === null ? -10 : chart.u.valToPos(xs[this.index], "x");
          chart.u.setCursor({ left, top: this.index === null ? -10 : 10 }, false);
        }
      }
      this.busy = false;
    }

    /* To the row nearest to x; null: nowhere. */
    point(x) {
      const xs = this.columns[this.x.key];
      this.index = x === null || !xs.length ? null : nearest(xs, x);
      this.place();
      this.tell();
      this.say("point", this.index === null ? null : xs[this.index]);
    }

    step(by) {
      const xs = this.columns[this.x.key], [from, to] = this.view();
      const first = nearest(xs, from), last = nearest(xs, to);
      const at = this.index === null ? (by > 0 ? first - 1 : last + 1) : this.index;
      this.point(xs[Math.min(Math.max(at + by, first), last)]);
    }

    tell() {
      this.charts.forEach(chart => { chart.told(); chart.fillTable(); });
    }

    resize(force) {
      for (const chart of this.charts) {
        const width = chart.width();
        if (width !== chart.u.width) {
          chart.u.setSize({ width, height: chart.u.height });
        } else if (force) {
          chart.u.redraw(false, true);
        }
      }
    }

    free() {
      groups.delete(this);
      this.charts.forEach(chart => chart.u.destroy());
      this.host.replaceChildren();
    }
  }

  /* ---- sparklines ---- */

  /* Values as a line of 120 x 26; null leaves a hole. */
  function spark(values, name, label) {
    const most = Math.max(...values.filter(Format.known), 0), width = 120, height = 26;
    const x = i => (values.length > 1 ? (i / (values.length - 1)) * width : width / 2).toFixed(1);
    const y = v => (height - 2 - (most > 0 ? (v / most) * (height - 4) : 0)).toFixed(1);
    let path = "", pen = "M";
    values.forEach((v, i) => {
      const known = Format.known(v);
      path += known ? `${pen}${x(i)} ${y(v)}` : "";
      path += known && pen === "M" && !Format.known(values[i + 1]) ? "h0.01" : "";
      pen = known ? "L" : "M";
    });
    const line = svg("path", { d: path || "M0 0", fill: "none", "stroke-width": 1.5, "stroke-linejoin": "round", "stroke-linecap": "round" });
    line.style.stroke = `var(${name})`;
    return svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, line);
  }

  return { group: (host, options) => new Group(host, options), spark, redraw, color, AXIS, RIGHT };
})();
