/*
 * dom: makes elements. Texts become text nodes and nothing else: whatever a name, a header or a body
 * holds, it is shown and never read as markup. Attributes that could run something are refused.
 */
const Dom = (() => {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";

  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (/^(on|style$|src|href$)/i.test(name) && !(name === "href" && String(value).startsWith("#"))) {
        throw new Error(`dom: attribute ${name} is not for texts`);
      }
      if (value !== null && value !== undefined && value !== false) {
        node.setAttribute(name, value === true ? "" : String(value));
      }
    }
    for (const child of children.flat(Infinity)) {
      if (child !== null && child !== undefined && child !== false) {
        node.append(child instanceof Node ? child : document.createTextNode(String(child)));
      }
    }
    return node;
  }

  const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  /* A figure: the text is for people, `data-v` the value as the report has it. */
  const figure = (tag, value, text, attributes) =>
    el(tag, { "data-v": value === null || value === undefined ? "" : value, ...attributes }, text);

  /* head: texts, or {text, title, class}; rows: arrays of nodes (cells) or texts. */
  function table(head, rows, attributes) {
    const cells = head.map(h => (typeof h === "string" ? { text: h } : h));
    return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": (attributes || {}).label || "table" },
      el("table", { class: (attributes || {}).class },
        el("thead", null, el("tr", null, cells.map(h => el("th", { scope: "col", class: h.class, title: h.title }, h.text)))),
        el("tbody", null, rows.map(row => el("tr", null, row.map((cell, i) =>
          (cell instanceof HTMLTableCellElement ? cell : el("td", { class: cells[i] && cells[i].class }, cell))))))));
  }

  return { el, svg, figure, table };
})();
