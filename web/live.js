/*
 * live: draws a running run from its events (/events): `status`, which says where it stands, `second` and
 * `happened`, which add to its course, `missed`, and `end` with the judgement. The browser comes back by
 * itself when the connection is lost, and is sent what it missed; of another run that answers there now,
 * all of it. Charts and words are those of the report.
 */
(() => {
  "use strict";

  const { el, figure, table } = Dom;
  const BANDS = ["p50", "p90", "p95", "p99", "p99.9"];
  const OWN = ["users", "waiting", "in_flight", "planned", "started", "ok", "errors", "dropped", "bytes_sent", "bytes_received"];
  const HAPPENED_SHOWN = 200;

  /* ---- theme ---- */

  const remembered = () => { try { return localStorage.getItem("pelt-theme"); } catch (e) { return null; } };
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function theme(wanted) {
    document.documentElement.dataset.theme = wanted || remembered() || (dark.matches ? "dark" : "light");
    return document.documentElement.dataset.theme;
  }

  function themeButton() {
    const button = el("button", { type: "button", id: "theme", "aria-label": "switch between light and dark" });
    const name = () => { button.textContent = theme() === "dark" ? "Light" : "Dark"; };
    button.addEventListener("click", () => {
      const next = theme() === "dark" ? "light" : "dark";
      try { localStorage.setItem("pelt-theme", next); } catch (e) { /* not remembered */ }
      theme(next);
      button.textContent = next === "dark" ? "Light" : "Dark";
      Charts.redraw();
    });
    dark.addEventListener("change", () => { name(); Charts.redraw(); });
    name();
    return button;
  }

  /* ---- what is known ---- */

  /* Columns by second, as the report's `timeline` has them. */
  function emptyCourse() {
    const course = { step_s: 1, points_a_step: 1, t: [], response_max_ms: [], response_ms: {}, servers: [] };
    OWN.forEach(name => { course[name] = []; });
    BANDS.forEach(name => { course.response_ms[name] = { window_s: 1, values: [] }; });
    return course;
  }

  let status = null, course = emptyCourse(), events = [], missed = 0, ended = false, shown = null, shape = "", connected = false;
  const places = new Map(); /* of agents' figures: agent, name -> entry of course.servers */

  function forget() {
    course = emptyCourse();
    events = [];
    places.clear();
    shape = "";
    missed = 0;
    ended = false;
  }

  const known = value => (Format.known(value) ? value : null);

  function serverOf(agent, name, limit) {
    const key = JSON.stringify([agent, name]), brace = name.indexOf("{");
    if (!places.has(key)) {
      const entry = { agent, target: brace < 0 ? "" : name.slice(brace + 1, -1), [limit ? "limit" : "cache"]: brace < 0 ? name : name.slice(0, brace),
        [limit ? "full_share" : "hit_share"]: course.t.map(() => null) };
      if (limit) {
        entry.events = course.t.map(() => null);
      }
      places.set(key, entry);
      course.servers.push(entry);
    }
    return places.get(key);
  }

  /* A limit that is read less often than each second keeps its level in between. */
  function addServers(at, server) {
    course.servers.forEach(entry => {
      const list = entry.full_share || entry.hit_share;
      list[at] = entry.full_share && at > 0 ? known(list[at - 1]) : null;
      if (entry.events) {
        entry.events[at] = 0;
      }
    });
    for (const [agent, figures] of Object.entries(server || {})) {
      for (const [name, value] of Object.entries(figures)) {
        if ("hit_share" in value) {
          serverOf(agent, name, false).hit_share[at] = known(value.hit_share);
        } else if ("used" in value && Format.known(value.max) && value.max > 0) {
          const entry = serverOf(agent, name, true);
          entry.full_share[at] = known(value.used / value.max);
          entry.events[at] = known(value.events) || 0;
        }
      }
    }
  }

  /* Seconds come in order; each once, but for what a reconnect repeats. */
  function addSecond(row) {
    if (course.t.length && row.t <= course.t[course.t.length - 1]) {
      return;
    }
    const at = course.t.length;
    course.t.push(row.t);
    OWN.forEach(name => { course[name].push(known(row[name])); });
    course.response_max_ms.push(known(row.response_ms.max));
    BANDS.forEach(name => { course.response_ms[name].values[row.t - course.t[0]] = known(row.response_ms[name]); });
    addServers(at, row.server);
  }

  /* The fullest limits first, as the report has them. */
  function servers() {
    const most = entry => (entry.full_share || []).reduce((a, b) => Math.max(a, b || 0), entry.hit_share ? 2 : 0);
    return course.servers.map(entry => [most(entry), entry]).sort((a, b) => b[0] - a[0]).map(([, entry]) => entry);
  }

  /* As the report has them, out of what happened so far. */
  function alertsSoFar() {
    const list = new Map();
    events.filter(e => e.alert !== null).forEach(e => {
      const firings = list.get(e.alert) || list.set(e.alert, []).get(e.alert);
      if (e.kind === "alert_fired") {
        firings.push({ fired_s: e.t_s, resolved_s: null, why: e.text });
      } else if (firings.length) {
        firings[firings.length - 1].resolved_s = e.t_s;
      }
    });
    return [...list].map(([name, firings]) => ({ name, firings }));
  }

  function report() {
    return {
      plan: { loop: status.loop }, phases: status.phases || [], findings: [], errors: [], checks: [], agents: [], thresholds: [],
      alerts: alertsSoFar(), events: events.filter(e => e.alert === null), timeline: { ...course, servers: servers() },
    };
  }

  /* ---- words ---- */

  const badge = (tone, text, attributes) => el("span", { class: `badge ${tone}`, ...attributes }, text);
  const right = text => ({ text, class: "n" });
  const n = (value, show, attributes) => figure("td", value, show(value), { class: "n", ...attributes });
  const put = (id, ...children) => document.getElementById(id).replaceChildren(...children.flat().filter(Boolean));
  const section = (id, title, ...children) => el("section", { id, hidden: true }, el("h2", null, title), children);

  const PHASES = { setup: "setting up", load: "under load", grace: "waiting for what is in flight", teardown: "taking down", ended: "ended" };
  const VERDICTS = { VALID: "tone-good", SUSPECT: "tone-warn", INVALID: "tone-bad" };
  const STATES = { firing: "tone-bad", quiet: "tone-good", resolved: "tone-warn", unjudged: "tone-calm" };

  function tile(name, value, text, more, alarm) {
    return el("div", { class: alarm ? "tile alarm" : "tile" }, el("span", { class: "name" }, name),
      figure("span", value, text, { class: "value", "data-tile": name }), more ? el("span", { class: "more" }, more) : null);
  }

  function tiles() {
    const t = status.totals, last = course.t.length - 1, now = name => (last < 0 ? null : course[name][last]);
    const time = key => tile(key, status.response_ms[key], Format.ms(status.response_ms[key]), Format.known(status.response_ms[key]) ? "response, so far" : "too few requests");
    put("tiles",
      tile("elapsed", status.elapsed_s, Format.moment(status.elapsed_s), Format.known(status.left_s) && !ended ? `${Format.moment(status.left_s)} left` : ""),
      tile("requests", t.started, Format.count(t.started), `${Format.perSecond(now("started"))} now`),
      tile("ended ok", t.ok, Format.count(t.ok), `${Format.perSecond(now("ok"))} now`),
      tile("errors", t.error_share, Format.share(t.error_share), `${Format.count(t.errors)} failed`, t.errors > 0),
      ["p50", "p95", "p99"].map(time),
      tile("users", status.users, Format.count(status.users), t.dropped ? `${Format.count(t.dropped)} arrivals dropped` : status.waiting ? `${Format.count(status.waiting)} arrivals wait` : ""));
  }

  function judgement() {
    const j = status.judgement;
    if (j.failure !== undefined) {
      return el("div", { class: "verdict tone-bad", id: "verdict" }, el("span", { class: "word" }, "Failed"), el("ul", null, el("li", null, j.failure)));
    }
    const code = j.result.exit_code, invalid = j.verdict.status === "INVALID", tone = code !== 0 || invalid ? "tone-bad" : VERDICTS[j.verdict.status] || "tone-warn";
    return el("div", { class: `verdict ${tone}`, id: "verdict" }, el("span", { class: "word" }, code === 0 ? "Passed" : `Failed: exit ${code}`),
      el("span", { class: "believe" }, badge(VERDICTS[j.verdict.status] || "tone-warn", j.verdict.status, { id: "verdict-status" })),
      el("ul", null, [...new Set([...j.result.reasons, ...j.verdict.reasons])].map(r => el("li", null, r))),
      j.run_file ? el("p", { class: "headline" }, "The whole report: ", el("code", null, `pelt report ${j.run_file} --out html=report.html`)) : null);
  }

  function state() {
    const [tone, text] = ended ? ["tone-calm", "ended"] : connected ? ["tone-good", "live"] : ["tone-warn", "connection lost, trying again"];
    put("state", badge(tone, text, { id: "connection" }), " ", status ? PHASES[status.phase] || status.phase : "waiting for the run to begin",
      missed ? el("span", { class: "muted" }, ` · ${Format.count(missed)} events missed`) : null);
    document.documentElement.dataset.state = ended ? "ended" : connected ? "live" : "lost";
  }

  function head() {
    const run = status.run;
    document.title = `${run.scenario} - pelt`;
    put("name", run.scenario || "run");
    put("facts", [run.start.slice(0, 19).replace("T", " ") + " UTC", run.target, run.plan].filter(Boolean).join(" · "));
    put("judged", status.judgement ? judgement() : null);
    document.getElementById("done").value = Format.known(status.done_share) ? status.done_share : 0;
  }

  function requests() {
    const rows = status.requests.map(r => [r.name, n(r.started, Format.count), n(r.ok, Format.count),
      n(r.errors, Format.count, { class: r.errors ? "n alarm" : "n" }), ...["p50", "p95", "p99"].map(key => n(r.response_ms[key], Format.ms))]);
    document.getElementById("requests").hidden = rows.length === 0;
    put("request-rows", table(["request", right("started"), right("ok"), right("errors"), right("p50"), right("p95"), right("p99")], rows, { label: "requests, so far" }));
  }

  function alerts() {
    const judged = status.judgement && status.judgement.alerts, list = judged || status.alerts;
    const turns = name => events.filter(e => e.alert === name).map(e => `${e.kind === "alert_fired" ? "fired" : "resolved"} at ${Format.moment(e.t_s)}`).join(", ");
    document.getElementById("alerts").hidden = list.length === 0;
    put("alert-rows", table(["", "alert", "what should hold", "when"], list.map(a => [badge(STATES[a.state] || "tone-calm", a.state), el("b", null, a.name), a.rule, turns(a.name)]), { label: "alerts" }));
  }

  function thresholds() {
    const list = (status.judgement && status.judgement.thresholds) || [];
    const tone = level => (level === "missed" || level === "unjudged" ? "tone-bad" : level === "target" ? "tone-good" : "tone-warn");
    document.getElementById("thresholds").hidden = list.length === 0;
    put("threshold-rows", table(["", "metric", "of", "stat", right("value")], list.map(t => [badge(tone(t.level), t.level), t.metric, t.name || "all requests", t.stat, n(t.value, Format.number)]), { label: "thresholds" }));
  }

  function happened() {
    document.getElementById("happened").hidden = events.length === 0;
    put("happened-rows", el("ol", null, events.slice(-HAPPENED_SHOWN).reverse().map(e => el("li", null, `${Format.moment(e.t_s)} · ${e.kind}: ${e.text}`))));
  }

  /* ---- charts ---- */

  const any = list => list.some(v => v > 0);

  /* Which charts and lines there are: they are made anew when it changes. */
  function shapeOf(r) {
    const line = r.timeline;
    return JSON.stringify([any(line.planned), any(line.dropped), any(line.errors), any(line.waiting), line.servers.map(s => [s.agent, s.limit || s.cache, s.target, any(s.events || [])]).sort()]);
  }

  function charts() {
    const r = report(), now = shapeOf(r), host = document.getElementById("charts");
    document.getElementById("course").hidden = course.t.length === 0;
    if (course.t.length === 0) {
      return;
    }
    if (shown !== null && now === shape) {
      if (r.timeline.servers.length === shown.servers.length) {
        r.timeline.servers = shown.servers; /* lines keep their places; the columns are the same arrays */
      }
      shown.timeline.update(r);
      return;
    }
    if (shown !== null) {
      shown.timeline.group.free();
    }
    host.replaceChildren();
    shape = now;
    shown = { timeline: Timeline.show(host, r, { idle: "last" }), servers: r.timeline.servers };
  }

  /* ---- drawing: once a frame, however many events came ---- */

  let due = false;

  function draw() {
    due = false;
    state();
    if (status !== null) {
      head();
      tiles();
      requests();
      alerts();
      thresholds();
      happened();
      charts();
      document.documentElement.dataset.seconds = course.t.length;
    }
  }

  function later() {
    if (!due) {
      due = true;
      (document.hidden ? setTimeout : requestAnimationFrame)(draw, 200);
    }
  }

  /* ---- the page ---- */

  theme();
  document.getElementById("top").append(
    el("div", { class: "masthead" }, el("div", null, el("h1", { id: "name" }, "pelt"), el("p", { class: "facts", id: "facts" }), el("p", { id: "state", role: "status" })),
      el("div", { class: "tools" }, themeButton())),
    el("progress", { id: "done", max: 1, value: 0, "aria-label": "how much of the run is over" }),
    el("div", { id: "judged", "aria-live": "polite" }), el("div", { class: "tiles", id: "tiles" }));
  document.getElementById("main").replaceChildren(
    section("course", "Course", el("div", { id: "charts" })),
    section("alerts", "Alerts", el("div", { id: "alert-rows" })),
    section("thresholds", "Thresholds", el("div", { id: "threshold-rows" })),
    section("requests", "Requests, so far", el("div", { id: "request-rows" })),
    section("happened", "What happened", el("div", { class: "happened", id: "happened-rows" })));
  document.getElementById("foot").append("Figures as JSON: /api/v1/status, /api/v1/seconds, /api/v1/events; for Prometheus: /metrics · charts by uPlot");
  document.getElementById("done").style.width = "100%";
  state();

  const source = new EventSource("/events");
  const on = (type, take) => source.addEventListener(type, e => { take(JSON.parse(e.data)); later(); });

  function take(now) {
    if (status !== null && status.run && now.run.id !== status.run.id) {
      forget();
    }
    status = now;
  }

  source.addEventListener("open", () => { connected = true; later(); });
  source.addEventListener("error", () => { connected = false; later(); });
  on("status", take);
  on("second", addSecond);
  on("happened", e => events.push(e));
  on("missed", m => { missed += m.events; });
  on("end", now => {
    take(now);
    ended = true;
    source.close();
  });
})();
