/*
 * stress: what a stress load found: throughput and response time against the level, with the answers
 * marked in them, and the Universal Scalability Law through throughput over what was in flight.
 */
const Stress = (() => {
  "use strict";

  const { el } = Dom;
  const CURVE = 80; /* points of the law */

  const by = key => (a, b) => a[key] - b[key];
  const pick = (steps, keep, key) => steps.map(s => (keep(s) && Format.known(s[key]) ? s[key] : null));

  function answers(findings) {
    const one = kind => findings.filter(f => f.kind === kind && f.found !== false && Format.known(f.level));
    return [
      ...one("capacity").map(f => ({ t: f.level, kind: "found", label: "capacity" })),
      ...one("break").map(f => ({ t: f.level, kind: "break", label: "breaks" })),
      ...one("knee").map(f => ({ t: f.level, kind: "other", label: `knee of ${f.about}` })),
      ...one("plateau").map(f => ({ t: f.level, kind: "event", label: "plateau" })),
    ];
  }

  function levelCharts(host, report, steps, unit) {
    const group = Charts.group(host, {
      x: { key: "level", label: "level", format: v => Format.short(v) + unit, pad: 0.04, closest: 0 }, labelled: true,
    });
    const holds = s => s.judged && s.holds, breaks = s => s.judged && !s.holds, rest = s => !s.judged;
    const points = (key, name) => [
      { key: `${key}_holds`, label: `${name}, holds`, color: "--ok", path: "points" },
      { key: `${key}_breaks`, label: `${name}, breaks`, color: "--errors", path: "points" },
      steps.some(rest) ? { key: `${key}_rest`, label: `${name}, unjudged`, color: "--planned", path: "points" } : null,
    ].filter(Boolean);
    group.add({
      title: "Throughput against the level", unit: "/s", height: 210,
      series: [{ key: "offered", label: "started", color: "--started", dash: [5, 3], width: 1, spanGaps: true }, ...points("ok", "ok")],
    });
    group.add({
      title: "Response time against the level", unit: "ms", height: 210, logSwitch: true, log: true,
      series: [{ key: "p50", label: "p50, climbing", color: "--p50", spanGaps: true }, ...points("p99", "p99")],
    });
    const climbs = new Set(steps.filter(s => s.part === "climb" && s === steps.find(o => o.part === "climb" && o.level === s.level)));
    const columns = { level: steps.map(s => s.level), offered: pick(steps, s => climbs.has(s), "started_per_s"), p50: pick(steps, s => climbs.has(s), "p50_ms") };
    for (const [name, keep] of [["holds", holds], ["breaks", breaks], ["rest", rest]]) {
      columns[`ok_${name}`] = pick(steps, keep, "ok_per_s");
      columns[`p99_${name}`] = pick(steps, keep, "p99_ms");
    }
    group.data(columns);
    group.marks({ lines: answers(report.findings) });
    return group;
  }

  const throughput = (law, n) => (law.gamma * n) / (1 + law.alpha * (n - 1) + law.beta * n * (n - 1));

  function lawChart(host, law, steps) {
    const seen = steps.filter(s => Format.known(s.in_flight) && Format.known(s.ok_per_s) && s.in_flight <= 4 * (law.peak_in_flight || Infinity));
    const end = Math.max(...seen.map(s => s.in_flight), law.peak_in_flight ? 1.6 * law.peak_in_flight : 0, 1);
    const rows = [
      ...seen.map(s => ({ n: s.in_flight, seen: s.ok_per_s, law: throughput(law, s.in_flight) })),
      ...Array.from({ length: CURVE }, (_, i) => ({ n: (end * (i + 1)) / CURVE, seen: null })).map(r => ({ ...r, law: throughput(law, r.n) })),
    ].sort(by("n"));
    const group = Charts.group(host, { x: { key: "n", label: "in flight", format: Format.short, pad: 0.02, closest: 0 }, labelled: true });
    group.add({
      title: "Throughput against what is in flight", unit: "/s", height: 210,
      series: [{ key: "law", label: "USL", color: "--p90" }, { key: "seen", label: "measured ok", color: "--ok", path: "points" }],
    });
    group.data({ n: rows.map(r => r.n), law: rows.map(r => r.law), seen: rows.map(r => r.seen) });
    group.marks({ lines: Format.known(law.peak_in_flight) ? [{ t: law.peak_in_flight, kind: "other", label: "peak" }] : [] });
  }

  function stepsTable(steps, unit) {
    const cell = (value, text) => Dom.figure("td", value, text, { class: "n" });
    const word = s => (s.cut ? "cut" : !s.judged ? "unjudged" : s.holds ? "holds" : "breaks");
    const tone = s => (!s.judged || s.cut ? "tone-calm" : s.holds ? "tone-good" : "tone-bad");
    return Dom.table(["step", "part", { text: "level", class: "n" }, { text: "ok", class: "n" }, { text: "p50", class: "n" }, { text: "p99", class: "n" },
      { text: "errors", class: "n" }, { text: "in flight", class: "n" }, "", "why"],
    steps.map(s => [s.about, s.part || "", cell(s.level, Format.number(s.level) + unit), cell(s.ok_per_s, Format.perSecond(s.ok_per_s)), cell(s.p50_ms, Format.ms(s.p50_ms)),
      cell(s.p99_ms, Format.ms(s.p99_ms)), cell(s.errors_share, Format.share(s.errors_share)), cell(s.in_flight, Format.number(s.in_flight)),
      el("span", { class: `badge ${tone(s)}` }, word(s)), s.reason || ""]), { label: "steps" });
  }

  /* Null: the run has no steps. */
  function section(report) {
    const steps = report.findings.filter(f => f.kind === "step" && Format.known(f.level));
    if (!steps.length) {
      return null;
    }
    const unit = report.plan.loop === "open" ? "/s" : " users", sorted = steps.slice().sort(by("level"));
    const law = report.findings.find(f => f.kind === "usl" && f.found && Format.known(f.gamma));
    const charts = el("div", { class: "columns" }), left = el("div"), right = el("div");
    const node = el("section", { id: "stress" }, el("h2", null, "Level by level"), charts, el("h3", null, "Steps"), stepsTable(steps, unit));
    charts.append(left);
    const draw = () => {
      levelCharts(left, report, sorted, unit);
      if (law) {
        charts.append(right);
        lawChart(right, law, sorted);
        right.append(el("p", { class: "note" }, law.text));
      }
    };
    return { node, draw };
  }

  return { section };
})();
