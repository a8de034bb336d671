"use strict";
(() => {
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const live = data.mode === "review";
const images = data.images;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const narrow = matchMedia("(max-width: 820px)");

// ---- elements: text only, never markup ----
function el(name, given, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given || {})) {
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "disabled") made.disabled = value;
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return made;
}
function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}
function mark(kind, symbol, text) { return el("span", { class: `mark ${kind}` }, symbol && icon(symbol), text); }
let toastTimer = 0;
function say(text) {
  $("status").textContent = text;
  $("status").classList.add("on");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $("status").classList.remove("on"), 3500);
}
function notice(text, action, act) {
  $("notice").replaceChildren(text, action ? el("button", { type: "button", onclick: act }, action) : "");
  $("notice").hidden = !text;
}

// ---- assets ----
const assets = data.assets;
const byId = new Map();
assets.forEach((asset, place) => {
  asset.place = place;
  asset.name = asset.name || asset.id;
  const cut = Math.max(asset.name.lastIndexOf("/"), asset.name.lastIndexOf("#"));
  asset.leaf = asset.name.slice(cut + 1) || asset.name;
  asset.folder = asset.leaf === asset.name ? "" : asset.name.slice(0, cut);
  asset.tags = asset.tags || [];
  asset.sought = [asset.name, asset.output, asset.prompt, asset.wants, asset.about, asset.model, asset.tags.join(" ")].filter(Boolean).join("\n").toLowerCase();
  byId.set(asset.id, asset);
  if (!byId.has(asset.name)) byId.set(asset.name, asset);
});
const byContent = new Map(images.map((image, place) => [image.content, place]));
const OPEN = { state: "open", verdicts: [], notes: [], uncounted: [] };
const drafts = new Map(); // decisions of a static page, by asset and content
const draftKey = (asset, content) => `${asset.id}\n${content}`;
function imageOf(place) { return place === undefined || place === null ? null : images[place]; }
function reviewOf(asset) {
  const image = imageOf(asset.now);
  if (!image) return OPEN;
  const draft = drafts.get(draftKey(asset, image.content));
  if (draft) return { ...(image.review || OPEN), state: draft.verdict === "approve" ? "approved" : "rejected", draft };
  return image.review || OPEN;
}
const isChanged = (asset) => Boolean(asset.added || (asset.before && asset.before.image !== undefined));
const needsWork = (asset) => asset.state !== "current" && asset.state !== "orphan";
const FILTERS = [
  ["all", "All", () => true],
  ["open", "Open", (asset) => asset.now !== undefined && reviewOf(asset).state === "open" && !asset.optional],
  ["approved", "Approved", (asset) => reviewOf(asset).state === "approved"],
  ["rejected", "Rejected", (asset) => reviewOf(asset).state === "rejected"],
  ["changed", data.against ? "Changed" : "With a before", isChanged],
  ["work", "Not up to date", needsWork],
  ["candidates", "Candidates", (asset) => Boolean(asset.candidates)],
];

// ---- state of the page ----
const state = { filter: "all", tag: "", text: "", shown: [], current: -1, view: "single", zoom: "fit", ground: "checker", own: "#7a5cff",
  at: [0.5, 0.5], split: 0.5, mix: 0.5, gain: 1, flipped: false, looked: null, undo: [] };
const KEEP = `reconciler ${data.title} ${location.pathname}`;
try {
  const kept = JSON.parse(sessionStorage.getItem(KEEP) || "{}");
  for (const name of ["view", "zoom", "ground", "own", "gain"]) if (typeof kept[name] === typeof state[name]) state[name] = kept[name];
  if (!live) for (const [key, draft] of kept.drafts || []) drafts.set(key, draft);
} catch { /* a browser without storage */ }
function keep() {
  try {
    const { view, zoom, ground, own, gain } = state;
    sessionStorage.setItem(KEEP, JSON.stringify({ view, zoom, ground, own, gain, drafts: [...drafts] }));
  } catch { /* a browser without storage */ }
}

