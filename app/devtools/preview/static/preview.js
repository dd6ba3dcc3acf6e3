// What the page does beyond its first paint: it asks for a part anew and puts it in place.
// Everything is drawn by the server; without this script every form and link works as well.

const PART = { "X-Preview-Part": "1" };
const PAUSE = 200; // milliseconds without a key, before what was typed is looked up
// In seconds: a time is told in the largest unit of which there is nearly one.
const UNITS = { year: 31_536_000, month: 2_592_000, week: 604_800, day: 86_400, hour: 3600, minute: 60 };
export const result = document.getElementById("result");
const status = document.getElementById("status");
let latest = 0;
let searched = location.search;

document.documentElement.classList.add("scripted");
tellTimes();

/** Ask for a part and show it, unless a later one has been asked for since. */
export async function show(address, options = {}) {
  const turn = ++latest;
  result.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { ...options, headers: PART });
    const part = await answer.text();
    if (turn !== latest) return false;
    if (!answer.ok) throw new Error(`the preview answered ${answer.status}`);
    place(part);
    return true;
  } catch (error) {
    if (turn === latest) say(`The service does not answer: ${error.message}`, true);
    return false;
  } finally {
    if (turn === latest) result.removeAttribute("aria-busy");
  }
}

function place(part) {
  const drawn = new DOMParser().parseFromString(part, "text/html");
  result.replaceChildren(...drawn.body.childNodes);
  tellTimes();
  const said = result.querySelector("[data-said]");
  if (said) say(said.dataset.said);
}

/** Bring the answer into view, no further than need be, and at once for whom motion makes ill. */
function reveal() {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const answer = result.querySelector(".panel");
  answer.scrollIntoView({ block: "nearest", behavior: still ? "instant" : "smooth" });
}

/** Tell a screen reader; and everybody, where it is a trouble. */
export function say(words, trouble = false) {
  status.textContent = words;
  status.classList.toggle("trouble", trouble);
}

/** Tell times as the reader's own language and clock do. */
function tellTimes() {
  const relative = new Intl.RelativeTimeFormat(navigator.language);
  const now = new Intl.RelativeTimeFormat(navigator.language, { numeric: "auto" }).format(0, "second");
  const exact = new Intl.DateTimeFormat(navigator.language, { dateStyle: "full", timeStyle: "long" });
  for (const moment of result.querySelectorAll(".moment")) {
    const time = moment.querySelector("time");
    const away = (Date.parse(time.dateTime) - Date.now()) / 1000;
    const [unit, seconds] = Object.entries(UNITS).find(([, length]) => Math.abs(away) >= 0.85 * length) ?? [];
    time.textContent = unit ? relative.format(Math.round(away / seconds), unit) : now;
    moment.querySelector(".tip").textContent = exact.format(new Date(time.dateTime));
    moment.lang = navigator.language;
  }
}

// --- the address box and the samples -------------------------------------------------------

const asking = document.querySelector("form.asking:not(.looking)");

/** The address of this page for what is in the form, but for another resource. */
function targetOf(url) {
  const target = new URL(asking.action);
  target.searchParams.set("url", url);
  for (const [name, value] of new FormData(asking))
    if (name !== "url" && value.trim()) target.searchParams.set(name, value.trim());
  return target;
}

async function ask(url, { remember = true } = {}) {
  const target = targetOf(url);
  if (remember) history.pushState(null, "", target);
  searched = location.search;
  for (const link of document.querySelectorAll("[data-sample]")) {
    const chosen = new URL(link.href).searchParams.get("url") === url;
    chosen ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
  }
  if ((await show(target)) && remember) reveal();
}

/** Bring the chosen sample into view, below the name of its system, without moving the page. */
function showChosen() {
  const chosen = document.querySelector(".gallery [aria-current]");
  const group = chosen?.closest(".group");
  for (const scroller of group ? [chosen.closest(".gallery"), chosen.closest(".groups")] : []) {
    const [frame, own, first] = [scroller, chosen, group].map((one) => one.getBoundingClientRect());
    scroller.scrollTop += Math.max(first.top - frame.top, own.bottom - Math.min(frame.bottom, innerHeight));
    scroller.scrollLeft += Math.max(first.left - frame.left, own.right - frame.right);
  }
}

/** Ask past the cache. The link that did is drawn anew too: it keeps the focus, if it still has. */
async function askAgain(target) {
  const shown = await show(target);
  const lost = document.activeElement === document.body;
  if (shown && lost) result.querySelector("[data-fresh]")?.focus({ preventScroll: true });
}

if (asking) {
  showChosen();
  asking.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(asking.elements.url.value.trim());
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-sample], [data-fresh]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if ("fresh" in link.dataset) return void askAgain(link.href);
    asking.elements.url.value = new URL(link.href).searchParams.get("url");
    ask(asking.elements.url.value);
  });
  addEventListener("popstate", () => {
    // A jump within the page, such as that of the skip link, is no other address.
    if (location.search === searched) return;
    const { searchParams } = new URL(location);
    for (const field of asking.querySelectorAll("input"))
      field.value = searchParams.get(field.name) ?? field.defaultValue;
    ask(asking.elements.url.value, { remember: false });
  });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  const field = document.querySelector("#url, #query, .cm-content, #payload");
  if (event.key !== "/" || typing || !field || event.metaKey || event.ctrlKey || event.altKey) return;
  event.preventDefault();
  field.focus();
  if (field.matches("input")) field.select();
});

// --- the lookup box ------------------------------------------------------------------------

const looking = document.querySelector("form.looking");
let typing;

async function lookUp() {
  const target = new URL(looking.action);
  for (const [name, value] of new FormData(looking)) if (value.trim()) target.searchParams.set(name, value);
  if (await show(target)) history.replaceState(null, "", target);
}

if (looking) {
  looking.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(lookUp, PAUSE);
  });
  looking.addEventListener("submit", (event) => {
    event.preventDefault();
    lookUp();
  });
  result.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { action } = event.target;
    const picked = new FormData(event.target, event.submitter);
    if (await show(action, { method: "POST", body: picked })) reveal();
  });
  // The arrows lead from the box to the items, and from each to the next.
  addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const stops = [looking.elements.query, ...result.querySelectorAll(".choices button")];
    const place = stops.indexOf(document.activeElement);
    if (!step || place < 0 || !stops[place + step]) return;
    event.preventDefault();
    stops[place + step].focus();
  });
}

// --- the signature check -------------------------------------------------------------------

const pasted = document.querySelector("form.pasted");
pasted?.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await show(pasted.action, { method: "POST", body: new FormData(pasted) })) reveal();
});

// --- copying, and the theme ----------------------------------------------------------------

export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  } catch {
    say("The browser does not let this page copy", true);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const from = document.getElementById(button.dataset.copy);
  copy(from.value ?? from.textContent, button);
});

document.querySelector(".themes")?.addEventListener("change", (event) => {
  document.documentElement.dataset.theme = event.target.value;
  document.cookie = `theme=${event.target.value}; path=/preview; max-age=31536000; samesite=strict`;
});
