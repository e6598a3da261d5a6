/*
 * timeline: the run over its time: all charts below each other with one cursor and one zoom, above them
 * the phases of the load and pins for what happened. Takes the JSON report (or what has its members
 * `timeline`, `phases`, `events`, `findings`, `errors`, `agents`, `thresholds`).
 *
 *   const shown = Timeline.show(host, report, { idle: "max" });   shown.group, shown.marks
 *   shown.update(report);                                         the same with more seconds
 */
const Timeline = (() => {
  "use strict";

  const { el } = Dom;
  const BANDS = [["p50", "p50", "--p50"], ["p90", "p90", "--p90"], ["p95", "p95", "--p95"], ["p99", "p99", "--p99"], ["p99.9", "p99.9", "--p999"]];
  const COLORS = ["--s1", "--s2", "--s3", "--s4", "--s5", "--s6", "--s7", "--s8"];
  const DASHES = [undefined, [6, 3], [2, 3]];
  const SHOWN = 6; /* limits that are drawn from the start; the others wait in the legend */
  const LOG_FROM = 30; /* times the median: from there on small times need a logarithmic axis to be seen */
  const STEPPED = 150; /* points: with fewer a percentile is drawn as the steps that it is */
  const ERRORS_PINNED = 8;
  const LETTER = 5.8; /* px */

  const most = list => list.reduce((a, b) => (Format.known(b) && b > a ? b : a), 0);
  const any = list => (list || []).some(v => Format.known(v) && v > 0);

  /* ---- columns ---- */

  /* A percentile of a window is that of each of its seconds. */
  function spread(band, t) {
    return t.map(s => {
      const value = band.values[Math.floor((s - t[0]) / band.window_s)];
      return value === undefined ? null : value;
    });
  }

  const nameOf = (server, several) =>
    (several ? server.agent + " " : "") + (server.limit || server.cache) + (server.target ? ` {${server.target}}` : "");

  function columnsOf(report) {
    const line = report.timeline, columns = { ...line, span: line.step_s / line.points_a_step };
    for (const [name] of BANDS) {
      columns[name] = line.response_ms[name] ? spread(line.response_ms[name], line.t) : line.t.map(() => null);
    }
    line.servers.forEach((server, i) => {
      columns[`share${i}`] = server.full_share || server.hit_share;
      columns[`events${i}`] = server.events;
    });
    return columns;
  }

  /* ---- charts ---- */

  function windows(line) {
    const wide = BANDS.filter(([name]) => line.response_ms[name] && line.response_ms[name].window_s > line.step_s && any(line.response_ms[name].values));
    const by = new Map();
    wide.forEach(([name]) => {
      const s = line.response_ms[name].window_s;
      by.set(s, [...(by.get(s) || []), name]);
    });
    return [...by].map(([s, names]) => `${names.join(", ")} of ${s} s at a time`).join("; ");
  }

  /* Bounds on the response times of all requests, as lines in their chart. */
  function bounds(report) {
    return (report.thresholds || []).filter(t => t.metric === "http_response" && t.name === null && /^(p|mean|max)/.test(t.stat) && !t.trend)
      .flatMap(t => Object.entries(t.bounds).slice(0, 3).map(([which, value]) => ({
        value, color: which === "target" ? "--good" : which === "warning" ? "--warn" : "--bad",
        label: `${t.stat} ${which === "max" ? "≤" : which === "min" ? "≥" : which} ${Format.ms(value)}`,
      })));
  }

  /* Windows that are long beside the run would be drawn as blocks that say little. */
  function responseSeries(report, [key, label, color]) {
    const line = report.timeline, length = line.t[line.t.length - 1] - line.t[0] + line.step_s, { window_s: s } = line.response_ms[key];
    return {
      key, label, color, width: key === "p50" ? 2 : 1.5, path: line.t.length < STEPPED || s > line.step_s ? "step" : "line",
      show: s <= length / (key === "p99.9" ? 10 : 2), filled: s <= length / 15,
    };
  }

  function responseChart(report, columns) {
    const series = BANDS.filter(([key]) => any(columns[key])).map(band => responseSeries(report, band));
    const median = columns.p50.filter(Format.known).sort((a, b) => a - b), middle = median[median.length >> 1] || 0;
    return {
      title: "Response time", note: windows(report.timeline), unit: "ms", height: 220, logSwitch: true,
      log: middle > 0 && most(columns["p99.9"].concat(columns.p99)) > LOG_FROM * middle, levels: bounds(report),
      series: [
        { key: "response_max_ms", label: "max", color: "--max", width: 1, dash: [2, 3], show: !series.some(s => s.show) },
        ...series.slice().reverse(),
      ],
      bands: series.slice(1).map((upper, i) => [upper, series[i]]).filter(([upper]) => upper.filled).map(([upper, lower]) => [upper.key, lower.key, upper.color]),
    };
  }

  function rateChart(report, columns) {
    return {
      title: "Requests", unit: "/s", height: 150,
      series: [
        any(columns.planned) ? { key: "planned", label: "iterations due", color: "--planned", width: 1, dash: [5, 3], show: false } : null,
        { key: "started", label: "started", color: "--started" },
        { key: "ok", label: "ended ok", color: "--ok", fill: 0.1 },
      ].filter(Boolean),
    };
  }

  /* On an axis of their own: few among many are to be seen, too. */
  function errorChart(report, columns) {
    return any(columns.errors) || any(columns.dropped) ? {
      title: "Errors", unit: "/s", height: 100,
      series: [
        { key: "errors", label: "errors", color: "--errors", path: "bars", fill: 0.8 },
        any(columns.dropped) ? { key: "dropped", label: "arrivals dropped", color: "--waiting", path: "bars", fill: 0.6 } : null,
      ].filter(Boolean),
    } : null;
  }

  function loadChart(report, columns) {
    return {
      title: "Users and what is in flight", unit: "count", height: 130,
      series: [
        { key: "users", label: "users", color: "--users", path: "step", fill: 0.08 },
        { key: "in_flight", label: "in flight", color: "--flight" },
        any(columns.waiting) ? { key: "waiting", label: "arrivals waiting", color: "--waiting" } : null,
      ].filter(Boolean),
    };
  }

  const idOf = server => `${server.agent}/${server.limit || server.cache}${server.target ? " " + server.target : ""}`;

  /* What the findings name as the bottleneck comes first, and bold. */
  function serverSeries(list, prefix, several, named) {
    const sorted = [...list.filter(([server]) => idOf(server) === named), ...list.filter(([server]) => idOf(server) !== named)];
    return sorted.map(([server, i], at) => ({
      key: `${prefix}${i}`, label: nameOf(server, several), color: COLORS[at % COLORS.length], width: idOf(server) === named ? 3 : 1.5,
      dash: DASHES[Math.floor(at / COLORS.length) % DASHES.length], show: at < SHOWN, spanGaps: false,
    }));
  }

  function serverCharts(report, columns) {
    const servers = report.timeline.servers.map((server, i) => [server, i]);
    const several = new Set(servers.map(([server]) => server.agent)).size > 1;
    const named = ((report.findings || []).find(f => f.kind === "bottleneck") || {}).about;
    const limits = servers.filter(([server]) => server.limit), caches = servers.filter(([server]) => server.cache);
    const bitten = limits.filter(([, i]) => any(columns[`events${i}`]));
    const charts = [];
    if (limits.length) {
      charts.push({
        title: "Server limits, share of what there is", unit: "share", height: 190, least: 1, most: 1, series: serverSeries(limits, "share", several, named),
        note: limits.length > SHOWN ? `the ${SHOWN} that came closest to full; ${limits.length - SHOWN} more beside the chart` : "",
        levels: [{ value: 1, color: "--bad", label: "full" }],
      });
    }
    if (bitten.length) {
      charts.push({
        title: "How often limits bit", unit: "/s", height: 100,
        series: serverSeries(bitten, "events", several, named).map(s => ({ ...s, path: "bars", fill: 0.6, dash: undefined })),
      });
    }
    if (caches.length) {
      charts.push({ title: "Cache hits, share of look-ups", unit: "share", height: 120, least: 1, most: 1, series: serverSeries(caches, "share", several, named) });
    }
    return charts;
  }

  /* ---- marks ---- */

  const TONES = { holds: "tone-good", breaks: "tone-bad", spike: "tone-warn", break: "tone-bad", gap: "tone-calm", found: "tone-good", event: "tone-calm", other: "tone-warn" };

  function level(phase, report) {
    const open = report.plan.loop === "open", words = v => Format.number(v) + (open ? "/s" : v === 1 ? " user" : " users");
    return phase.level_from === phase.level_to || /^(climb|search|verify|down|trial)$/.test(phase.part)
      ? words(phase.level_to) : `${Format.number(phase.level_from)} → ${words(phase.level_to)}`;
  }

  function judged(report, span) {
    const step = (report.findings || []).find(f => f.kind === "step" && f.about === String(span));
    return !step ? "unjudged" : !step.judged ? "unjudged" : step.holds ? "holds" : "breaks";
  }

  function kindOf(phase, report) {
    return /^(climb|search|verify|down)$/.test(phase.part) ? judged(report, phase.span)
      : phase.part === "spike" ? "spike" : phase.part === "trial" ? "trial"
        : /^(warmup|ramp|ramp-down|rest|pause|wait)$/.test(phase.part) ? "warmup" : "plain";
  }

  function phaseMarks(report) {
    return (report.phases || []).map(phase => {
      const kind = kindOf(phase, report), name = phase.part || (phase.level_from === phase.level_to ? "level" : "ramp");
      const sign = kind === "breaks" ? "✗ " : kind === "holds" ? "✓ " : "";
      const number = phase.span && /spike|trial|climb|search|verify|down/.test(phase.part) ? ` ${phase.span}` : "";
      return {
        from: phase.from_s, to: phase.to_s, kind,
        texts: [`${sign}${phase.load ? phase.load + ": " : ""}${name}${number} ${level(phase, report)}`, sign + level(phase, report), sign + Format.number(phase.level_to), sign.trim()],
        label: `${phase.load ? phase.load + ": " : ""}${name}${number}, ${level(phase, report)}, ${Format.moment(phase.from_s)} to ${Format.moment(phase.to_s)}`
          + (kind === "holds" || kind === "breaks" || (kind === "unjudged" && phase.span) ? `: ${kind}` : ""),
      };
    });
  }

  function gapMarks(report, end) {
    return (report.agents || []).flatMap(agent => agent.gaps.map(gap => ({
      from: gap.from_s, to: gap.to_s === null ? end : gap.to_s, kind: "gap", label: `no figures of ${agent.name}: ${gap.why}`,
    })));
  }

  function pinMarks(report) {
    const pins = [];
    (report.events || []).filter(e => e.kind !== "step" && !e.kind.startsWith("alert_")).forEach(e => pins.push({
      t: e.t_s, kind: e.kind === "abort" || e.kind === "saturated" ? "break" : e.kind === "capacity" ? "found" : "event", sign: "i", label: `${e.kind}: ${e.text}`,
    }));
    (report.findings || []).filter(f => f.kind === "break" && Format.known(f.at_s)).forEach(f => pins.push({ t: f.at_s, kind: "break", sign: "✗", label: f.text }));
    (report.findings || []).filter(f => f.kind === "bottleneck" && Format.known(f.onset_s)).forEach(f => pins.push({ t: f.onset_s, kind: "break", sign: "!", label: f.text }));
    (report.errors || []).slice(0, ERRORS_PINNED).forEach(e => pins.push({
      t: e.first_s, kind: "break", sign: "e", label: `first ${e.class} of ${e.name}${e.sample ? ": " + e.sample : ""}`, quiet: true,
    }));
    (report.checks || []).filter(c => c.first_failure).slice(0, ERRORS_PINNED).forEach(c => pins.push({
      t: c.first_failure.t, kind: "other", sign: "c", label: `first failure of the check "${c.name}"`, quiet: true,
    }));
    (report.alerts || []).forEach(a => a.firings.forEach(f => {
      pins.push({ t: f.fired_s, kind: "break", sign: "▲", label: `alert ${a.name} fired: ${f.why}` });
      pins.push({ t: f.resolved_s, kind: "found", sign: "▽", label: `alert ${a.name} resolved` });
    }));
    (report.agents || []).forEach(agent => agent.gaps.forEach(gap => pins.push({ t: gap.from_s, kind: "gap", sign: "–", label: `no figures of ${agent.name} from here: ${gap.why}` })));
    return pins.filter(p => Format.known(p.t)).sort((a, b) => a.t - b.t);
  }

  /* ---- lanes above the charts ---- */

  class Lanes {
    constructor(host, group, say) {
      this.group = group;
      this.say = say; /* what a mark is, to whom points at it */
      this.phases = el("div", { class: "lane", role: "group", "aria-label": "phases of the load" });
      this.pins = el("div", { class: "lane pins", role: "group", "aria-label": "what happened" });
      this.side = el("div", { class: "side" });
      host.append(el("div", { class: "chart" }, el("div", { class: "row" }, el("div", { class: "plot" }, this.phases, this.pins), this.side)));
      group.on("zoom", () => this.place());
      new ResizeObserver(() => this.place()).observe(this.phases);
    }

    button(mark, text, onclick) {
      const button = el("button", { type: "button", class: `mark ${TONES[mark.kind] || "tone-calm"}`, title: mark.label, "aria-label": mark.label, "data-kind": mark.kind }, text);
      button.addEventListener("click", onclick);
      for (const [event, text] of [["mouseenter", mark.label], ["focus", mark.label], ["mouseleave", ""], ["blur", ""]]) {
        button.addEventListener(event, () => this.say(text));
      }
      return button;
    }

    show(spans, pins) {
      this.list = [
        ...spans.map(mark => ({ mark, node: this.button(mark, mark.texts[0], () => this.group.zoom(mark.from, mark.to)) })),
        ...pins.map(mark => ({ mark, node: this.button(mark, mark.sign, () => this.group.point(mark.t)) })),
      ];
      this.phases.replaceChildren(...this.list.filter(({ mark }) => mark.texts).map(({ node }) => node));
      this.pins.replaceChildren(...this.list.filter(({ mark }) => !mark.texts).map(({ node }) => node));
      this.pins.hidden = pins.length === 0;
      this.place();
    }

    place() {
      const [from, to] = this.group.view(), width = this.phases.clientWidth - Charts.AXIS - Charts.RIGHT;
      const x = t => Charts.AXIS + ((t - from) / Math.max(to - from, 1e-9)) * width;
      for (const { mark, node } of this.list || []) {
        if (mark.texts) {
          const left = Math.max(x(Math.max(mark.from, from)), Charts.AXIS), right = Math.min(x(mark.to), Charts.AXIS + width);
          node.hidden = right - left < 1;
          node.style.left = `${left}px`;
          node.style.width = `${Math.max(right - left - 1, 2)}px`;
          node.textContent = mark.texts.find(text => text.length * LETTER + 10 < right - left) || "";
        } else {
          node.hidden = mark.t < from || mark.t > to;
          node.style.left = `${x(mark.t)}px`;
        }
      }
    }
  }

  /* ---- all of it ---- */

  const HOW = "Drag to zoom all charts; click a phase to zoom to it; double-click, or Escape, shows all.";

  function toolbar(group) {
    const all = el("button", { type: "button", disabled: true }, "Show all"), where = el("output", null), what = el("span", { class: "note" }, HOW);
    all.addEventListener("click", () => group.reset());
    group.on("zoom", ([from, to], zoomed) => {
      all.disabled = !zoomed;
      where.textContent = zoomed ? `${Format.moment(from)} to ${Format.moment(to)}` : "";
    });
    return { node: el("div", { class: "toolbar noprint" }, all, where, what), say: text => { what.textContent = text || HOW; } };
  }

  /* The same marks as a list, for those who read, search or print. */
  function told(group, spans, gaps, pins) {
    const rows = [...spans, ...gaps, ...pins].map(m => ({ t: m.from === undefined ? m.t : m.from, label: m.label })).sort((a, b) => a.t - b.t);
    return el("details", { class: "happened" }, el("summary", null, `What happened when: ${rows.length} marks`), el("ol", null, rows.map(m => {
      const button = el("button", { type: "button", class: "link" }, Format.moment(m.t));
      button.addEventListener("click", () => group.point(m.t));
      return el("li", null, button, " ", m.label);
    })));
  }

  function show(host, report, options) {
    const charts = el("div"), head = el("div"), below = el("div"), columns = columnsOf(report);
    const group = Charts.group(charts, { idle: (options || {}).idle || "max" });
    const bar = toolbar(group);
    head.append(bar.node);
    host.append(head, charts, below);
    const lanes = new Lanes(head, group, bar.say);
    [responseChart, rateChart, errorChart, loadChart].map(make => make(report, columns)).concat(serverCharts(report, columns)).filter(Boolean)
      .forEach(o => group.add(o));
    const shown = { group, marks: [], update };

    function update(now) {
      const t = now.timeline.t, spans = phaseMarks(now), pins = pinMarks(now), gaps = gapMarks(now, t[t.length - 1]);
      group.marks({ spans: [...spans, ...gaps], lines: pins.filter(p => !p.quiet) });
      group.data(columnsOf(now));
      lanes.show(spans, pins);
      below.replaceChildren(told(group, spans, gaps, pins));
      shown.marks = [...spans, ...gaps, ...pins];
    }

    update(report);
    return shown;
  }

  return { show, columnsOf };
})();