// ---- overview ----
const lazy = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    lazy.unobserve(entry.target);
    const image = imageOf(Number(entry.target.dataset.image));
    entry.target.src = image.preview;
  }
}, { rootMargin: "600px" });
function thumb(place, given) {
  const image = imageOf(place);
  const box = el(given && given.onclick ? "button" : "span", { class: "thumb", ...given });
  if (!image || !image.preview) { box.append(icon("none")); return box; }
  const kind = Math.max(image.width || 256, image.height || 256) < 128 ? "little" : image.height > image.width ? "tall" : "";
  const picture = el("img", { alt: "", class: kind, decoding: "async", "data-image": place });
  picture.addEventListener("error", () => picture.replaceWith(icon("none")));
  lazy.observe(picture);
  box.append(picture);
  return box;
}
function marksOf(asset) {
  const review = reviewOf(asset);
  const found = [];
  if (review.state === "approved") found.push(mark("ok", "check", review.draft ? "approve" : "approved"));
  else if (review.state === "rejected") found.push(mark("bad", "cross", review.draft ? "reject" : "rejected"));
  else if (asset.now !== undefined && !asset.obstacle && !asset.optional) found.push(mark("", "open", "open"));
  if (asset.added) found.push(mark("warn", "change", "added"));
  else if (asset.before) found.push(mark("warn", "change", data.against ? "changed" : "has a before"));
  if (asset.state !== "current") found.push(mark(asset.state === "conflict" ? "bad" : "warn", "alert", STATES[asset.state] || asset.state));
  if (asset.draft) found.push(mark("", "", "draft"));
  if (asset.candidates) found.push(mark("", "", `${asset.candidates.length} candidates`));
  return found;
}
const STATES = { generate: "not up to date", restore: "file missing", move: "moves", adopt: "to adopt", conflict: "conflict", hold: "held", orphan: "in no spec" };
function makeCard(asset) {
  asset.marks = el("span", { class: "marks" }, ...marksOf(asset));
  asset.card = el("a", { class: "card", href: hashOf(asset), tabindex: "-1" }, thumb(asset.now),
    el("span", { class: "label", title: asset.name }, el("span", { class: "id" }, asset.leaf), asset.folder && el("span", { class: "folder" }, asset.folder), asset.marks));
  asset.item = el("li", {}, asset.card);
  asset.item.hidden = !fits(asset);
  return asset.item;
}
function hashFor(id) {
  try { return `#${encodeURIComponent(id).replaceAll("%2F", "/")}`; } catch { return `#${encodeURIComponent(byId.get(id)?.name || "")}`; } // half a pair
}
const hashOf = (asset) => hashFor(asset.id);
let built = 0;
function buildSome(until) {
  const some = document.createDocumentFragment();
  for (; built < Math.min(until, assets.length); built++) some.append(makeCard(assets[built]));
  $("cards").append(some);
  if (built < assets.length) setTimeout(() => buildSome(built + 400), 0);
}
function fits(asset) {
  const test = FILTERS.find(([name]) => name === state.filter)[2];
  return test(asset) && (!state.tag || asset.tags.includes(state.tag)) && (!state.text || state.text.split(/\s+/).every((word) => asset.sought.includes(word)));
}
function filterAll() {
  state.shown = [];
  for (const asset of assets) {
    const fit = fits(asset);
    if (fit) state.shown.push(asset.place);
    if (asset.item) asset.item.hidden = !fit;
  }
  $("none").hidden = state.shown.length > 0;
  $("none").textContent = assets.length ? "No image matches." : "There are no assets here.";
  if (state.current >= 0) showPlace();
  focusable();
}
function showCounts() {
  for (const [name, , test] of FILTERS) {
    const chip = $("filters").querySelector(`[data-filter="${name}"]`);
    const count = assets.reduce((sum, asset) => sum + (test(asset) ? 1 : 0), 0);
    chip.querySelector(".count").textContent = count;
    chip.hidden = name !== "all" && name !== state.filter && count === 0;
    chip.setAttribute("aria-pressed", String(name === state.filter));
  }
  const asked = assets.filter((asset) => !asset.optional && asset.state !== "orphan");
  const approved = asked.filter((asset) => reviewOf(asset).state === "approved").length;
  $("progress").textContent = `${approved} of ${asked.length} approved`;
  $("decisions-open").hidden = live || drafts.size === 0;
  $("decisions-open").textContent = `Decisions (${drafts.size})`;
}
function refresh(asset) {
  if (asset.marks) asset.marks.replaceChildren(...marksOf(asset));
  showCounts();
}
function focusable() {
  const wanted = state.current >= 0 ? assets[state.current] : assets[state.shown[0]];
  for (const old of $("cards").querySelectorAll('[tabindex="0"]')) old.tabIndex = -1;
  if (wanted && wanted.card) wanted.card.tabIndex = 0;
}

// ---- moving ----
const inDetail = () => document.body.dataset.place === "detail";
function open(asset, { push = true } = {}) {
  if (state.current >= 0) assets[state.current].card?.removeAttribute("aria-current");
  if (state.current !== asset.place) { state.at = [0.5, 0.5]; state.flipped = false; state.looked = null; }
  state.current = asset.place;
  if (built <= asset.place) buildSome(asset.place + 1);
  const entered = !inDetail();
  document.body.dataset.place = "detail";
  $("detail").hidden = false;
  asset.card.setAttribute("aria-current", "true");
  if (push && location.hash !== hashOf(asset)) history.pushState(null, "", hashOf(asset));
  document.title = `${asset.name} · ${data.title}`;
  if (getComputedStyle($("overview")).display !== "none") asset.item.scrollIntoView({ block: entered ? "center" : "nearest" });
  focusable();
  showDetail();
  $("facts").scrollTop = 0;
  if (entered) $("name").focus({ preventScroll: true });
  if (narrow.matches) scrollTo(0, 0);
}
function close({ push = true } = {}) {
  const asset = assets[state.current];
  document.body.dataset.place = "overview";
  $("detail").hidden = true;
  if (push) history.pushState(null, "", location.pathname + location.search);
  document.title = `${data.title} · images`;
  stopBlink();
  if (asset) {
    asset.card.removeAttribute("aria-current");
    asset.item.scrollIntoView({ block: "center" });
    asset.card.focus({ preventScroll: true });
  }
}
function step(by) {
  if (!state.shown.length) return;
  const here = inDetail() ? state.current : assets.findIndex((asset) => asset.card === document.activeElement);
  const at = state.shown.indexOf(here);
  let to = at + by;
  if (at < 0) to = here < 0 ? 0 : by > 0 ? state.shown.findIndex((place) => place > here) : state.shown.findLastIndex((place) => place < here);
  const asset = assets[state.shown[to]];
  if (!asset) { say(by > 0 ? "This is the last image." : "This is the first image."); return; }
  if (inDetail()) { open(asset); return; }
  if (built <= asset.place) buildSome(asset.place + 1);
  for (const old of $("cards").querySelectorAll('[tabindex="0"]')) old.tabIndex = -1;
  asset.card.tabIndex = 0;
  asset.card.focus();
}
function nextOpen() {
  const test = FILTERS.find(([name]) => name === "open")[2];
  const all = state.shown.filter((place) => test(assets[place]) && !assets[place].obstacle);
  return all.find((place) => place > state.current) ?? all[0];
}
function fromHash(push) {
  let id = "";
  try { id = decodeURIComponent(location.hash.slice(1)); } catch { /* not an id */ }
  const asset = byId.get(id);
  if (asset) open(asset, { push });
  else if (inDetail()) close({ push });
}
function showPlace() {
  const at = state.shown.indexOf(state.current);
  $("place").textContent = at < 0 ? `${state.shown.length} shown` : `${at + 1} / ${state.shown.length}`;
}

