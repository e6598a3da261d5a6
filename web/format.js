/*
 * format: numbers as people read them. null is what is not known, and prints as a dash.
 */
const Format = (() => {
  "use strict";

  const NONE = "–";
  const grouped = new Map();

  function decimals(value, places) {
    if (!grouped.has(places)) {
      grouped.set(places, new Intl.NumberFormat("en-US", { maximumFractionDigits: places }));
    }
    return grouped.get(places).format(value);
  }

  const known = value => typeof value === "number" && Number.isFinite(value);

  /* Three digits that count, at least. */
  function number(value) {
    if (!known(value)) {
      return NONE;
    }
    const size = Math.abs(value);
    return decimals(value, size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
  }

  const count = value => (known(value) ? decimals(value, 0) : NONE);
  const perSecond = value => (known(value) ? number(value) + "/s" : NONE);

  function ms(value) {
    if (!known(value)) {
      return NONE;
    }
    return Math.abs(value) < 1000 ? number(value) + " ms"
      : Math.abs(value) < 120000 ? decimals(value / 1000, 2) + " s" : decimals(value / 60000, 1) + " min";
  }

  function share(value) {
    if (!known(value)) {
      return NONE;
    }
    const percent = 100 * value;
    return decimals(percent, percent === 0 || percent >= 10 ? 1 : percent >= 1 ? 2 : 3) + "%";
  }

  function bytes(value) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let i = 0;
    for (; known(value) && Math.abs(value) >= 1024 && i < units.length - 1; i++) {
      value /= 1024;
    }
    return known(value) ? number(value) + " " + units[i] : NONE;
  }

  /* A moment of the run: "41.2 s", "2:05", "1:02:05". */
  function moment(s) {
    if (!known(s)) {
      return NONE;
    }
    if (s < 120) {
      return decimals(s, 1) + " s";
    }
    const whole = Math.floor(s), two = n => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  }

  /* Short enough for an axis: 1.5k, 20M. */
  function short(value) {
    const size = Math.abs(value);
    const [by, unit] = size >= 1e9 ? [1e9, "G"] : size >= 1e6 ? [1e6, "M"] : size >= 1e4 ? [1e3, "k"] : [1, ""];
    return decimals(value / by, size / by < 1 ? 3 : size / by < 10 ? 2 : 1) + unit;
  }

  function shortMs(value) {
    return value >= 1000 ? decimals(value / 1000, 2) + " s" : decimals(value, value < 1 ? 3 : 2) + " ms";
  }

  /* By unit: how a figure, and how a tick of its axis, is told. */
  const units = {
    ms: { text: ms, tick: shortMs },
    "/s": { text: perSecond, tick: short },
    share: { text: share, tick: value => decimals(100 * value, 2) + "%" },
    bytes: { text: bytes, tick: bytes },
    count: { text: number, tick: short },
    s: { text: moment, tick: moment },
  };
  const unit = name => units[name] || units.count;

  return { NONE, known, number, count, perSecond, ms, share, bytes, moment, short, unit };
})();
