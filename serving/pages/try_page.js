// Sends the lead as it was typed and shows the answer. Whatever comes from a lead or from the server
// becomes text of an element, never markup; the page's policy lets the browser refuse anything else.

const { texts, examples, cutoffs, byLowEnd, needsKey, query, phrases, words, values, parts } = JSON.parse(byId("data").textContent);
const language = document.documentElement.lang;
const region = { en: "en-GB" }[language] ?? language; // dates as 1 Jan 2026, as in the report
const SCORE = location.origin + location.pathname.replace(/leads\/try$/, "v1/score") + query;
const MARKS = { hot: "▲", warm: "◆", cold: "▼" };
const SCALES = [0.04, 0.1, 0.2, 0.4, 0.6, 0.8, 1];
const CHANGES = 3; // so many are named; the others are summed up

function byId(id) {
  return document.getElementById(id);
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// A text with values in the places of their names.
function filled(text, found) {
  return text.replace(/%\((\w+)\)s|%%/g, (all, key) => (key ? found[key] : "%"));
}

function say(name, found = {}) {
  return filled(texts[name], found);
}

// ---- what the server says in English ----

const plural = new Intl.PluralRules(language);
const patterns = phrases.map(([pattern, places, forms]) => [new RegExp(pattern, "su"), places, forms]);

// A sentence of the server in the page's language: recognised by its message, taken apart and said
// anew. What is not recognised stays as it is.
function told(text) {
  if (Object.hasOwn(words, text)) return words[text];
  for (const [pattern, places, forms] of patterns) {
    const found = pattern.exec(text);
    if (found) {
      const said = places.map((place, i) => [place, part(place, found[i + 1])]);
      // English says one without a numeral; other languages may write it.
      return filled(forms[form(forms, places, found)], { n: decimal(1), ...Object.fromEntries(said) });
    }
  }
  return text;
}

function part(place, text) {
  if (values.includes(place)) return number(text);
  return parts.includes(place) || place === "names" || place === "found" ? told(text) : text;
}

// Forms of a message stand in the order in which languages count: one, few, many.
function form(forms, places, found) {
  if (forms.length === 1) return 0;
  const at = places.indexOf("n");
  const kind = plural.select(at < 0 ? 1 : Number(found[at + 1]));
  const kinds = ["one", "few"].slice(0, forms.length - 1);
  return kinds.includes(kind) ? kinds.indexOf(kind) : forms.length - 1;
}

// A number as the server writes it, with as many decimals; of a share, the sign of its hundredths.
function number(text) {
  const [, plain, share] = /^(.*?)( %)?$/.exec(text.replaceAll(",", ""));
  if (share) return percent(Number(plain) / 100, 0);
  const digits = /e/.test(plain) ? 6 : (plain.split(".")[1] ?? "").length;
  return decimal(Number(plain), { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// A lead's value of a signal stands behind the signal's name.
function ofSignal(signal, text) {
  const named = `${signal}: `;
  return text.startsWith(named) ? `${told(signal)}: ${told(text.slice(named.length))}` : told(text);
}

// Comparisons that stand beside each other.
function compared(text) {
  return text.split("; ").map(told).join("; ");
}

function decimal(value, options) {
  return new Intl.NumberFormat(language, options).format(value);
}

function percent(value, digits = 1) {
  const number = decimal(100 * value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return say("percent", { number });
}

function signed(points) {
  return decimal(points, { signDisplay: "exceptZero", minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

function date(text) {
  return new Intl.DateTimeFormat(region, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(text));
}

function moment(text) {
  const options = { dateStyle: "medium", timeStyle: "short", hourCycle: "h23", timeZone: "UTC" };
  return `${new Intl.DateTimeFormat(region, options).format(new Date(text))} UTC`;
}

// ---- asking ----

let asked = 0;

async function ask(event) {
  event?.preventDefault(); // without an event the page asks by itself
  const mine = ++asked;
  complain();
  byId("status").textContent = texts.asking;
  const headers = { "Content-Type": "application/json" };
  if (byId("key").value) headers.Authorization = `Bearer ${byId("key").value}`;
  let response, answer;
  try {
    // Without "omit" a browser that opened the page with a password would ask for another one.
    response = await fetch(SCORE, { method: "POST", body: byId("lead").value, headers, credentials: "omit" });
    answer = await response.json();
  } catch (error) {
    if (mine === asked) complain({ detail: say("unreachable", { error: error.message }) });
    return;
  }
  if (mine !== asked) return; // another one was asked meanwhile
  if (!response.ok) {
    complain(answer, response.status);
    return;
  }
  show(answer);
  if (event && matchMedia("(max-width: 62rem)").matches) byId("answer").scrollIntoView();
}

function take(event) {
  byId("lead").value = examples[byId("example").value].text;
  complain();
  if (!needsKey || byId("key").value) ask(event);
  else byId("key").focus();
}

// ---- problems ----

function complain(problem, status) {
  byId("status").textContent = "";
  byId("errors").replaceChildren();
  byId("lead").removeAttribute("aria-invalid");
  if (!problem) return;
  byId("answer").hidden = true;
  const errors = problem.errors ?? [];
  byId("errors").append(element("p", { textContent: errors.length ? texts.mend : told(problem.detail) }));
  if (status === 401 || status === 403) {
    byId("key").focus();
    return;
  }
  const spot = /line (\d+), column (\d+)/.exec(problem.detail);
  if (errors.length || spot) byId("lead").setAttribute("aria-invalid", "true");
  if (spot) byId("errors").append(toPlace(texts.go_there, () => offset(+spot[1], +spot[2])));
  if (errors.length) {
    const items = errors.map(({ field, law, found, way_out }) =>
      element("li", {}, toPlace(field, () => place(byId("lead").value, field)),
        ` ${told(law)}; ${say("found", { found: told(found) })} ${told(way_out)}`));
    byId("errors").append(element("ul", {}, ...items));
  }
}

// Button that selects a place of the lead's text.
function toPlace(text, found) {
  const button = element("button", { type: "button", textContent: text });
  button.addEventListener("click", () => {
    byId("lead").focus();
    byId("lead").setSelectionRange(...found());
  });
  return button;
}

function offset(line, column) {
  const before = byId("lead").value.split("\n").slice(0, line - 1);
  const start = before.reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
  return [start, start + 1];
}

// Where the deepest part of a field's path that is there stands in a JSON text: first and last + 1.
function place(text, path) {
  const wanted = steps(path);
  const inside = []; // objects and arrays around the token: {index} or {key, at, value}
  let deepest = -1, found = [0, 0];
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    const around = inside.at(-1);
    const at = [index, index + token.length];
    if (token === "}" || token === "]") inside.pop();
    else if (token === ",") around && ("index" in around ? around.index++ : (around.value = false));
    else if (token === ":") around && (around.value = true);
    else if (around && !("index" in around) && !around.value) Object.assign(around, { key: plain(token), at });
    else {
      const here = inside.map((one) => one.index ?? one.key);
      if (here.length > deepest && here.every((step, depth) => step === wanted[depth])) {
        deepest = here.length;
        found = around?.at ?? at;
      }
      if (token === "{") inside.push({ key: null, value: false });
      if (token === "[") inside.push({ index: 0 });
    }
  }
  return found;
}

function steps(path) {
  const parts = path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|[^.[\]]+/g);
  return [...parts].map(([name, index, quoted]) => (index ? Number(index) : quoted ? plain(quoted) : name));
}

function plain(quoted) {
  try {
    return JSON.parse(quoted);
  } catch {
    return quoted;
  }
}

// ---- the answer ----

function show(answer) {
  const { band } = answer;
  byId("answer").hidden = false;
  byId("verdict").className = `verdict ${band}`;
  byId("band").textContent = `${MARKS[band] ?? ""} ${texts[band] ?? band}`;
  byId("band-reason").textContent = compared(answer.band_reason);
  byId("doubt").hidden = !answer.not_enough_evidence;
  byId("may-be-left").hidden = !answer.may_be_left;
  const full = scale(answer.hot_high, answer.warm_high, cutoffs.hot ?? 0, cutoffs.warm ?? 0);
  for (const name of ["hot", "warm"]) byId(`${name}-gauge`).replaceChildren(...gauge(answer, name, full));
  facts(answer);
  reasons(answer);
  course(answer);
  byId("warned").hidden = !answer.warnings.length;
  fill("warnings", answer.warnings.map(told));
  byId("whole").textContent = JSON.stringify(answer, null, 2);
  byId("status").textContent = say("scored", {
    band: texts[band] ?? band,
    hot: percent(answer.hot_probability),
    days: decimal(answer.hot_days),
  });
}

// The end of a scale that begins at 0 and has room for all values.
function scale(...values) {
  return SCALES.find((one) => one >= Math.max(...values)) ?? 1;
}

function gauge(answer, name, full) {
  const [value, low, high] = ["probability", "low", "high"].map((part) => answer[`${name}_${part}`]);
  const at = (probability) => `${(100 * probability) / full}%`;
  const fill = element("i", { className: "fill" });
  const interval = element("i", { className: "interval" });
  fill.style.width = at(value);
  Object.assign(interval.style, { left: at(low), width: at(high - low) });
  const drawn = element("div", { className: "thermometer", ariaHidden: "true" },
    element("div", { className: "tube" }, fill), interval);
  const cutoff = cutoffs[name];
  if (cutoff !== null) {
    const line = element("i", { className: "cutoff" });
    line.style.left = at(cutoff);
    drawn.append(line);
  }
  const limits = say("interval", { low: percent(low), high: percent(high) });
  let rule = say("no_cutoff", { band: texts[name] });
  if (cutoff !== null) {
    rule = byLowEnd ? say("cutoff_of_low_end", { band: texts[name], cutoff: percent(cutoff) })
      : say("cutoff", { band: texts[name], cutoff: percent(cutoff) });
  }
  return [
    element("h3", { textContent: say("within", { days: decimal(answer[`${name}_days`]) }) }),
    element("b", { textContent: percent(value) }),
    drawn,
    element("div", { className: "scale", ariaHidden: "true" },
      element("span", { textContent: percent(0, 0) }), element("span", { textContent: percent(full, 0) })),
    element("p", { className: "note", textContent: `${limits} ${rule}` }),
  ];
}

function facts(answer) {
  const rows = [
    ["as_of", moment(answer.as_of)],
    ["valid_until", moment(answer.valid_until)],
    ["newest", answer.newest_interaction_days === null ? texts.no_interaction : ago(answer.newest_interaction_days)],
    ["model", answer.model_version],
  ];
  byId("facts").replaceChildren(...rows.flatMap(([name, value]) =>
    [element("dt", { textContent: texts[name] }), element("dd", { textContent: value })]));
}

// How long ago, rounded as the reasons round it.
function ago(days) {
  const [size, unit] = [[1, "day"], [1 / 24, "hour"]].find(([least]) => days >= least) ?? [1 / 1440, "minute"];
  return new Intl.RelativeTimeFormat(language).format(-Math.round(days / size), unit);
}

// The reasons as steps from where every lead starts to this one's probability. What rounding leaves
// over is in the last step, so that the numbers that are shown add up as the exact ones do.
function reasons({ base_probability: base, hot_probability: hot, hot_days, reasons: found }) {
  const tenths = found.map((one) => Math.round(10 * one.points));
  const start = Math.round(1000 * base), end = Math.round(1000 * hot);
  if (tenths.length) tenths[tenths.length - 1] += end - start - tenths.reduce((sum, one) => sum + one, 0);
  const reached = [start];
  for (const one of tenths) reached.push(reached.at(-1) + one);
  const low = Math.min(0, ...reached), high = Math.max(...reached, 1);
  const bar = (from, to, name) => {
    const step = element("i", { className: name });
    const [left, right] = [Math.min(from, to), Math.max(from, to)];
    Object.assign(step.style, {
      left: `${(100 * (left - low)) / (high - low)}%`, width: `${(100 * (right - left)) / (high - low)}%`,
    });
    return element("td", { ariaHidden: "true" }, element("span", { className: "step" }, step));
  };
  const row = (name, value, drawn, sum) => element("tr", { className: sum ? "sum" : "" },
    element("th", { scope: "row", textContent: name }), element("td", { textContent: value }), drawn);
  byId("reasons").tBodies[0].replaceChildren(
    row(texts.start, percent(start / 1000), bar(0, start, "level"), true),
    ...found.map(({ signal, text }, i) => row(signal ? ofSignal(signal, text) : texts.rest, signed(tenths[i] / 10),
      bar(reached[i], reached[i + 1], tenths[i] > 0 ? "up" : "down"))),
    row(say("within", { days: decimal(hot_days) }), percent(end / 1000), bar(0, end, "level"), true),
  );
}

// ---- what it was, and what it becomes ----

function course({ trend, forecast, hot_days, warm_days }) {
  byId("course").hidden = !trend || !forecast;
  if (byId("course").hidden) return;
  const looks = [...trend.looks.filter(Boolean).reverse(), ...forecast.looks];
  byId("trend").textContent = trend.verdict ? `${texts[trend.verdict]}:` : "";
  byId("trend-reason").textContent = told(trend.verdict_reason);
  const named = trend.changes.filter((one) => one.signal).slice(0, CHANGES);
  const rest = trend.changes.filter((one) => !named.includes(one)).reduce((sum, one) => sum + one.points, 0);
  const changes = named.map(({ signal, points, text, before }) =>
    say("change", { points: signed(points), text: ofSignal(signal, text), before: ofSignal(signal, before) }));
  if (rest) changes.push(say("change_rest", { points: signed(rest) }));
  fill("changes", changes);
  const steps = forecast.band_changes.map(({ day, as_of, band }) =>
    say("band_change", { band: texts[band], day: decimal(day), date: date(as_of) }));
  byId("forecast").textContent = steps.length ? say("becomes", { steps: steps.join("; ") })
    : say("stays", { band: texts[looks.at(-1).band], days: decimal(looks.at(-1).day) });
  byId("hot-key").textContent = say("key", { band: texts.hot, days: decimal(hot_days) });
  byId("warm-key").textContent = say("key", { band: texts.warm, days: decimal(warm_days) });
  byId("chart").replaceChildren(chart(looks));
  byId("looks").tBodies[0].replaceChildren(...looks.map((one) =>
    element("tr", { className: one.day ? "" : "sum" },
      element("th", { scope: "row", textContent: when(one.day) }),
      element("td", { textContent: percent(one.hot_probability) }),
      element("td", { textContent: percent(one.warm_probability) }),
      element("td", { textContent: texts[one.band] }))));
}

function when(day) {
  return day ? new Intl.RelativeTimeFormat(language).format(day, "day") : texts.now;
}

// Both probabilities over the days, each with its interval; the table says the same.
function chart(looks) {
  const [width, height, left, right, top, bottom] = [380, 190, 36, 14, 8, 20];
  const [first, last] = [-30, 90];
  const highest = scale(...looks.flatMap((one) => [one.hot_high, one.warm_high]));
  const x = (day) => left + ((day - first) / (last - first)) * (width - left - right);
  const y = (probability) => height - bottom - (probability / highest) * (height - top - bottom);
  const points = (part, ordered = looks) => ordered.map((one) => `${x(one.day)},${y(one[part])}`);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", "aria-hidden": "true" });
  for (const part of [0, 0.5, 1]) {
    const level = y(part * highest);
    svg.append(shape("path", { class: "axis", d: `M${left} ${level}H${width - right}` }),
      shape("text", { x: left - 5, y: level + 4, "text-anchor": "end" }, percent(part * highest, 0)));
  }
  svg.append(shape("path", { class: "now", d: `M${x(0)} ${top}V${height - bottom}` }));
  for (const day of [-30, 0, 30, 60, 90]) {
    const text = day ? decimal(day, { signDisplay: "exceptZero" }) : texts.now;
    svg.append(shape("text", { x: x(day), y: height - 5, "text-anchor": "middle" }, text));
  }
  for (const name of ["warm", "hot"]) {
    const edge = [...points(`${name}_high`), ...points(`${name}_low`, looks.toReversed())];
    svg.append(shape("polygon", { class: name, points: edge.join(" ") }),
      shape("polyline", { class: name, points: points(`${name}_probability`).join(" ") }));
  }
  return svg;
}

function shape(name, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function fill(id, items) {
  byId(id).replaceChildren(...items.map((one) => element("li", { textContent: one })));
}

// ---- beginning ----

byId("needs-key").hidden = !needsKey;
byId("example").append(...examples.map(({ label }, value) => element("option", { value, textContent: label })));
byId("lead").value = examples[0].text;
if (!needsKey) ask();
byId("form").addEventListener("submit", ask);
byId("take").addEventListener("click", take);
byId("lead").addEventListener("input", () => {
  if (!byId("answer").hidden) byId("status").textContent = texts.edited;
});
byId("lead").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask(event);
});