// ---- the stage ----
const VIEWS = [["single", "Single"], ["both", "2-up"], ["slide", "Slider"], ["onion", "Onion"], ["difference", "Difference"], ["blink", "Blink"]];
const ZOOMS = [["fit", "Fit"], ["1", "100%"], ["2", "200%"], ["4", "400%"]];
const GROUNDS = [["checker", "Checkerboard", ""], ["black", "Black", "#000"], ["white", "White", "#fff"], ["light", "Light page", "#f2f0eb"], ["dark", "Dark page", "#1c1f26"], ["own", "Own colour", ""]];
const GAINS = [1, 8, 32];
let planes = [];
let blinking = 0;
function pair(asset) {
  const looked = state.looked === null ? null : asset.candidates?.find((one) => one.number === state.looked);
  const now = looked ? looked.image : asset.now;
  const before = looked ? (asset.now === looked.image ? asset.before?.image : asset.now) : asset.before?.image;
  const beforeName = looked && asset.now !== looked.image ? "locked" : asset.before?.name || "before";
  return { now: imageOf(now), before: imageOf(before), nowName: looked ? `candidate ${looked.number}` : asset.state === "conflict" ? "file on disk" : "now", beforeName };
}
function viewOf(both) { return both.before && both.now ? state.view : "single"; }
function picture(image, name) {
  const made = el("img", { alt: name, draggable: "false" });
  made.addEventListener("error", () => {
    if (image.preview && made.src !== new URL(image.preview, location.href).href) {
      made.src = image.preview;
      image.small = true;
      showCaption();
    } else { made.alt = `${name}: cannot be shown`; }
  });
  made.addEventListener("load", () => {
    if (!image.width) { image.width = made.naturalWidth; image.height = made.naturalHeight; layout(); showCaption(); }
  });
  made.src = image.small || !image.whole ? image.preview || image.whole || "" : image.whole;
  if (!image.whole) image.small = true;
  return made;
}
function pane(shown, { tag, second, secondTag, kind } = {}) {
  const plane = el("div", { class: `plane ${kind || ""}` }, ...shown);
  const made = el("div", { class: "pane" }, plane, tag && el("span", { class: "tag" }, tag), secondTag && el("span", { class: "tag right" }, secondTag));
  planes.push({ pane: made, plane, top: shown[1] });
  return made;
}
function showStage() {
  stopBlink();
  const asset = assets[state.current];
  const both = pair(asset);
  const view = viewOf(both);
  const stage = $("stage");
  planes = [];
  stage.className = `stage ${view}`;
  const alt = (name) => `${asset.name}, ${name}`;
  if (!both.now && !both.before) {
    stage.replaceChildren(el("p", { class: "blank" }, "There is no image yet."));
  } else if (view === "single") {
    const one = (state.flipped && both.before) || !both.now ? [both.before, both.beforeName] : [both.now, both.nowName];
    if (one[0].preview || one[0].whole) stage.replaceChildren(pane([picture(one[0], alt(one[1]))], { tag: both.before ? one[1] : "" }));
    else stage.replaceChildren(el("p", { class: "blank" }, "The bytes of this image are not here, or cannot be decoded."));
  } else if (view === "both") {
    stage.replaceChildren(pane([picture(both.before, alt(both.beforeName))], { tag: both.beforeName }), pane([picture(both.now, alt(both.nowName))], { tag: both.nowName }));
  } else {
    const pictures = [picture(both.before, alt(both.beforeName)), picture(both.now, alt(both.nowName))];
    const tags = view === "slide" ? { tag: both.beforeName, secondTag: both.nowName } : { tag: view === "difference" ? `difference of ${both.beforeName} and ${both.nowName}` : view === "onion" ? `${both.nowName} over ${both.beforeName}` : both.nowName };
    stage.replaceChildren(pane(pictures, { ...tags, kind: view === "difference" ? "difference" : "" }));
    if (view === "slide") stage.firstChild.append(el("span", { class: "split" }));
  }
  const name = VIEWS.find(([key]) => key === view)[1];
  stage.setAttribute("aria-label", `${asset.name}, ${name}`);
  showTools(asset, both, view);
  layout();
  showCaption();
  if (view === "blink" && !calm.matches) startBlink();
}
function scaleFor(image, box) {
  const dots = devicePixelRatio || 1;
  const edge = narrow.matches ? 8 : 20;
  const fit = Math.min(Math.max(box.clientWidth - edge, 40) / image.width, Math.max(box.clientHeight - edge, 40) / image.height, 1 / dots);
  return state.zoom === "fit" ? fit : Number(state.zoom) / dots;
}
function layout() {
  const asset = assets[state.current];
  if (!asset) return;
  const both = pair(asset);
  const view = viewOf(both);
  let loose = false;
  for (const { pane: box, plane, top } of planes) {
    const image = view === "both" ? (box === planes[0].pane ? both.before : both.now) : view === "single" ? ((state.flipped && both.before) || !both.now ? both.before : both.now) : both.now;
    if (!image.width) { plane.style.width = "100%"; plane.style.height = "100%"; continue; }
    const scale = scaleFor(image, box);
    const [width, height] = [image.width * scale, image.height * scale];
    const free = [width > box.clientWidth + 1, height > box.clientHeight + 1];
    loose ||= free[0] || free[1];
    const left = free[0] ? box.clientWidth / 2 - state.at[0] * width : (box.clientWidth - width) / 2;
    const upper = free[1] ? box.clientHeight / 2 - state.at[1] * height : (box.clientHeight - height) / 2;
    plane.style.width = `${width}px`;
    plane.style.height = `${height}px`;
    plane.style.transform = `translate(${Math.round(left)}px, ${Math.round(upper)}px)`;
    plane.classList.toggle("pixels", scale * (devicePixelRatio || 1) >= 2);
    plane.classList.toggle("checker", state.ground === "checker" && view !== "difference");
    const colour = state.ground === "own" ? state.own : GROUNDS.find(([key]) => key === state.ground)[2];
    plane.style.setProperty("--under", colour || "transparent");
    if (view === "slide") {
      const x = state.split * box.clientWidth;
      top.style.clipPath = `inset(0 0 0 ${Math.min(Math.max(x - left, 0), width)}px)`;
      planes[0].plane.firstChild.style.clipPath = `inset(0 ${Math.min(Math.max(width - (x - left), 0), width)}px 0 0)`;
      box.querySelector(".split").style.left = `${x}px`;
    }
    if (view === "onion") top.style.opacity = state.mix;
    if (view === "blink") top.style.opacity = state.flipped ? 0 : 1;
    plane.style.filter = view === "difference" && state.gain > 1 ? `brightness(${state.gain})` : "";
  }
  $("stage").classList.toggle("zoomed", loose);
  if (view === "blink") {
    const tag = planes[0].pane.querySelector(".tag");
    tag.textContent = state.flipped ? both.beforeName : both.nowName;
  }
}
function kib(bytes) { return bytes >= 1 << 20 ? `${(bytes / (1 << 20)).toFixed(1)} MiB` : `${Math.max(1, Math.round(bytes / 1024))} KiB`; }
function sizeText(image) {
  return [image.width ? `${image.width} × ${image.height}` : "", (image.format || "").toUpperCase(), image.bytes ? kib(image.bytes) : ""].filter(Boolean).join(" · ");
}
function showCaption() {
  const asset = assets[state.current];
  if (!asset) return;
  const both = pair(asset);
  const parts = [];
  if (both.now) parts.push(`${both.nowName}: ${sizeText(both.now) || "size unknown"}`);
  if (both.before) parts.push(`${both.beforeName}: ${sizeText(both.before) || "size unknown"}`);
  if (both.now && both.before && both.before.width && (both.now.width !== both.before.width || both.now.height !== both.before.height) && !["single", "both"].includes(viewOf(both))) parts.push("the sizes differ: the one before is stretched");
  if ((both.now && both.now.small) || (both.before && both.before.small)) parts.push("thumbnail: the whole image is not beside this page");
  if (both.now && !both.before) parts.push(asset.added ? `${data.against} does not have it` : "nothing to compare with");
  $("caption").replaceChildren(...parts.map((part) => el("span", {}, part)));
}
function toggles(box, list, current, act) {
  box.replaceChildren(...list.map(([key, name, given]) => el("button", { type: "button", "aria-pressed": String(key === current), onclick: () => act(key), ...given }, name)));
}
function showTools(asset, both, view) {
  const focused = document.activeElement?.closest?.(".group")?.id;
  const place = focused ? [...$(focused).querySelectorAll("button")].indexOf(document.activeElement) : -1;
  toggles($("views"), VIEWS.map(([key, name], index) => [key, name, { disabled: key !== "single" && !(both.before && both.now), "aria-keyshortcuts": String(index + 1), title: `${name} (${index + 1})` }]), view, setView);
  toggles($("zooms"), ZOOMS.map(([key, name]) => [key, name, { "aria-keyshortcuts": "z" }]), state.zoom, setZoom);
  const swatches = GROUNDS.map(([key, name, colour]) => {
    const swatch = el("span", { class: `swatch ${key === "checker" ? "checker" : ""}` });
    if (key !== "checker") swatch.style.background = key === "own" ? state.own : colour;
    return el("button", { type: "button", "aria-label": name, title: `${name} (b)`, "aria-pressed": String(key === state.ground), onclick: () => setGround(key) }, swatch);
  });
  const own = state.ground === "own" ? [el("input", { type: "color", value: state.own, "aria-label": "Own colour", oninput: (event) => { state.own = event.target.value; keep(); layout(); } })] : [];
  $("grounds").replaceChildren(...swatches, ...own);
  const extra = [];
  const range = (name, value, act) => el("label", { class: "group extra" }, name, el("input", { type: "range", min: 0, max: 100, value: Math.round(value * 100), "aria-label": name, oninput: (event) => { act(event.target.value / 100); layout(); } }));
  if (view === "slide") extra.push(range("Split", state.split, (value) => { state.split = value; }));
  if (view === "onion") extra.push(range("Opacity", state.mix, (value) => { state.mix = value; }));
  if (view === "difference") {
    const gains = el("div", { class: "group", role: "group", "aria-label": "Gain" });
    toggles(gains, GAINS.map((gain) => [gain, `× ${gain}`, {}]), state.gain, setGain);
    extra.push("Gain", gains);
  }
  if (view === "blink") extra.push(el("button", { type: "button", id: "pause", onclick: blinkOrFlip }, blinking ? "Pause" : calm.matches ? "Flip" : "Play"));
  $("extra").replaceChildren(...extra);
  if (place >= 0) $(focused).querySelectorAll("button")[place]?.focus();
}
function setView(view) {
  const both = pair(assets[state.current]);
  if (view !== "single" && !(both.before && both.now)) { say("There is nothing to compare this image with."); return; }
  state.view = view;
  state.flipped = false;
  keep();
  showStage();
}
function setZoom(zoom) { state.zoom = zoom; if (zoom === "fit") state.at = [0.5, 0.5]; keep(); showStage(); }
function setGround(ground) { state.ground = ground; keep(); showStage(); say(`Background: ${GROUNDS.find(([key]) => key === ground)[1]}`); }
function setGain(gain) { state.gain = gain; keep(); showStage(); }
const after = (list, current) => list[(list.indexOf(current) + 1) % list.length];
function startBlink() {
  blinking = setInterval(() => { state.flipped = !state.flipped; layout(); }, 700);
  if ($("pause")) $("pause").textContent = "Pause";
}
function stopBlink() {
  clearInterval(blinking);
  blinking = 0;
  if ($("pause")) $("pause").textContent = calm.matches ? "Flip" : "Play";
}
function blinkOrFlip() {
  const both = pair(assets[state.current]);
  if (!(both.before && both.now)) { say("There is nothing to compare this image with."); return; }
  if (viewOf(both) === "blink" && !calm.matches) {
    if (blinking) stopBlink(); else startBlink();
    return;
  }
  state.flipped = !state.flipped;
  if (viewOf(both) === "blink") layout();
  else { state.view = "single"; showStage(); }
  say(state.flipped ? both.beforeName : both.nowName);
}
function pan(dx, dy) {
  const asset = assets[state.current];
  const image = pair(asset).now || pair(asset).before;
  if (!image || !image.width || !planes.length) return;
  const scale = scaleFor(image, planes[0].pane);
  const bound = (value) => Math.min(Math.max(value, 0), 1);
  state.at = [bound(state.at[0] - dx / (image.width * scale)), bound(state.at[1] - dy / (image.height * scale))];
  layout();
}
function zoomBy(by) {
  const list = ZOOMS.map(([key]) => key);
  const to = list[Math.min(Math.max(list.indexOf(state.zoom) + by, 0), list.length - 1)];
  if (to !== state.zoom) setZoom(to);
}
let held = null;
$("stage").addEventListener("pointerdown", (event) => {
  if (event.button || !planes.length) return;
  const split = viewOf(pair(assets[state.current])) === "slide";
  const box = planes[0].pane.getBoundingClientRect();
  const near = split && Math.abs(event.clientX - box.left - state.split * box.width) < 28;
  held = { x: event.clientX, y: event.clientY, split: split && (near || !$("stage").classList.contains("zoomed")) };
  $("stage").setPointerCapture(event.pointerId);
  if (held.split) moveSplit(event.clientX);
});
function moveSplit(x) {
  const box = planes[0].pane.getBoundingClientRect();
  state.split = Math.min(Math.max((x - box.left) / box.width, 0), 1);
  const range = $("extra").querySelector("input");
  if (range) range.value = Math.round(state.split * 100);
  layout();
}
$("stage").addEventListener("pointermove", (event) => {
  if (!held) return;
  if (held.split) { moveSplit(event.clientX); return; }
  pan(event.clientX - held.x, event.clientY - held.y);
  held.x = event.clientX;
  held.y = event.clientY;
});
for (const end of ["pointerup", "pointercancel"]) $("stage").addEventListener(end, () => { held = null; });
$("stage").addEventListener("wheel", (event) => {
  if (narrow.matches && !event.ctrlKey) return;
  event.preventDefault();
  if (event.shiftKey) pan(-event.deltaY, 0);
  else zoomBy(event.deltaY < 0 ? 1 : -1);
}, { passive: false });
$("stage").addEventListener("dblclick", () => setZoom(state.zoom === "fit" ? "1" : "fit"));
new ResizeObserver(() => { if (inDetail()) layout(); }).observe($("stage"));

