/*
 * report: draws a finished run from the JSON report in the page. A function a section, in the order in
 * which they are read: did it pass, and can it be believed; what was found; how it went; the rest.
 */
(() => {
  "use strict";

  const { el, figure, table } = Dom;
  const report = JSON.parse(document.getElementById("data").textContent);
  const drawings = []; /* what needs its place in the page first */

  /* ---- theme ---- */

  const remembered = () => { try { return localStorage.getItem("pelt-theme"); } catch (e) { return null; } };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let printing = false;

  function theme() {
    const wanted = printing ? "light" : remembered() || (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = wanted;
    return wanted;
  }

  function toggleTheme(button) {
    const next = theme() === "dark" ? "light" : "dark";
    try { localStorage.setItem("pelt-theme", next); } catch (e) { document.documentElement.dataset.theme = next; }
    document.documentElement.dataset.theme = next;
    button.textContent = next === "dark" ? "Light" : "Dark";
    Charts.redraw();
  }

  dark.addEventListener("change", () => { theme(); Charts.redraw(); });
  addEventListener("beforeprint", () => {
    printing = true;
    theme();
    document.querySelectorAll("details").forEach(d => { d.open = true; });
    Charts.redraw();
  });
  addEventListener("afterprint", () => { printing = false; theme(); Charts.redraw(); });

  /* ---- words ---- */

  const badge = (tone, text) => el("span", { class: `badge ${tone}` }, text);
  const section = (id, title, ...children) => el("section", { id }, el("h2", null, title), children);
  const right = text => ({ text, class: "n" });
  const n = (value, show, attributes) => figure("td", value, show(value), { class: "n", ...attributes });

  const FAILURES = {
    1: "pelt itself failed", 2: "scenario error", 3: "thresholds missed", 4: "not to be believed", 5: "regression",
    6: "a host was lost", 130: "interrupted", 143: "terminated",
  };

  function outcome() {
    const code = report.result.exit_code;
    return code === 0 ? ["tone-good", "Passed"] : [code === 130 || code === 143 ? "tone-warn" : "tone-bad", `Failed: ${FAILURES[code] || "exit " + code}`];
  }

  const VERDICTS = { VALID: ["tone-good", "the figures can be believed"], SUSPECT: ["tone-warn", "read the figures with care"], INVALID: ["tone-bad", "the figures cannot be believed"] };

  /* ---- head ---- */

  function facts() {
    const start = new Date(report.run.start);
    return [
      isNaN(start) || start.getTime() === 0 ? null : start.toISOString().slice(0, 19).replace("T", " ") + " UTC",
      report.run.part ? `seconds ${report.run.part.from_s} to ${report.run.part.to_s} of the load` : `${Format.moment(report.run.duration_s)} of load`,
      report.plan.target, report.plan.text && `${report.plan.text}${report.plan.loop ? `, ${report.plan.loop} loop` : ""}`,
    ].filter(Boolean).join(" · ");
  }

  function verdict() {
    const [passed, says] = outcome(), invalid = report.verdict.status === "INVALID", suspect = report.verdict.status === "SUSPECT";
    const [tone, word] = invalid ? ["tone-bad", report.result.exit_code === 0 ? "Not to be believed" : says] : suspect && passed === "tone-good" ? ["tone-warn", says] : [passed, says];
    const [believe, means] = VERDICTS[report.verdict.status] || VERDICTS.SUSPECT;
    const reasons = [...new Set([...report.result.reasons, ...report.verdict.reasons])];
    return el("div", { class: `verdict ${tone}`, id: "verdict" }, el("span", { class: "word" }, word),
      el("span", { class: "believe" }, el("span", { class: `badge ${believe}`, id: "status" }, report.verdict.status), el("span", { class: "muted" }, means)),
      reasons.length ? el("ul", null, reasons.map(r => el("li", null, r))) : null,
      report.findings.filter(f => f.kind === "bottleneck").slice(0, 1).map(f => el("p", { class: "headline" }, f.text)));
  }

  function tile(name, value, text, more, alarm) {
    return el("div", { class: alarm ? "tile alarm" : "tile" }, el("span", { class: "name" }, name), figure("span", value, text, { class: "value", "data-tile": name }), more ? el("span", { class: "more" }, more) : null);
  }

  function tiles() {
    const t = report.totals, failed = Requests.errors(t), all = Requests.ended(t), users = report.timeline.users.reduce((a, b) => Math.max(a, b || 0), 0);
    const time = key => tile(key, t.response_ms[key], Format.ms(t.response_ms[key]), Format.known(t.response_ms[key]) ? `service ${Format.ms(t.service_ms[key])}` : "too few requests");
    return el("div", { class: "tiles" },
      tile("requests", t.started, Format.count(t.started), `${Format.perSecond(t.started_per_s)} started`),
      tile("ended ok", t.ok_per_s, Format.perSecond(t.ok_per_s), `${Format.count(t.outcomes.ok || 0)} in all`),
      tile("errors", all ? failed / all : null, Format.share(all ? failed / all : null), `${Format.count(failed)} failed`, failed > 0),
      time("p50"), time("p95"), time("p99"), time("p99.9"),
      tile("users, at most", users, Format.count(users), t.dropped ? `${Format.count(t.dropped)} arrivals dropped` : ""));
  }

  function head() {
    const button = el("button", { type: "button", id: "theme", "aria-label": "switch between light and dark" }, theme() === "dark" ? "Light" : "Dark");
    const print = el("button", { type: "button" }, "Print");
    button.addEventListener("click", () => toggleTheme(button));
    print.addEventListener("click", () => window.print());
    document.getElementById("top").append(
      el("div", { class: "masthead" }, el("div", null, el("h1", null, report.run.scenario || "run"), el("p", { class: "facts" }, facts())),
        el("div", { class: "tools" }, button, print)),
      verdict(), tiles());
  }

  /* ---- thresholds ---- */

  const LEVELS = { target: ["tone-good", "target"], warning: ["tone-warn", "warning"], critical: ["tone-warn", "critical"], missed: ["tone-bad", "missed"], unjudged: ["tone-bad", "unjudged"] };

  function unitOf(t) {
    if (t.trend || t.stat === "share" || t.stat === "hit_share" || /\.(ratio|hit_share)$/.test(t.metric)) {
      return "share";
    }
    if (/^(apdex|goodput|count)/.test(t.stat)) {
      return t.stat === "goodput" ? "share" : "count";
    }
    if (t.stat === "per_second") {
      return "/s";
    }
    const own = report.metrics.find(m => m.name === t.metric);
    return own ? own.unit : /^(http_|iteration|send_lag|loop_lag)/.test(t.metric) ? "ms" : "count";
  }

  function asked(t, unit) {
    const show = Format.unit(unit).text, b = t.bounds, lower = "max" in b || (!("min" in b) && (b.target < b.warning || b.warning < b.critical || b.target < b.critical));
    const list = Object.entries(b).map(([name, value]) => (name === "max" || name === "min" ? show(value) : `${name} ${show(value)}`));
    const extra = [t.t_ms && `within ${Format.ms(t.t_ms)}`, t.over_s && `over ${t.over_s} s`, t.for_s && `for ${t.for_s} s`, t.trend && "trend", t.abort && "stops the run", t.delay_s && `from ${t.delay_s} s on`].filter(Boolean);
    return `${lower ? "≤" : "≥"} ${list.join(", ")}${extra.length ? ` (${extra.join(", ")})` : ""}`;
  }

  function thresholds() {
    const rows = report.thresholds.map(t => {
      const unit = unitOf(t), single = "max" in t.bounds || "min" in t.bounds;
      const [tone, word] = single && t.level !== "missed" && t.level !== "unjudged" ? ["tone-good", "met"] : LEVELS[t.level] || LEVELS.unjudged;
      const when = t.to_s ? `${Format.moment(t.from_s)} to ${Format.moment(t.to_s)}` : "the whole load";
      return [el("span", { class: `badge ${tone}` }, word), el("b", null, t.metric), t.name || "all requests", t.stat, n(t.value, Format.unit(unit).text), asked(t, unit), when];
    });
    return rows.length ? section("thresholds", "Thresholds", table(["", "metric", "of", "stat", right("value"), "asked for", "when"], rows, { label: "thresholds" })) : null;
  }

  /* ---- findings ---- */

  const TONES = { bottleneck: "tone-bad", break: "tone-bad", leak: "tone-bad", capacity: "tone-good", drift: "tone-calm", headroom: "tone-good" };
  const TABLES = {
    spike: [["from_s", "from", Format.moment], ["level", "level", Format.number], ["started", "started", Format.count], ["errors", "errors", Format.count], ["p99_ms", "p99", Format.ms],
      ["max_ms", "max", Format.ms], ["backlog", "backlog", Format.number], ["recovery_s", "recovered after", Format.moment]],
    trial: [["from_s", "from", Format.moment], ["ok_per_s", "ok", Format.perSecond], ["p50_ms", "p50", Format.ms], ["percentile_ms", "percentile", Format.ms], ["errors_share", "errors", Format.share]],
  };

  function finding(f) {
    const lines = (title, list) => (list && list.length ? [title ? el("h4", null, title) : null, el("ul", null, list.map(x => el("li", null, x)))] : null);
    const calm = (f.kind === "drift" && f.named === false) || (f.kind === "bottleneck" && /^(none|generator)$/.test(f.about));
    const tone = calm ? "tone-calm" : f.kind === "bottleneck" && f.about === "unknown" ? "tone-warn" : TONES[f.kind] || "tone-calm";
    const word = f.kind.replace(/_/g, " "), said = /^([^:]{1,40}): (.*)$/s.exec(f.text); /* most begin with what they are */
    const [name, text] = said && said[1].toLowerCase().startsWith(word) ? [said[1], said[2]] : [word, f.text];
    return el("div", { class: `finding ${tone}`, "data-kind": f.kind }, el("b", null, name), el("span", null, text),
      lines("", f.evidence), lines("Look next at", f.advice), f.runner_up ? el("p", { class: "note" }, `Runner-up: ${f.runner_up}`) : null);
  }

  function findings() {
    const plain = report.findings.filter(f => f.kind !== "step" && !TABLES[f.kind]);
    const order = f => (f.kind === "bottleneck" ? 0 : f.kind === "break" || f.kind === "capacity" ? 1 : 2);
    const tables = Object.entries(TABLES).map(([kind, columns]) => {
      const rows = report.findings.filter(f => f.kind === kind);
      return rows.length ? [el("h3", null, `${kind}s`), table([kind, ...columns.map(([, name]) => right(name))],
        rows.map(f => [f.about || "", ...columns.map(([key, , show]) => n(f[key], show))]), { label: `${kind}s` })] : null;
    });
    const any = plain.length || tables.some(Boolean);
    return any ? section("findings", "What was found", plain.map((f, i) => [f, i]).sort(([a, i], [b, k]) => order(a) - order(b) || i - k).map(([f]) => finding(f)), tables) : null;
  }

  /* ---- timeline, percentiles ---- */

  function timeline() {
    const host = el("div"), line = report.timeline;
    const thinned = line.points_a_step > 1 ? `Each ${line.step_s} s are two points, the smallest and the largest of their seconds; percentiles are of all their requests. ` : "";
    drawings.push(() => { window.peltTimeline = Timeline.show(host, report); });
    return section("timeline", "Timeline", el("p", { class: "lead" }, `${thinned}Each second counts what ended in it; response times count from when a request was due.`), host);
  }

  function percentiles() {
    const host = el("div"), curve = report.totals.curve;
    if (curve.percentile.length === 0) {
      return null;
    }
    drawings.push(() => Requests.curve(host, curve, "response counts from when it was due, service from when it was sent"));
    return section("percentiles", "Percentiles of all requests", host);
  }

  function stress() {
    const shown = Stress.section(report);
    if (shown) {
      drawings.push(shown.draw);
    }
    return shown && shown.node;
  }

  /* ---- errors, slowest, checks ---- */

  const seen = s => {
    const button = el("button", { type: "button", class: "link", title: "show it in the timeline" }, Format.moment(s));
    button.addEventListener("click", () => {
      document.getElementById("timeline").scrollIntoView();
      window.peltTimeline.group.point(s);
    });
    return figure("td", s, "", { class: "n" }).appendChild(button).parentNode;
  };
  const sample = text => (text ? el("pre", { class: "sample" }, text) : "");

  function errors() {
    const outside = report.setup_teardown.errors;
    if (!report.errors.length && !outside.length) {
      return null;
    }
    return section("errors", "Errors",
      report.errors.length ? table(["class", "request", right("count"), right("first"), right("last"), "sample"],
        report.errors.map(e => [badge("tone-bad", e.class), e.name, n(e.count, Format.count), seen(e.first_s), seen(e.last_s),
          [sample(e.sample), e.first && e.first.trace_id ? el("code", { class: "muted" }, `trace ${e.first.trace_id}`) : null]]), { label: "errors" }) : null,
      outside.length ? [el("h3", null, "In setup and teardown"), table(["class", "request", right("count"), "sample"],
        outside.map(e => [badge("tone-bad", e.class), e.name, n(e.count, Format.count), sample(e.sample)]), { label: "errors in setup and teardown" })] : null);
  }

  function slowest() {
    const list = report.slowest || [];
    return list.length ? section("slowest", "Slowest exchanges",
      el("p", { class: "lead" }, "A trace id finds the same exchange in the server's own traces and logs; pelt trace RUN ID tells all that pelt knows of it."),
      table([right("response"), right("service"), "request", right("due at"), "outcome", right("status"), "trace id"],
        list.map(s => [n(s.response_ms, Format.ms), n(s.service_ms, Format.ms), s.name, seen(s.due_s), badge(s.outcome === "ok" ? "tone-calm" : "tone-bad", s.outcome),
          figure("td", s.status, s.status ? String(s.status) : Format.NONE, { class: "n" }), s.trace_id ? el("code", null, s.trace_id) : Format.NONE]), { label: "slowest exchanges" })) : null;
  }

  function checks() {
    return report.checks.length ? section("checks", "Checks", table(["", "check", right("passed"), right("failed"), right("first failure")],
      report.checks.map(c => [badge(c.failed ? "tone-bad" : "tone-good", c.failed ? "failed" : "passed"), c.name, n(c.passed, Format.count), n(c.failed, Format.count),
        c.first_failure ? seen(c.first_failure.t) : ""]), { label: "checks" })) : null;
  }

  function metrics() {
    const tags = m => Object.entries(m.tags).map(([k, v]) => `${k}=${v}`).join(", ");
    const value = (m, key) => {
      const v = m.stats[key], time = m.unit === "ms" && key !== "count" && key !== "per_second";
      return n(v === undefined ? null : v, key === "per_second" ? Format.perSecond : key === "share" ? Format.share : time ? Format.ms : Format.number);
    };
    const keys = ["count", "per_second", "share", "last", "mean", "p50", "p95", "p99", "max"].filter(key => report.metrics.some(m => Format.known(m.stats[key])));
    return report.metrics.length ? section("metrics", "Metrics", table(["metric", "tags", ...keys.map(k => right(k === "per_second" ? "/s" : k))],
      report.metrics.map(m => [el("td", { class: "name", title: m.definition }, m.name), tags(m), ...keys.map(k => value(m, k))]), { label: "metrics" })) : null;
  }

  /* ---- servers ---- */

  function meter(share) {
    const fill = el("i"), tone = share >= 0.9 ? "tone-bad" : share >= 0.7 ? "tone-warn" : "tone-good";
    fill.style.width = `${Math.min(100, 100 * share)}%`;
    return el("span", { class: `meter ${tone}`, "aria-hidden": true }, fill);
  }

  function limits(agent) {
    const known = agent.limits.filter(l => Format.known(l.full_share)).sort((a, b) => b.full_share - a.full_share);
    const size = (v, unit) => (unit === "bytes" ? Format.bytes(v) : Format.number(v));
    return known.length ? table(["limit", "of", "closest to full", right("used"), right("max"), right("when"), right("it bit")],
      known.map(l => [el("td", { class: "name" }, l.limit), l.target, el("td", { "data-v": l.full_share }, meter(l.full_share), Format.share(l.full_share)),
        n(l.used, v => size(v, l.unit)), n(l.max, v => size(v, l.unit)), seen(l.full_s), n(l.events, Format.count, { class: l.events ? "n alarm" : "n" })]), { label: `limits of ${agent.name}` }) : null;
  }

  function servers() {
    const caches = report.caches;
    if (!report.agents.length && !caches.length) {
      return null;
    }
    return section("servers", "Servers",
      report.agents.map(a => [el("h3", null, `${a.name}: limits`), limits(a), el("p", { class: "note" }, `pelt-agent ${a.version} at ${a.url}, host ${a.host}: times to ${Format.ms(a.clock_bound_ms)}, `
        + `${Format.count(a.frames)} samples, ${Format.count(a.missed)} missed, ${Format.count(a.late)} late`
        + (a.unreadable.length ? `; could not be read: ${[...new Set(a.unreadable.map(u => u.limit))].join(", ")}` : ""))]),
      caches.length ? [el("h3", null, "Caches"), table(["cache", "told by", right("hits"), right("misses"), right("hit share"), right("evictions")],
        caches.map(c => [el("td", { class: "name" }, c.name), c.agent ? `${c.agent}${c.target ? " " + c.target : ""}, ${c.from_s} to ${c.to_s} s` : "response headers", n(c.hits, Format.count), n(c.misses, Format.count),
          n(c.hit_share, Format.share), n(c.evictions, Format.count)]), { label: "caches" })] : null);
  }

  /* ---- the generator, the environment, again ---- */

  const list = entries => el("dl", { class: "facts" }, entries.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => [el("dt", null, name), el("dd", null, value)]));

  function generator() {
    const g = report.generator, busiest = g.threads.reduce((a, t) => Math.max(a, t.cpu_share), 0), h = g.host;
    return section("generator", "The generator itself", el("p", { class: "lead" }, "What pelt and its host were doing, as far as it can be in the figures."), list([
      ["send lag", g.send_lag_ms.count ? `p50 ${Format.ms(g.send_lag_ms.p50)}, p99 ${Format.ms(g.send_lag_ms.p99)}, max ${Format.ms(g.send_lag_ms.max)}` : null],
      ["loop lag", `p99 ${Format.ms(g.loop_lag_ms.p99)}, max ${Format.ms(g.loop_lag_ms.max)}`],
      ["CPU", `${Format.share(busiest)} of a core: the busiest of ${g.threads.length} thread${g.threads.length === 1 ? "" : "s"}`],
      ["tainted", Format.known(g.tainted_tail_share) ? `${Format.share(g.tainted_tail_share)} of the slowest 1%; p99 without it ${Format.ms(g.untainted_p99_ms)}` : null],
      ["throttled", h.throttled ? `${Format.count(h.throttled)} periods, ${Format.ms(h.throttled_ms)}` : null],
      ["other programs", Format.known(h.others_cpu_ms) ? `${Format.ms(h.others_cpu_ms)} of CPU time` : null],
      ["stolen", h.stolen_ms ? Format.ms(h.stolen_ms) : null],
    ]));
  }

  function workers() {
    if (!report.workers.length) {
      return null;
    }
    const absence = w => [w.lost_s !== null ? `${w.state === "killed" ? "killed: gone" : "not heard"} from ${Format.number(w.lost_s)} s on` : null,
      w.unknown ? `how ${Format.count(w.unknown)} requests ended is unknown` : null, w.gap ? `seconds ${w.gap.from_s} to ${w.gap.to_s - 1} missing, with ${Format.count(w.gap.started_most)} requests` : null,
      w.refused ? `${Format.count(w.refused)} messages refused` : null, w.reason || null].filter(Boolean).join("; ");
    return section("workers", "Workers", el("p", { class: "lead" }, "The hosts that sent the load, each its part of one schedule."),
      table(["worker", "host", right("requests"), right("share"), right("CPU"), right("clock"), right("lag p99"), "verdict", "state", "remarks"],
        report.workers.map(w => [el("td", { class: "name" }, String(w.slot)), w.host, n(w.started, Format.count), n(w.share, Format.share), n(w.cpu_share, Format.share), n(w.clock_bound_ms, Format.ms),
          n(w.send_lag_p99_ms, Format.ms), w.verdict || "-", w.state, absence(w)]), { label: "workers" }));
  }

  function copyable(text) {
    const button = el("button", { type: "button", class: "noprint" }, "Copy");
    button.addEventListener("click", () => {
      const told = () => { button.textContent = "Copied"; };
      if (navigator.clipboard) {
        navigator.clipboard.writeText(text).then(told, () => { button.textContent = "Select it"; });
      }
    });
    return el("div", { class: "command" }, el("code", null, text), button);
  }

  function tlsWords({ library, insecure }) {
    return `${library}${insecure ? ", certificates not verified" : ""}`;
  }

  function environment() {
    const e = report.environment, tls = report.run.tls, same = e.same_host === true ? "on this host, too: they share its CPUs" : null;
    return section("environment", "To run it again", e.command ? copyable(e.command) : null, list([
      ["scenario", e.file], ["seed", String(report.run.seed)], ["threads", `${report.run.threads}, on ${report.run.hosts} host${report.run.hosts === 1 ? "" : "s"}`],
      ["generator", [e.host, e.kernel, e.cpus ? `${e.cpus} of ${e.host_cpus || e.cpus} CPUs` : null].filter(Boolean).join(", ")], ["target", report.plan.target], ["the target is", same],
      ["HTTP/2", report.run.http2 ? `at most ${report.run.http2.streams} streams a connection` : null],
      ["TLS", tls ? tlsWords(tls) : null],
      ["run file", e.run_file], ["run", report.run.id], ["pelt", report.pelt.version],
    ]));
  }

  /* ---- all of it ---- */

  function links(sections) {
    return el("nav", { "aria-label": "sections" }, sections.map(s => el("a", { href: `#${s.id}` }, s.querySelector("h2").textContent)));
  }

  head();
  const main = document.getElementById("main");
  const sections = [thresholds(), findings(), timeline(), stress(), percentiles(), Requests.section(report), errors(), slowest(), checks(), metrics(), servers(), generator(), workers(), environment()].filter(Boolean);
  main.replaceChildren(links(sections), ...sections);
  drawings.forEach(draw => draw());
  document.getElementById("foot").append(`pelt ${report.pelt.version} · figures are those of the JSON report (pelt report RUN --out json=PATH) · charts by uPlot`);
})();
