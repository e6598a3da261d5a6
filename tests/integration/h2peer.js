// A server of HTTP/2 without TLS whose faults come when asked for: node h2peer.js
//
// Prints its port, and on SIGTERM how often each path was begun, as JSON. Paths:
//
//   /ok                 200, "hello"
//   /goaway/N?code=C    200; with the N-th of a connection comes GOAWAY with code C, whose last stream is that one
//   /late/N?code=C      the same, but those behind it are not told of: GOAWAY names the one before
//   /reset?code=C       RST_STREAM before any answer
//   /cut                200 and 5 bytes of body, then RST_STREAM (INTERNAL_ERROR)
//   /drop               the socket is destroyed before any answer
//   /halt               200 and 5 bytes of body, then the socket is destroyed
//   /sse/N              N server-sent events
//   /echo               the request's body
//   /trailer            200, "hello", and a trailer with Server-Timing
//   /slow/MS            200 after so many ms
//   /body/N             200 and N bytes
//   /continue/MS        103, 100 (Continue) after so many ms, then the request's body; one that came before 100 is "early"
//   /whole              the request's body once it is whole, answered with not a byte before
//   /refuse             417 at once, whatever is still to come of the request
"use strict";
const http2 = require("node:http2");
const url = require("node:url");

const limit = Number(process.argv[2] || 0);
const seen = {};
const server = http2.createServer(limit > 0 ? { settings: { maxConcurrentStreams: limit } } : {});

const answers = {
  ok(stream) {
    stream.respond({ ":status": 200, "content-type": "text/plain" });
    stream.end("hello");
  },
  goaway(stream, argument, query) {
    const session = stream.session;
    session.pelt_count = (session.pelt_count || 0) + 1;
    answers.ok(stream);
    if (session.pelt_count === Number(argument)) {
      session.goaway(Number(query.code || 0), stream.id, Buffer.from("as asked"));
      stream.on("close", () => session.close());
    }
  },
  late(stream, argument, query) {
    const session = stream.session;
    session.pelt_count = (session.pelt_count || 0) + 1;
    if (session.pelt_count < Number(argument)) { answers.ok(stream); return; }
    if (session.pelt_count === Number(argument)) {
      session.goaway(Number(query.code || 0), stream.id - 2);
    }
    seen.refused = (seen.refused || 0) + 1;
  },
  reset(stream, argument, query) { stream.close(Number(query.code || 2)); },
  cut(stream) {
    stream.respond({ ":status": 200 });
    stream.write("hello", () => setTimeout(() => stream.destroy(new Error("cut")), 5));
  },
  drop(stream) { stream.session.pelt_socket.destroy(); },
  halt(stream) {
    stream.respond({ ":status": 200 });
    stream.write("hello", () => setTimeout(() => stream.session && stream.session.pelt_socket.destroy(), 5));
  },
  sse(stream, argument) {
    stream.respond({ ":status": 200, "content-type": "text/event-stream" });
    let i = 0;
    const next = () => {
      if (i === Number(argument)) { stream.end(); return; }
      stream.write(`data: event ${i++}\n\n`);
      setImmediate(next);
    };
    next();
  },
  echo(stream) {
    stream.respond({ ":status": 200 });
    stream.pipe(stream);
  },
  trailer(stream) {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "server-timing": "total;dur=3" }));
    stream.end("hello");
  },
  body(stream, argument) {
    stream.respond({ ":status": 200 });
    stream.end(Buffer.alloc(Number(argument), "x"));
  },
  continue(stream, argument) {
    let continued = false;
    stream.once("data", () => { if (!continued) { seen.early = (seen.early || 0) + 1; } });
    stream.additionalHeaders({ ":status": 103, link: "</x>" });
    setTimeout(() => { continued = true; stream.additionalHeaders({ ":status": 100 }); answers.echo(stream); }, Number(argument));
  },
  whole(stream) {
    const pieces = [];
    stream.on("data", (piece) => pieces.push(piece));
    stream.on("end", () => { stream.respond({ ":status": 200 }); stream.end(Buffer.concat(pieces)); });
  },
  refuse(stream) {
    stream.on("data", () => { seen.early = (seen.early || 0) + 1; });
    stream.respond({ ":status": 417 });
    stream.end("no");
  },
  slow(stream, argument) { setTimeout(() => !stream.destroyed && answers.ok(stream), Number(argument)); },
};

server.on("stream", (stream, headers) => {
  const asked = url.parse(headers[":path"], true);
  const [, name, argument] = asked.pathname.split("/");
  seen[name] = (seen[name] || 0) + 1;
  const session = stream.session;
  seen.most = Math.max(seen.most || 0, session.pelt_open = (session.pelt_open || 0) + 1);
  stream.on("close", () => {
    session.pelt_open--;
    if (stream.rstCode === http2.constants.NGHTTP2_CANCEL) { seen.cancelled = (seen.cancelled || 0) + 1; }
  });
  stream.on("error", () => {});
  (answers[name] || answers.ok)(stream, argument, asked.query);
});
let socket;
server.prependListener("connection", (s) => { socket = s; });
server.on("session", (session) => {
  session.pelt_socket = socket;
  seen.sessions = (seen.sessions || 0) + 1;
  session.on("error", () => {});
});
server.on("sessionError", () => {});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.on("SIGTERM", () => { console.log(JSON.stringify(seen)); process.exit(0); });