// ---- facts ----
function section(title, ...children) {
  const inside = children.filter((child) => child !== null && child !== undefined && child !== "" && child !== false);
  return inside.length ? el("section", {}, el("h3", {}, title), ...inside) : null;
}
function table(rows) {
  const full = rows.filter(([, value]) => value);
  return full.length ? el("dl", {}, ...full.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])) : null;
}
function promptBox(...children) { return el("p", { class: "prompt", tabindex: "0", role: "group", "aria-label": "Prompt" }, ...children); }
function words(pieces) {
  const kinds = { "-": "del", "+": "ins" };
  return promptBox(...pieces.flatMap(([kind, text]) => [kinds[kind] ? el(kinds[kind], {}, text) : text, " "]));
}
function changesList(changes) {
  return changes && changes.length ? el("dl", {}, ...changes.flatMap(([name, before, now]) => [el("dt", {}, name),
    el("dd", {}, el("del", {}, before || "none"), " ", el("ins", {}, now || "none"))])) : null;
}
function person([by, verdict, at, note]) {
  const kind = { approve: ["ok", "check", "approved"], reject: ["bad", "cross", "rejected"], note: ["", "note", "note"], withdraw: ["", "undo", "withdrawn"] }[verdict];
  return el("li", {}, el("div", { class: "what" }, mark(...kind), " ", by, el("div", { class: "soft" }, at), note && el("p", {}, note)));
}
function showFacts() {
  const asset = assets[state.current];
  const review = reviewOf(asset);
  const before = asset.before || {};
  const next = asset.next || {};
  const made = asset.by === "adopted" ? "brought by a person" : asset.by === "imported" ? "imported" : asset.by;
  const parts = [
    el("section", {}, el("div", { class: "marks" }, ...marksOf(asset)), asset.about && el("p", {}, asset.about)),
    section("State", el("p", {}, asset.words), ...(asset.details || []).map((line) => el("p", { class: "soft" }, line)), asset.hint && el("p", { class: "soft" }, asset.hint)),
    section("The next apply would change", next.prompt && words(next.prompt), changesList(next.changes)),
    section(before.prompt ? `Prompt, against ${before.name}` : "Prompt", before.prompt ? words(before.prompt) : asset.prompt || asset.wants ? promptBox(asset.prompt || asset.wants) : null),
    section("Other differences", changesList(before.changes)),
    reviewSection(asset, review),
    candidatesSection(asset),
    section("Origin", table([["made", asset.at], ["by", [made, asset.draft && "placeholder", asset.edited && "edited by hand"].filter(Boolean).join(", ")], ["model", asset.model], ["price", asset.by ? asset.cost || "unknown" : asset.cost]])),
    section("Recipe", table((asset.recipe || []).map(([name, value]) => [name, value]))),
    section("File", table([["output", asset.output], ["spec", asset.spec], ["provider", asset.provider], ["content", asset.now !== undefined ? el("span", { class: "mono" }, images[asset.now].content) : ""]])),
    section("Tags", asset.tags.length ? el("ul", { class: "tagline" }, ...asset.tags.map((tag) => el("li", {}, tag))) : null),
    section("References", asset.references ? el("ul", { class: "rows" }, ...asset.references.map(referenceRow)) : null),
    section("Derived files", asset.derived ? el("ul", { class: "rows" }, ...asset.derived.map(derivedRow)) : null),
    section("Earlier takes", asset.takes ? el("ul", { class: "rows" }, ...asset.takes.map(([place, at, cost]) => el("li", {}, thumb(place), el("div", { class: "what" }, at, el("div", { class: "soft" }, cost || "price unknown"))))) : null),
  ];
  $("facts").replaceChildren(...parts.filter(Boolean));
}
function referenceRow([name, place, id]) {
  const label = el("div", { class: "what" }, id ? el("a", { href: hashFor(id) }, name) : name);
  return el("li", {}, thumb(place), label);
}
function derivedRow([path, rule, place]) {
  const image = imageOf(place);
  const shown = image && (image.whole || image.preview) ? el("img", { alt: path, src: image.whole || image.preview }) : null;
  if (shown && image.width) shown.style.width = `${image.width / (devicePixelRatio || 1)}px`;
  return el("li", {}, el("div", { class: "what" }, el("div", {}, path), el("div", { class: "soft" }, [rule, image && sizeText(image)].filter(Boolean).join(" · ")),
    shown && el("div", { class: "true", tabindex: "0", role: "group", "aria-label": path }, shown)));
}
function reviewSection(asset, review) {
  const rows = [...(review.verdicts || []).map(person), ...(review.notes || []).filter(([, verdict]) => verdict === "note").map(person),
    ...(review.uncounted || []).map((one) => { const row = person(one); row.querySelector(".what").append(el("p", { class: "soft" }, `does not count: ${one[4]}`)); return row; })];
  return section("Reviews", rows.length ? el("ul", { class: "rows" }, ...rows) : null);
}
function isRejected(asset, one) {
  const image = imageOf(one.image);
  return drafts.get(draftKey(asset, image?.content))?.verdict === "reject" || (image?.review ? image.review.state === "rejected" : Boolean(one.rejected));
}
function candidatesSection(asset) {
  if (!asset.candidates) return null;
  const seen = asset.candidates.filter((one) => !isRejected(asset, one) || one.locked);
  const hidden = asset.candidates.length - seen.length;
  const rows = seen.map((one) => {
    const image = imageOf(one.image);
    const lock = one.locked ? el("span", { class: "mark ok" }, icon("check"), "locked") : el("button", { type: "button", onclick: () => choose(asset, one) }, "Choose");
    const reject = one.locked ? null : el("button", { type: "button", onclick: () => rejectCandidate(asset, one) }, "Reject");
    return el("li", {}, thumb(one.image, { type: "button", "aria-label": `Look at candidate ${one.number}`, "aria-pressed": String(state.looked === one.number), onclick: () => look(one.number) }),
      el("div", { class: "what" }, `#${one.number}`, el("div", { class: "soft" }, [one.cost || "price unknown", image && image.width ? `${image.width} × ${image.height}` : "", one.wrong].filter(Boolean).join(" · "))),
      el("div", { class: "acts" }, lock, reject));
  });
  return section("Candidates", el("ul", { class: "rows" }, ...rows), hidden ? el("p", { class: "soft" }, `${hidden} rejected`) : null);
}
function look(number) {
  state.looked = state.looked === number ? null : number;
  showStage();
  showFacts();
  showVerdict();
}

