// The smallest server that does what the host asks for: it verifies the proof and the expiry, and
// answers with a constant. No cache, no log, no counters, no CORS.
const crypto = require("node:crypto");
const fs = require("node:fs");
const express = require("express");
const jsonwebtoken = require("jsonwebtoken");

const { PORT, BENCH_BODY, BENCH_PROOF, JWT_SECRET, SIGNATURE_SECRET } = process.env;
const body = fs.readFileSync(BENCH_BODY);

function signed(request) {
  const query = request.originalUrl.slice(request.originalUrl.indexOf("?") + 1);
  const expected = crypto.createHmac("sha256", SIGNATURE_SECRET).update(query).digest("hex");
  const given = request.get("x-asana-request-signature") || "";
  return given.length === expected.length
    && crypto.timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}

function hasToken(request) {
  const [scheme, token] = (request.get("authorization") || "").split(" ");
  try {
    jsonwebtoken.verify(token, JWT_SECRET, { algorithms: ["HS256"], audience: "placard" });
    return scheme === "Bearer";
  } catch {
    return false;
  }
}

const holds = BENCH_PROOF.startsWith("jwt") ? hasToken : signed;
const app = express();
app.disable("etag");
app.disable("x-powered-by");
app.get("/widget", (request, response) => {
  const expiry = Date.parse(request.query.expires_at);
  if (!holds(request) || !(Date.now() < expiry)) {
    response.status(401).json({ data: { error: "Authorization required." } });
    return;
  }
  response.type("application/json").send(body);
});
app.listen(Number(PORT), "127.0.0.1");
