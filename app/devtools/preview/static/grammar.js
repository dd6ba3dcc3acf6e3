// What may stand where in a payload, by the grammar that the server makes of its schema, and the
// places of what is there, by the syntax tree of CodeMirror.

import { syntaxTree } from "./codemirror.js";

const VALUES = ["Object", "Array", "String", "Number", "True", "False", "Null"];

/** Map the keys of an object to the nodes of their values. */
export function members(object, state) {
  const found = {};
  for (const property of object?.getChildren("Property") ?? []) {
    const value = property.lastChild;
    if (VALUES.includes(value?.name)) found[nameOf(property, state)] = value;
  }
  return found;
}

function nameOf(property, state) {
  return unquoted(state.sliceDoc(property.firstChild.from, property.firstChild.to));
}

function unquoted(token) {
  return token.replace(/^"|"$/g, "");
}

/** The part of the grammar that a value must follow, as far as it is known. */
function ruleOf(value, state, grammar) {
  const { parent } = value;
  if (parent?.name === "Array") return ruleOf(parent, state, grammar)?.items;
  if (parent?.name === "Property") return keysOf(parent.parent, state, grammar)[nameOf(parent, state)];
  return { keys: grammar };
}

/** The keys that an object may have, each with its rule; of several kinds, those of its own. */
function keysOf(object, state, grammar) {
  const rule = ruleOf(object, state, grammar);
  if (rule?.keys) return rule.keys;
  if (!rule?.kinds) return {};
  const kind = members(object, state)[rule.by];
  const word = kind && unquoted(state.sliceDoc(kind.from, kind.to));
  return rule.kinds[word] ?? { [rule.by]: { words: Object.keys(rule.kinds), required: true } };
}

/** Complete keys, and the words that a value may be. */
export function completing(grammar) {
  return ({ state, pos, explicit }) => {
    const token = syntaxTree(state).resolveInner(pos, -1);
    const inner = token.name === "{" ? token.parent : token;
    if (inner.name === "PropertyName") return keys(inner.parent.parent, inner, pos, state, grammar);
    if (inner.name === "String") return words(ruleOf(inner, state, grammar), inner, state);
    if (!explicit) return null;
    if (inner.name === "Object") return keys(inner, null, pos, state, grammar);
    const property = inner.name === "Property" ? inner : inner.parent;
    if (property?.name !== "Property") return null;
    const rule = keysOf(property.parent, state, grammar)[nameOf(property, state)];
    return words(rule, { from: pos, to: pos }, state);
  };
}

function keys(object, token, pos, state, grammar) {
  const known = keysOf(object, state, grammar);
  const taken = members(object, state);
  const own = token && unquoted(state.sliceDoc(token.from, token.to));
  const place = token ?? { from: pos, to: pos };
  const hasColon = token !== null && /^\s*:/.test(state.sliceDoc(token.to, token.to + 20));
  const options = Object.entries(known)
    .filter(([name]) => !(name in taken) || name === own)
    .map(([name, rule]) => ({
      label: name, type: "property", detail: rule.required ? "required" : "",
      apply: replacing(place, hasColon ? `"${name}"` : `"${name}": ${emptyOf(rule)}`, hasColon ? 0 : 1),
    }));
  return options.length ? { from: token ? token.from + 1 : pos, options } : null;
}

function words(rule, place, state) {
  if (!rule?.words) return null;
  const isQuoted = state.sliceDoc(place.from, place.from + 1) === '"';
  const type = rule.isColor ? "color" : "enum";
  const options = rule.words.map((label) => ({ label, type, apply: replacing(place, JSON.stringify(label), 0) }));
  return { from: place.from + (isQuoted ? 1 : 0), options };
}

/** What to write for a value that is still to come; the cursor goes before its last character. */
function emptyOf(rule) {
  if (rule.items) return "[]";
  return rule.keys || rule.kinds ? "{}" : rule.isCount ? "0" : '""';
}

/** Put a text in the place of a whole token, quotes and all. */
function replacing({ from, to }, insert, back) {
  return (view) => view.dispatch({
    changes: { from, to: Math.max(to, view.state.selection.main.head), insert },
    selection: { anchor: from + insert.length - back }, userEvent: "input.complete",
  });
}