// ---- decisions ----
function target(asset) {
  const looked = state.looked === null ? null : asset.candidates?.find((one) => one.number === state.looked);
  return looked && looked.image !== asset.now ? { candidate: looked, image: imageOf(looked.image) } : { candidate: null, image: imageOf(asset.now) };
}
function showVerdict() {
  const asset = assets[state.current];
  const review = reviewOf(asset);
  const { candidate, image } = target(asset);
  $("approve").disabled = !image || Boolean(asset.obstacle) || candidate !== null;
  $("reject").disabled = !image || (Boolean(asset.obstacle) && candidate === null);
  $("undo").disabled = state.undo.length === 0;
  $("note").disabled = $("reject").disabled;
  const first = review.verdicts && review.verdicts[0];
  let text = "";
  if (candidate) text = `Looking at candidate ${candidate.number}; Shift+${candidate.number} chooses it.`;
  else if (asset.obstacle && image) text = `Cannot be judged now: ${asset.obstacle}.`;
  else if (!image) text = "There is nothing to judge yet.";
  else if (review.draft) text = `${review.draft.verdict === "approve" ? "To approve" : "To reject"}${review.draft.note ? `: ${review.draft.note}` : ""}`;
  else if (first) text = `${review.state === "rejected" ? "Rejected" : review.state === "approved" ? "Approved" : "Approved so far"} by ${first[0]}${first[3] ? `: ${first[3]}` : ""}`;
  $("verdict").textContent = text;
}
function showDetail() {
  const asset = assets[state.current];
  $("name").textContent = asset.name;
  $("name").title = asset.name;
  showPlace();
  showStage();
  showFacts();
  showVerdict();
}
let asking = null;
function ask(title, about, text, required) {
  $("note-title").textContent = title;
  $("note-about").textContent = about;
  $("note-text").value = text;
  $("note-text").required = required;
  $("note-dialog").returnValue = "";
  $("note-dialog").showModal();
  $("note-text").focus();
  return new Promise((resolve) => { asking = resolve; });
}
$("note-dialog").querySelector("form").addEventListener("submit", (event) => {
  if ($("note-text").required && !$("note-text").value.trim()) { event.preventDefault(); return; }
  $("note-dialog").returnValue = "save";
});
$("note-text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); $("note-save").click(); }
});
$("note-dialog").addEventListener("close", () => {
  const answer = $("note-dialog").returnValue === "save" ? $("note-text").value.trim() : null;
  asking?.(answer);
  asking = null;
});
async function decide(verdict) {
  const asset = assets[state.current];
  const { candidate, image } = target(asset);
  if (!image) { say("There is nothing to judge yet."); return; }
  if (candidate && verdict === "reject") { rejectCandidate(asset, candidate); return; }
  if (candidate) { say(`Shift+${candidate.number} chooses this candidate.`); return; }
  if (asset.obstacle) { say(`Cannot be judged now: ${asset.obstacle}.`); return; }
  let note = "";
  if (verdict === "reject") {
    const given = await ask("Reject", `${asset.name}: say what is wrong. Ctrl+Enter saves.`, "", true);
    if (given === null) return;
    note = given;
  }
  await record(asset, image, verdict, note);
}
async function record(asset, image, verdict, note, { advance = true } = {}) {
  if (live) {
    const was = (image.review || OPEN).verdicts.find(([by]) => by === data.reviewer);
    const done = await send("verdict", { asset: asset.id, expect: image.content, verdict, note });
    if (!done) return;
    state.undo.push({ kind: "verdict", asset, content: image.content, back: was ? { verdict: was[1], note: was[3] } : { verdict: "withdraw", note: "" } });
  } else {
    const key = draftKey(asset, image.content);
    state.undo.push({ kind: "draft", asset, key, was: drafts.get(key) });
    drafts.delete(key);
    drafts.set(key, { verdict, note });
    keep();
  }
  decided(asset, verdict === "approve" ? "Approved" : "Rejected", advance);
}
function decided(asset, text, advance) {
  refresh(asset);
  const next = advance ? nextOpen() : undefined;
  if (next !== undefined && next !== state.current) { say(`${text}: ${asset.name}`); open(assets[next]); return; }
  say(advance && next === undefined ? `${text}: ${asset.name}. No open image is left.` : `${text}: ${asset.name}`);
  if (state.current >= 0) { showFacts(); showVerdict(); }
}
async function rejectCandidate(asset, one) {
  const image = imageOf(one.image);
  const note = await ask(`Reject candidate ${one.number}`, `${asset.name}: say what is wrong. Ctrl+Enter saves.`, "", true);
  if (note === null) return;
  if (live) {
    if (!await send("verdict", { asset: asset.id, expect: image.content, verdict: "reject", note, candidate: one.number })) return;
    state.undo.push({ kind: "verdict", asset, content: image.content, candidate: one.number, back: { verdict: "withdraw", note: "" } });
  } else {
    const key = draftKey(asset, image.content);
    state.undo.push({ kind: "draft", asset, key, was: drafts.get(key) });
    drafts.set(key, { verdict: "reject", note, candidate: one.number });
    keep();
  }
  state.looked = null;
  showStage();
  decided(asset, `Rejected candidate ${one.number}`, false);
}
async function choose(asset, one) {
  const image = imageOf(one.image);
  if (one.locked) { say(`Candidate ${one.number} is locked already.`); return; }
  if (isRejected(asset, one)) { say(`Candidate ${one.number} was rejected.`); return; }
  if (live) {
    const was = asset.candidates.find((each) => each.locked);
    if (!await send("choose", { asset: asset.id, expect: imageOf(asset.now)?.content || "", candidate: image.content })) return;
    state.undo.push({ kind: "choose", asset, was });
    state.looked = null;
    if (state.current === asset.place) showDetail();
  } else {
    const key = `${asset.id}\nchoose`;
    state.undo.push({ kind: "draft", asset, key, was: drafts.get(key) });
    drafts.set(key, { verdict: "choose", content: image.content, number: one.number });
    keep();
  }
  decided(asset, `Chose candidate ${one.number}`, false);
}
async function addNote() {
  const asset = assets[state.current];
  const { image, candidate } = target(asset);
  if (!image) { say("There is nothing to judge yet."); return; }
  if (asset.obstacle && !candidate) { say(`Cannot be judged now: ${asset.obstacle}.`); return; }
  const draft = drafts.get(draftKey(asset, image.content));
  if (live) {
    const note = await ask("Note", `${asset.name}: a remark that changes no verdict. Ctrl+Enter saves.`, "", true);
    if (note === null) return;
    if (!await send("verdict", { asset: asset.id, expect: image.content, verdict: "note", note, ...(candidate ? { candidate: candidate.number } : {}) })) return;
    decided(asset, "Noted", false);
    return;
  }
  const note = await ask("Note", draft ? `${asset.name}: the note of your decision.` : `${asset.name}: approve it with this note.`, draft?.note || "", false);
  if (note === null) return;
  await record(asset, image, draft?.verdict || "approve", note, { advance: false });
}
async function undo() {
  const last = state.undo.pop();
  if (!last) { say("There is nothing to undo."); return; }
  const { asset } = last;
  if (last.kind === "draft") {
    if (last.was) drafts.set(last.key, last.was); else drafts.delete(last.key);
    keep();
  } else if (last.kind === "choose") {
    if (!last.was) { say("The image before was no candidate: nothing to go back to."); return; }
    if (!await send("choose", { asset: asset.id, expect: imageOf(asset.now)?.content || "", candidate: imageOf(last.was.image).content })) return;
  } else if (!await send("verdict", { asset: asset.id, expect: last.content, ...last.back, ...(last.candidate ? { candidate: last.candidate } : {}) })) { return; }
  refresh(asset);
  open(asset);
  say(`Undone: ${asset.name}`);
}

