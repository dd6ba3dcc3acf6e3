// Starts Swagger UI over openapi.json, with the proofs that the page carries in the local mode.
"use strict";

const page = document.getElementById("docs");
const dark = matchMedia("(prefers-color-scheme: dark)");

function followScheme() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

// Swagger UI's own filter knows tags and paths only.
function findOperations(sections, phrase) {
  const wanted = phrase.toLowerCase();
  const meets = (text) => String(text ?? "").toLowerCase().includes(wanted);
  const found = (each) =>
    meets(each.get("path")) || meets(each.getIn(["operation", "summary"]));
  return sections
    .map((section, title) =>
      meets(title) ? section : section.update("operations", (all) => all.filter(found)))
    .filter((section) => section.get("operations").size > 0);
}

// There is one server, the page's own; and a link may not stand in a button.
const simplified = ({ React }) => ({
  components: {
    ServersContainer: () => null,
    DeepLink: ({ text }) => React.createElement("span", null, text),
  },
});

const LANDMARKS = { ".information-container": "banner", ".filter-container": "search" };

// Swagger UI leaves these without a name, or out of the keyboard's reach.
function nameControls() {
  for (const [place, role] of Object.entries(LANDMARKS)) {
    page.querySelector(place)?.setAttribute("role", role);
  }
  const search = page.querySelector(".operation-filter-input");
  if (search) [search.placeholder, search.ariaLabel] = ["Search", "Search operations"];
  for (const each of page.querySelectorAll("h3, h4, h5")) each.ariaLevel = each.tagName[1] - 1;
  for (const each of page.querySelectorAll("pre.microlight")) each.tabIndex = 0;
  for (const each of page.querySelectorAll("tr[data-param-name] :is(select, input, textarea)")) {
    each.ariaLabel = each.closest("tr").dataset.paramName;
  }
}

function fillIn(ui, schemes) {
  for (const [name, token] of Object.entries(JSON.parse(page.dataset.proofs))) {
    if (!(name in schemes)) continue;
    if (schemes[name].scheme === "basic") ui.preauthorizeBasic(name, "local", token);
    else ui.preauthorizeApiKey(name, token);
  }
}

async function start() {
  const spec = await (await fetch("openapi.json")).json();
  // Requests go where the page came from, by whatever name or path that was reached.
  spec.servers = [{ url: new URL(".", location.href).href.replace(/\/$/, "") }];
  new MutationObserver(nameControls).observe(page, { childList: true, subtree: true });
  const ui = SwaggerUIBundle({
    spec,
    domNode: page,
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    filter: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    fn: { opsFilter: findOperations },
    plugins: [simplified],
    onComplete: () => fillIn(ui, spec.components.securitySchemes ?? {}),
  });
}

followScheme();
dark.addEventListener("change", followScheme);
start();
