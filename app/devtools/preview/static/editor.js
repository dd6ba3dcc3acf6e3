// The editor of a payload: CodeMirror in the place of the plain text box, which works without it.
// What is wrong, and what the host knows, the server says: nothing of the contract is told twice.

import {
  EditorView, autocompletion, bracketMatching, classHighlighter, closeBrackets, closeBracketsKeymap,
  completionKeymap, defaultKeymap, drawSelection, ensureSyntaxTree, highlightActiveLine, history,
  historyKeymap, indentOnInput, json, keymap, lineNumbers, lintGutter, lintKeymap, setDiagnostics,
  syntaxHighlighting,
} from "./codemirror.js";
import { completing, members } from "./grammar.js";
import { copy, result, say, show } from "./preview.js";

const PAUSE = 120; // milliseconds without a key, before what was typed is drawn
const LONGEST_ADDRESS = 60_000; // what the server takes, with room for the rest
const TOO_LONG = "This payload is too long to be shared by its address";
const box = document.getElementById("payload");
const form = box.form;
const { grammar, blocks, presets } = JSON.parse(form.dataset.editor);
let pause;

const view = new EditorView({
  doc: box.value,
  extensions: [
    EditorView.cspNonce.of(document.querySelector("meta[name=csp-nonce]").nonce),
    EditorView.contentAttributes.of({
      "aria-label": "Payload, as JSON", "aria-describedby": "faults-title", tabindex: "0",
    }),
    EditorView.updateListener.of((update) => update.docChanged && changed()),
    lineNumbers(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(),
    highlightActiveLine(), json(), syntaxHighlighting(classHighlighter), lintGutter(),
    autocompletion({
      override: [completing(grammar)],
      compareCompletions: () => 0, // in the order of the schema
      addToOptions: [{ render: swatch, position: 30 }],
    }),
    // The Tab key is not among them: it leads out of the editor.
    keymap.of([
      { key: "Shift-Alt-f", run: () => (format(), true) },
      ...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap,
    ]),
  ],
});
const source = box.closest(".source");
source.before(view.dom);
// In the place of the plain box at once, and of its cursor: nothing moves, and no key is lost.
view.coordsAtPos(0); // which has it measure itself
const had = document.activeElement === box && { anchor: box.selectionStart, head: box.selectionEnd };
source.hidden = true;
if (had) {
  view.dispatch({ selection: had });
  view.focus();
}
mark();

function text() {
  return view.state.doc.toString();
}

function changed() {
  box.value = text();
  clearTimeout(pause);
  pause = setTimeout(draw, PAUSE);
}

/** Have the text judged and drawn; an answer for an older text marks nothing. */
async function draw() {
  const sent = text();
  const shown = await show(form.action, { method: "POST", body: sent });
  if (!shown) return;
  if (sent === text()) mark();
  const target = shared();
  if (target) window.history.replaceState(null, "", target);
  else say(TOO_LONG, true);
}

/** Underline what the server found, and mark its lines; colours can be picked from now on. */
function mark() {
  for (const button of result.querySelectorAll("[data-color]")) button.disabled = false;
  const found = [...result.querySelectorAll("[data-start]")].map(({ dataset }) => ({
    from: Number(dataset.start), to: Number(dataset.end), severity: "error", message: dataset.told,
  }));
  view.dispatch(setDiagnostics(view.state, found));
}

/** The address of what is in the editor now, or nothing if it is too long for one. */
function shared() {
  const target = new URL(form.action);
  target.searchParams.set("payload", text());
  return target.href.length <= LONGEST_ADDRESS ? target.href : null;
}

/** Put another text in the place of all; undo brings the old one back. */
function replaceAll(insert) {
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert }, userEvent: "input.replace" });
}

async function format() {
  const answer = await fetch(form.dataset.format, { method: "POST", body: text() });
  if (answer.ok) replaceAll(await answer.text());
  else say("This is not JSON yet", true);
}

// --- blocks and colours --------------------------------------------------------------------

function root() {
  return ensureSyntaxTree(view.state, view.state.doc.length, 200)?.topNode.firstChild;
}

function blanksBefore(node) {
  return view.state.doc.lineAt(node.from).text.match(/^\s*/)[0];
}

/** Write a block as JSON whose lines after the first begin with these blanks. */
function written(block, blanks) {
  return JSON.stringify(block, null, 2).replaceAll("\n", `\n${blanks}`);
}

/** Put a field after the one that has the cursor, or the last; a footer in the place of another. */
function insert(name) {
  const { into, block } = blocks[name];
  const metadata = members(root(), view.state).metadata;
  const found = members(metadata, view.state)[into];
  if (!found) return say(`There is no ${into} in the metadata to put it into`, true);
  if (into === "footer") return change(found.from, found.to, written(block, blanksBefore(found)));
  const fields = found.getChildren("Object");
  const { head } = view.state.selection.main;
  const before = fields.find((each) => each.from <= head && head <= each.to) ?? fields.at(-1);
  const outer = blanksBefore(found);
  const blanks = before ? blanksBefore(before) : `${outer}  `;
  const added = `\n${blanks}${written(block, blanks)}`;
  if (before) change(before.to, before.to, `,${added}`);
  else change(found.from, found.to, `[${added}\n${outer}]`);
}

function change(from, to, insert) {
  view.dispatch({
    changes: { from, to, insert }, selection: { anchor: from + insert.length },
    scrollIntoView: true, userEvent: "input",
  });
  view.focus();
}

/** Give a colour to the pill that has the cursor, or to the only one. */
function paint(color) {
  const { head } = view.state.selection.main;
  const pills = members(members(root(), view.state).metadata, view.state).fields?.getChildren("Object")
    .filter((each) => members(each, view.state).color) ?? [];
  const pill = pills.find((each) => each.from <= head && head <= each.to) ?? (pills.length === 1 && pills[0]);
  if (!pill) return say("Put the cursor into a pill first", true);
  const { from, to } = members(pill, view.state).color;
  view.dispatch({ changes: { from, to, insert: JSON.stringify(color) }, userEvent: "input" });
}

function swatch(option) {
  if (option.type !== "color") return null;
  const drawn = document.createElement("span");
  drawn.className = `swatch pill-${option.label}`;
  return drawn;
}

// --- what is clicked -----------------------------------------------------------------------

form.addEventListener("submit", (event) => {
  event.preventDefault();
  event.submitter?.name === "format" ? format() : draw();
});

form.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-preset], [data-block], [data-color], [data-line], [data-copy-address]");
  if (!chosen || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  const { preset, block, color, start, end } = chosen.dataset;
  if (preset) replaceAll(presets[preset]);
  else if (block) insert(block);
  else if (color) paint(color);
  else if (start) goTo(Number(start), Number(end));
  else copyAddress(chosen);
});

function goTo(anchor, head) {
  view.dispatch({
    selection: { anchor, head },
    effects: EditorView.scrollIntoView(anchor, { y: "center" }),
  });
  view.focus();
}

function copyAddress(button) {
  const address = shared();
  if (address) copy(address, button);
  else say(TOO_LONG, true);
}
