"use strict";
// Lets every client do every operation: node drive.js BASE TOKEN. What they read is printed as JSON.

const azure = require("./azure_devops");
const datadog = require("./datadog");

const CLIENTS = {
  azure_devops_node: azure.node,
  azure_devops_extension: azure.extension,
  datadog: datadog.typescript,
};

async function drive(base, token) {
  const read = {};
  for (const [name, client] of Object.entries(CLIENTS)) {
    read[name] = await client(base, token);
  }
  return read;
}

drive(process.argv[2], process.argv[3]).then(
  (read) => console.log(JSON.stringify(read)),
  (error) => { console.error(error); process.exitCode = 1; },
);
