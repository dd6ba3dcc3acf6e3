// What the page does beyond its first paint: it asks for a part anew and puts it in place.
// Everything is drawn by the server; without this script every form and link works as well.

const PART = { "X-Preview-Part": "1" };
const PAUSE = 120; // milliseconds without a key, before what was typed is drawn
const LONGEST_ADDRESS = 60_000; // what the server takes, with room for the rest
const TOO_LONG = "This payload is too long to be shared by its address";
const result = document.getElementById("result");
const status = document.getElementById("status");
let latest = 0;
let searched = location.search;

document.documentElement.classList.add("scripted");

/** Ask for a part and show it, unless a later one has been asked for since. */
async function show(address, options = {}) {
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
function say(words, trouble = false) {
  status.textContent = words;
  status.classList.toggle("trouble", trouble);
}

// --- the address box and the samples -------------------------------------------------------

const address = document.querySelector("form.address");

async function ask(url, { remember = true } = {}) {
  const target = new URL(address.action);
  target.searchParams.set("url", url);
  if (remember) history.pushState(null, "", target);
  searched = location.search;
  for (const link of document.querySelectorAll("[data-sample]")) {
    const chosen = new URL(link.href).searchParams.get("url") === url;
    chosen ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
  }
  if ((await show(target)) && remember) reveal();
}

/** Ask past the cache. The link that did is drawn anew too: it keeps the focus, if it still has. */
async function askAgain(target) {
  const shown = await show(target);
  const lost = document.activeElement === document.body;
  if (shown && lost) result.querySelector("[data-fresh]")?.focus({ preventScroll: true });
}

if (address) {
  address.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(address.elements.url.value.trim());
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-sample], [data-fresh]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if ("fresh" in link.dataset) return void askAgain(link.href);
    address.elements.url.value = new URL(link.href).searchParams.get("url");
    ask(address.elements.url.value);
  });
  addEventListener("popstate", () => {
    // A jump within the page, such as that of the skip link, is no other address.
    if (location.search === searched) return;
    const url = new URL(location).searchParams.get("url") ?? address.elements.url.defaultValue;
    address.elements.url.value = url;
    ask(url, { remember: false });
  });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  const field = document.getElementById("url") ?? document.getElementById("payload");
  if (event.key !== "/" || typing || !field || event.metaKey || event.ctrlKey || event.altKey) return;
  event.preventDefault();
  field.focus();
  field.select?.();
});

// --- the editor ----------------------------------------------------------------------------

const payload = document.getElementById("payload");
const gutter = document.getElementById("gutter");

async function draw() {
  const target = shared();
  const shown = await show(payload.form.action, { method: "POST", body: payload.value });
  if (!shown) return;
  gutter.replaceChildren(...document.getElementById("new-gutter").content.childNodes);
  if (target) history.replaceState(null, "", target);
  else say(TOO_LONG, true);
}

/** The address of what is in the editor now, or nothing if it is too long for one. */
function shared() {
  const target = new URL(payload.form.action);
  target.searchParams.set("payload", payload.value);
  return target.href.length <= LONGEST_ADDRESS ? target.href : null;
}

/** Number the lines at once; which of them are faulty the server says a moment later. */
function number() {
  const lines = payload.value.split("\n").length;
  while (gutter.children.length > lines) gutter.lastElementChild.remove();
  while (gutter.children.length < lines) {
    const line = document.createElement("li");
    line.textContent = gutter.children.length + 1;
    gutter.append(line);
  }
}

/** Put the cursor on a line, and the line into view. */
function goTo(line) {
  const lines = payload.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  payload.focus({ preventScroll: true });
  payload.setSelectionRange(start, start + lines[line - 1].length);
  gutter.children[line - 1]?.scrollIntoView({ block: "center" });
}

if (payload) {
  let pause;
  payload.addEventListener("input", () => {
    number();
    clearTimeout(pause);
    pause = setTimeout(draw, PAUSE);
  });
  payload.addEventListener("scroll", () => gutter.scrollTo({ top: payload.scrollTop }));
  payload.form.addEventListener("submit", (event) => {
    event.preventDefault();
    draw();
  });
  result.addEventListener("click", (event) => {
    const link = event.target.closest("[data-line]");
    if (!link) return;
    event.preventDefault();
    goTo(Number(link.dataset.line));
  });
}

// --- the signature check -------------------------------------------------------------------

const pasted = document.querySelector("form.pasted");
pasted?.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await show(pasted.action, { method: "POST", body: new FormData(pasted) })) reveal();
});

// --- copying, and the theme ----------------------------------------------------------------

document.addEventListener("click", async (event) => {
  const button = event.target.closest(".copy");
  if (!button) return;
  const from = document.getElementById(button.dataset.copy ?? "");
  const text = from ? from.textContent : shared();
  if (text === null) return say(TOO_LONG, true);
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  } catch {
    say("The browser does not let this page copy", true);
  }
});

document.querySelector(".themes")?.addEventListener("change", (event) => {
  document.documentElement.dataset.theme = event.target.value;
  document.cookie = `theme=${event.target.value}; path=/preview; max-age=31536000; samesite=strict`;
});