// ---- a static page: commands to copy ----
const quote = (text) => (/^[A-Za-z0-9_./:@%+,-]+$/.test(text) && !text.startsWith("-") ? text : `'${text.replaceAll("'", "'\\''")}'`);
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
function commands() {
  const lines = [];
  for (const [key, draft] of drafts) {
    const [id, content] = key.split("\n");
    const note = (draft.note || "").split(/\s+/).filter(Boolean).join(" ");
    if (HIDDEN.test(id) || HIDDEN.test(note)) { lines.push("# a name or a note has invisible characters: use `reconciler review`"); continue; }
    if (draft.verdict === "choose") lines.push(`reconciler choose ${quote(id)} ${draft.content}`);
    else lines.push(`reconciler ${draft.verdict} ${quote(id)} --content ${content}${note ? ` --note ${quote(note)}` : ""}`);
  }
  return lines.join("\n");
}
$("decisions-open").addEventListener("click", () => { $("lines").value = commands(); $("decisions").showModal(); });
$("copy").addEventListener("click", async () => {
  $("lines").focus();
  $("lines").select();
  try { await navigator.clipboard.writeText($("lines").value); } catch { document.execCommand("copy"); }
  say("Copied.");
});
$("forget").addEventListener("click", () => {
  drafts.clear();
  state.undo = [];
  keep();
  for (const asset of assets) if (asset.marks) asset.marks.replaceChildren(...marksOf(asset));
  $("decisions").close();
  filterAll();
  showCounts();
  if (inDetail()) showDetail();
});

