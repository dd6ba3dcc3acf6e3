// Makes what is committed below ../static of the packages that the lock pins: CodeMirror as one
// file, and the marks of the systems; beside each its licence. `make assets` runs it.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import * as icons from "simple-icons";

const STATIC = new URL("../static/", import.meta.url);
// Names of simple-icons; marks.py says which system has which.
const MARKS = [
  "asana", "bitbucket", "buildkite", "circleci", "confluence", "datadog", "gitea", "github",
  "gitlab", "hubspot", "intercom", "jenkins", "jira", "linear", "notion",
  "opsgenie", "pagerduty", "sentry", "shortcut", "stackexchange", "statuspage", "trello",
  "zendesk",
];

/** Hash what the files are made of, so that a test can tell when they are older. */
function hashOfSources() {
  const hash = createHash("sha256");
  for (const name of ["build.js", "codemirror.js", "package-lock.json"])
    hash.update(readFileSync(new URL(name, import.meta.url)));
  return hash.digest("hex");
}

function write(name, text) {
  writeFileSync(new URL(name, STATIC), text);
}

function licenceOf(folder) {
  const name = ["LICENSE", "LICENSE.md"].find((each) => existsSync(`${folder}/${each}`));
  return readFileSync(`${folder}/${name}`, "utf-8").trim();
}

async function bundleCodeMirror(sources) {
  const made = await build({
    entryPoints: ["codemirror.js"], bundle: true, minify: true, format: "esm", target: "es2022",
    legalComments: "none", metafile: true, write: false,
  });
  const inputs = Object.keys(made.metafile.inputs).map((file) => file.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]);
  const packages = [...new Set(inputs.filter(Boolean))].sort();
  const told = packages.map((name) => {
    const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf-8"));
    return `${name} ${version}\n\n${licenceOf(`node_modules/${name}`)}\n`;
  });
  write("codemirror.js", `/* CodeMirror 6, see codemirror.LICENSE.txt; sources ${sources} */\n${made.outputFiles[0].text}`);
  write("codemirror.LICENSE.txt", told.join(`\n${"-".repeat(78)}\n\n`));
}

function drawMarks(sources) {
  const symbols = MARKS.map((name) => {
    const icon = icons[`si${name[0].toUpperCase()}${name.slice(1)}`];
    if (!icon) throw new Error(`simple-icons has no ${name}`);
    return `<symbol id="${name}" viewBox="0 0 24 24"><path d="${icon.path}"/></symbol>\n`;
  });
  const head = `<!-- Simple Icons, see marks.LICENSE.txt; sources ${sources} -->\n`;
  write("marks.svg", `${head}<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("")}</svg>\n`);
  write("marks.LICENSE.txt", `${licenceOf("node_modules/simple-icons")}\n`);
}

const sources = hashOfSources();
await bundleCodeMirror(sources);
drawMarks(sources);
