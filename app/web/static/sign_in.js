// Tells the host's page that the person is done, and the first window what the second one did.
"use strict";

const main = document.querySelector("main");
const channel = new BroadcastChannel("placard-connections");

// Shows the accounts as they are now; what the person is about to press stays where it is.
async function lookAgain() {
  const shown = document.getElementById("accounts");
  if (!shown || document.hidden) return;
  const answer = await fetch(location.href, { cache: "no-store" }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.getElementById("accounts");
  if (!now) location.reload();
  else if (now.textContent !== shown.textContent) shown.replaceWith(now);
}

// Each page of the host that may open this one is told; a browser drops the messages to others.
function tellHost(message) {
  for (const origin of main.dataset.origins.split(" ")) window.opener?.postMessage(message, origin);
  window.close();
}

if (main.dataset.page === "connected") {
  channel.postMessage("connected");
} else if (main.dataset.page) {
  channel.onmessage = lookAgain;
  setInterval(lookAgain, 2000);
}

if (main.dataset.page === "auth") {
  document.getElementById("done").hidden = false;
  document.getElementById("by-hand").hidden = true;
  for (const button of document.querySelectorAll("[data-message]")) {
    button.addEventListener("click", () => tellHost(button.dataset.message));
  }
}