// ---- a served page ----
let version = data.version || 0;
async function send(what, body) {
  try {
    const answer = await fetch(what, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ ...body, since: version }), referrerPolicy: "no-referrer" });
    const given = await answer.json();
    if (answer.ok) { take(given); return true; }
    if (answer.status === 409) notice(given.fact, "Reload", () => location.reload());
    say([given.fact, given.hint].filter(Boolean).join(" "));
  } catch {
    notice("The review has ended, or cannot be reached. Start it again: reconciler review");
  }
  return false;
}
function take(given) {
  if (given.version === undefined) return;
  version = given.version;
  for (const change of given.changes || []) {
    const asset = byId.get(change.asset);
    const place = byContent.get(change.content);
    if (place !== undefined && change.review) images[place].review = change.review;
    if (asset && change.now && byContent.has(change.now)) {
      asset.now = byContent.get(change.now);
      asset.obstacle = change.obstacle;
      for (const one of asset.candidates || []) one.locked = one.image === asset.now;
      asset.card?.querySelector(".thumb").replaceWith(thumb(asset.now));
    } else if (asset && change.now) { notice("Images have changed since this page was loaded.", "Reload", () => location.reload()); }
    if (asset) refresh(asset);
    if (asset && asset.place === state.current && inDetail() && !asking) showDetail();
  }
}
async function poll() {
  if (!document.hidden && !$("note-dialog").open) {
    try {
      const answer = await fetch(`changes?since=${version}`, { referrerPolicy: "no-referrer" });
      if (answer.ok) take(await answer.json());
    } catch {
      notice("The review has ended, or cannot be reached. Start it again: reconciler review");
      return;
    }
  }
  setTimeout(poll, 2000);
}

