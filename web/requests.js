/*
 * requests: a row a request name with its course as sparklines; what can be opened below a row shows its
 * times over the run, how they are spread, where they went, and how they ended.
 */
const Requests = (() => {
  "use strict";

  const { el, figure } = Dom;
  const PHASES = [["blocked", "--s7"], ["dns", "--s4"], ["connect", "--s2"], ["tls", "--s6"], ["send", "--s5"], ["wait", "--s1"], ["receive", "--s3"]];
  const FILTER_FROM = 12; /* rows */

  const ended = r => Object.values(r.outcomes).reduce((a, b) => a + b, 0);
  const errors = r => Object.entries(r.outcomes).reduce((a, [name, n]) => a + (name === "ok" || name === "abandoned" ? 0 : n), 0);
  const errorsShare = r => (ended(r) ? errors(r) / ended(r) : null);
  const time = key => ({ text: key, value: r => r.response_ms[key], show: Format.ms });

  const COLUMNS = [
    { text: "request", value: r => r.name, name: true },
    { text: "started", value: r => r.started, show: Format.count },
    { text: "ok/s", value: r => r.ok_per_s, show: Format.number },
    { text: "errors", value: errorsShare, show: Format.share, alarm: v => v > 0 },
    time("p50"), time("p90"), time("p95"), time("p99"), time("p99.9"), time("max"),
  ];

  /* ---- percentiles ---- */

  const place = q => -Math.log10(1 - q / 100);
  const TICKS = [0, 50, 90, 99, 99.9, 99.99, 99.999];

  /* Response against service time by percentile, the far ones drawn apart. */
  function curve(host, of, note) {
    const group = Charts.group(host, {
      x: {
        key: "x", label: "percentile", format: v => "p" + +(100 - 100 * 10 ** -v).toFixed(4), closest: 0.05,
        splits: u => TICKS.map(place).filter(x => x >= u.scales.x.min - 1e-9 && x <= u.scales.x.max + 1e-9),
      },
    });
    group.add({
      title: "Response and service time by percentile", unit: "ms", height: 210, logSwitch: true, note,
      series: [{ key: "response", label: "response", color: "--p99", width: 2 }, { key: "service", label: "service", color: "--started", dash: [5, 3] }],
    });
    group.data({ x: of.percentile.map(place), response: of.response_ms, service: of.service_ms });
  }

  /* ---- what is below a row ---- */

  const rates = (c, list) => list.map((n, i) => n / Math.min(c.step_s, c.to_s - c.from_s - i * c.step_s));

  function course(host, r) {
    const c = r.course, group = Charts.group(host), note = c.step_s > 1 ? `${c.step_s} s at a time` : "";
    group.add({
      title: "Response time", note, unit: "ms", height: 170, logSwitch: true,
      series: [{ key: "p99", label: "p99", color: "--p99" }, { key: "p95", label: "p95", color: "--p95" }, { key: "p50", label: "p50", color: "--p50", width: 2 }],
      bands: [["p99", "p95", "--p99"], ["p95", "p50", "--p95"]],
    });
    group.add({
      title: "Requests", note, unit: "/s", height: 110,
      series: [{ key: "ended", label: "ended", color: "--started", path: "step", fill: 0.1 }, { key: "errors", label: "errors", color: "--errors", path: "bars", fill: 0.5 }],
    });
    group.data({ span: c.to_s - c.from_s - (c.ended.length - 1) * c.step_s, t: c.ended.map((_, i) => c.from_s + i * c.step_s), p50: c.p50_ms, p95: c.p95_ms, p99: c.p99_ms, ended: rates(c, c.ended), errors: rates(c, c.errors) });
  }

  /* Mean times of phases as shares of a bar. Each phase's mean is over those that had it. */
  function phases(r) {
    const list = PHASES.map(([name, color]) => ({ name, color, of: r.phases_ms[name] }))
      .map(p => ({ ...p, total: p.of.count ? p.of.mean * p.of.count : 0 })).filter(p => p.total > 0);
    const sum = list.reduce((a, p) => a + p.total, 0);
    if (!list.length) {
      return null;
    }
    const bar = el("div", { class: "bar", role: "img", "aria-label": list.map(p => `${p.name} ${Format.share(p.total / sum)}`).join(", ") });
    list.forEach(p => {
      const piece = el("i", { title: `${p.name}: ${Format.share(p.total / sum)} of the time, mean ${Format.ms(p.of.mean)}` });
      piece.style.width = `${(100 * p.total) / sum}%`;
      piece.style.background = `var(${p.color})`;
      bar.append(piece);
    });
    const keys = el("ul", { class: "keys" }, list.map(p => {
      const swatch = el("i");
      swatch.style.background = `var(${p.color})`;
      return el("li", null, swatch, `${p.name} ${Format.share(p.total / sum)}, mean ${Format.ms(p.of.mean)}, p99 ${Format.ms(p.of.p99)}`);
    }));
    return el("div", null, el("h3", null, "Where the time went"), bar, keys);
  }

  function details(r) {
    const left = el("div"), right = el("div");
    const outcomes = el("p", { class: "note" }, "Ended: ", Object.entries(r.outcomes).map(([name, n]) => `${name} ${Format.count(n)}`).join(" · "),
      ` · service p50 ${Format.ms(r.service_ms.p50)}, p99 ${Format.ms(r.service_ms.p99)}`);
    const node = el("div", null, el("div", { class: "columns" }, left, right), phases(r), outcomes);
    return { node, draw: () => { if (r.course) { course(left, r); } curve(right, r.curve); } };
  }

  /* ---- the table ---- */

  function row(r) {
    const more = el("button", { type: "button", class: "disclose", "aria-expanded": "false" }, r.name);
    const cells = COLUMNS.map(c => (c.name ? el("td", { class: "name" }, more)
      : figure("td", c.value(r), c.show(c.value(r)), { class: "n" + (c.alarm && c.alarm(c.value(r)) ? " alarm" : ""), "data-c": c.text })));
    const times = r.course ? (r.course.p95_ms.some(Format.known) ? ["p95", r.course.p95_ms] : ["p50", r.course.p50_ms]) : ["p95", []];
    const line = el("tr", { "data-name": r.name }, cells,
      el("td", null, Charts.spark(times[1], "--p95", `${times[0]} of ${r.name} over the run`)),
      el("td", null, Charts.spark(r.course ? rates(r.course, r.course.ended) : [], "--started", `rate of ${r.name} over the run`)));
    let inner = null;
    more.addEventListener("click", () => {
      const open = more.getAttribute("aria-expanded") !== "true";
      more.setAttribute("aria-expanded", String(open));
      line.classList.toggle("open", open);
      if (open && !inner) {
        const shown = details(r);
        inner = el("tr", { class: "inner" }, el("td", { colspan: COLUMNS.length + 2 }, shown.node));
        line.after(inner);
        shown.draw();
      } else if (inner) {
        inner.hidden = !open;
      }
    });
    return { r, line, all: () => (inner ? [line, inner] : [line]) };
  }

  function section(report) {
    const rows = report.requests.map(row), body = el("tbody", null, rows.map(x => x.line));
    const heads = COLUMNS.map(c => el("th", { scope: "col", class: c.name ? "" : "n", "aria-sort": "none" }, el("button", { type: "button" }, c.text)));
    heads.forEach((head, i) => head.firstChild.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== (COLUMNS[i].name ? "ascending" : "descending") ? !COLUMNS[i].name : COLUMNS[i].name;
      heads.forEach(h => h.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const sign = down ? -1 : 1, value = COLUMNS[i].value, rank = v => (v === null || v === undefined ? -Infinity : v);
      rows.sort((a, b) => sign * (COLUMNS[i].name ? value(a.r).localeCompare(value(b.r)) : rank(value(a.r)) - rank(value(b.r))));
      body.append(...rows.flatMap(x => x.all()));
    }));
    const filter = el("input", { type: "search", placeholder: "filter by name", "aria-label": "filter requests by name" });
    filter.addEventListener("input", () => rows.forEach(x => x.all().forEach(node => { node.hidden = !x.r.name.toLowerCase().includes(filter.value.toLowerCase()); })));
    return el("section", { id: "requests" }, el("h2", null, "Requests"),
      el("p", { class: "lead" }, "Response times, from when a request was due. Open one to see how it went and where its time went."),
      report.requests.length >= FILTER_FROM ? el("div", { class: "toolbar noprint" }, filter, el("span", { class: "note" }, `${report.requests.length} names`)) : null,
      el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "requests" },
        el("table", null, el("thead", null, el("tr", null, heads, el("th", { scope: "col" }, "p95 over time"), el("th", { scope: "col" }, "rate over time"))), body)));
  }

  return { section, curve, errors, ended };
})();
