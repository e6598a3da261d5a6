// hdr: npm's hdr-histogram-js as a filter with the same two commands as hist_tool.
//
//   node hdr.js encode       microseconds on stdin, one a line; V2 compressed payload on stdout
//   node hdr.js percentiles  payload on stdin; "count N", "p50 N", ..., "max N" on stdout
"use strict";

const fs = require("fs");
const hdr = require("hdr-histogram-js");

const PERCENTILES = [50, 90, 95, 99, 99.9, 99.99];

function encode(input) {
  const histogram = hdr.build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3600000000,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 64,
  });
  for (const line of input.toString("ascii").trim().split("\n")) {
    histogram.recordValue(Number(line));
  }
  return Buffer.from(hdr.encodeIntoCompressedBase64(histogram), "base64");
}

function percentiles(input) {
  const histogram = hdr.decodeFromCompressedBase64(input.toString("base64"), 64);
  const lines = [`count ${histogram.totalCount}`];
  for (const p of PERCENTILES) {
    lines.push(`p${p} ${histogram.getValueAtPercentile(p)}`);
  }
  lines.push(`max ${histogram.maxValue}`);
  return lines.join("\n") + "\n";
}

const commands = { encode, percentiles };
const command = commands[process.argv[2]];
if (command === undefined) {
  process.stderr.write("usage: node hdr.js encode|percentiles\n");
  process.exit(2);
}
fs.writeSync(1, command(fs.readFileSync(0)));