// ---- keys ----
const KEYS = [
  [["j", "k"], "next, previous image"], [["Enter", "Esc"], "open an image, go back to all"], [["space"], "flip between before and now; pause in Blink"],
  [["1", "…", "6"], "views: single, 2-up, slider, onion, difference, blink"], [["g"], "gain of the difference"], [["z", "+", "-"], "zoom"],
  [["arrows"], "pan when zoomed; move the split in Slider"], [["b"], "background"], [["a"], "approve, and go to the next open image"], [["r"], "reject, with a note"], [["n"], "note"],
  [["Shift", "1 … 9"], "choose a candidate"], [["c"], "look at the next candidate"], [["u"], "undo"], [["/"], "search"], [["?"], "this list"],
];
$("keys").append(...KEYS.flatMap(([keys, text]) => [el("dt", {}, ...keys.map((key) => el("kbd", {}, key))), el("dd", {}, text)]));
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
function detailKey(event) {
  const asset = assets[state.current];
  const digit = /^Digit([1-9])$/.exec(event.code || "");
  if (event.shiftKey && digit) {
    const one = asset.candidates?.find((each) => each.number === Number(digit[1]));
    if (one) choose(asset, one); else say(`There is no candidate ${digit[1]}.`);
    return true;
  }
  if (event.key >= "1" && event.key <= "6") { setView(VIEWS[Number(event.key) - 1][0]); return true; }
  if (ARROWS[event.key]) {
    const [x, y] = ARROWS[event.key];
    if ($("stage").classList.contains("slide") && x && !$("stage").classList.contains("zoomed")) { moveSplit(planes[0].pane.getBoundingClientRect().left + (state.split - x * 0.02) * planes[0].pane.clientWidth); return true; }
    if ($("stage").classList.contains("zoomed")) { pan(x * 60, y * 60); return true; }
    if (x) { step(-x); return true; }
    return false;
  }
  const acts = {
    " ": blinkOrFlip, g: () => setGain(after(GAINS, state.gain)), z: () => setZoom(after(ZOOMS.map(([key]) => key), state.zoom)), "+": () => zoomBy(1), "=": () => zoomBy(1), "-": () => zoomBy(-1),
    b: () => setGround(after(GROUNDS.map(([key]) => key), state.ground)), a: () => decide("approve"), r: () => decide("reject"), n: addNote, Escape: () => close(),
    c: () => { if (asset.candidates) look(after([null, ...asset.candidates.map((one) => one.number)], state.looked)); },
  };
  if (!acts[event.key]) return false;
  acts[event.key]();
  return true;
}
function gridKey(event) {
  const first = assets[state.shown[0]];
  if (event.key === "Enter" && first) { open(first); return true; }
  if (!ARROWS[event.key] || !$("cards").contains(document.activeElement)) return false;
  const columns = getComputedStyle($("cards")).gridTemplateColumns.split(" ").length;
  step({ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key]);
  return true;
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
  const typing = event.target.closest("input:not([type=range]):not([type=color]), textarea, select");
  if (typing) {
    if (event.key === "Escape" && event.target === $("search")) { $("search").value = ""; search(); $("search").blur(); }
    if (event.key === "Enter" && event.target === $("search")) { const first = assets[state.shown[0]]; if (first) { $("search").blur(); open(first); } }
    return;
  }
  const pressing = (event.target.closest("button, input") && event.key === " ") || (event.target.closest("button, a, input") && event.key === "Enter");
  const ranging = event.target.closest("input") && ARROWS[event.key];
  const scrolling = event.target.closest(".true, .prompt, #facts") && (ARROWS[event.key] || event.key === " ") && !event.target.closest("button, a");
  if (pressing || ranging || scrolling) return;
  const acts = { j: () => step(1), k: () => step(-1), u: undo, "/": () => { if (narrow.matches && inDetail()) close(); $("search").focus(); $("search").select(); }, "?": () => $("help").showModal() };
  const handled = acts[event.key] ? (acts[event.key](), true) : inDetail() ? detailKey(event) : gridKey(event);
  if (handled) event.preventDefault();
});
function search() {
  state.text = $("search").value.trim().toLowerCase();
  filterAll();
}

// ---- start ----
$("title").textContent = data.title;
$("against").textContent = data.against ? `against ${data.against}${data.removed ? ` · ${data.removed.length} removed` : ""}` : "";
if (data.removed) $("against").title = `removed: ${data.removed.slice(0, 40).join(", ")}`;
$("filters").append(...FILTERS.map(([name, label]) => el("button", { type: "button", "data-filter": name, onclick: () => { state.filter = name; filterAll(); showCounts(); } }, label, el("span", { class: "count" }))));
const tags = [...new Set(assets.flatMap((asset) => asset.tags))].sort();
if (tags.length) {
  $("tags").hidden = false;
  $("tag").append(el("option", { value: "" }, "all tags"), ...tags.map((tag) => el("option", { value: tag }, tag)));
  $("tag").addEventListener("change", () => { state.tag = $("tag").value; filterAll(); });
}
$("search").addEventListener("input", search);
$("cards").addEventListener("click", (event) => {
  const card = event.target.closest("a");
  if (!card || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  open(assets.find((asset) => asset.card === card));
});
$("back").addEventListener("click", () => close());
$("previous").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("approve").addEventListener("click", () => decide("approve"));
$("reject").addEventListener("click", () => decide("reject"));
$("note").addEventListener("click", addNote);
$("undo").addEventListener("click", undo);
$("help-open").addEventListener("click", () => $("help").showModal());
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
addEventListener("popstate", () => fromHash(false));
addEventListener("hashchange", () => fromHash(false));
if (data.cautions) notice(data.cautions.join(" "));
buildSome(120);
filterAll();
showCounts();
fromHash(false);
if (live) {
  $("done").hidden = false;
  $("done").addEventListener("click", async () => {
    if (await send("done", {})) { notice("The review has ended. You can close this page."); $("done").disabled = true; version = -1; }
  });
  setTimeout(poll, 2000);
}
document.documentElement.dataset.ready = "true";
})();
