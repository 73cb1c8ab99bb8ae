// A dialler's web interface on node's own http server, in VICIdial's words: an error is a text under 200.
// node web_dialler.js SECRET PATH: answers as node likes to (chunked, keep-alive); prints its port, then each change.
"use strict";
const http = require("http");
const [secret, path] = process.argv.slice(2);
let active = true;

function answer(query) {
  if (query.get("pass") !== secret) return "ERROR: Login incorrect\n";
  const wanted = query.get("active");
  if (wanted === null) return `SALES|Sales|${active ? "Y" : "N"}|RATIO\n`;
  active = wanted === "Y";
  process.stdout.write(`${wanted}\n`);
  return "SUCCESS: update_campaign CAMPAIGN HAS BEEN UPDATED - SALES\n";
}

const server = http.createServer((request, response) => {
  const address = new URL(request.url, "http://localhost");
  let body = "";
  request.on("data", (piece) => { body += piece; });
  request.on("end", () => {
    if (address.pathname !== path) { response.writeHead(404); response.end("nothing here"); return; }
    const query = request.method === "POST" ? new URLSearchParams(body) : address.searchParams;
    const text = answer(query);
    response.writeHead(200, { "Content-Type": "text/plain" });
    response.write(text.slice(0, 5)); // in pieces, and without saying how long it will be
    response.end(text.slice(5));
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
