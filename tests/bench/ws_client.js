// npm's ws as a bare client: PORT CONNECTIONS BYTES SECONDS; one message in flight each. Prints one JSON line.
const { WebSocket } = require('../interop/node_modules/ws');

const [port, connections, bytes, seconds] = process.argv.slice(2).map(Number);
const message = 'x'.repeat(bytes);
const sockets = [];
let messages = 0, open = 0, ending = false;

for (let i = 0; i < connections; i++) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
  socket.on('open', () => { if (++open === connections) begin(); });
  socket.on('message', () => {
    messages++;
    if (!ending) socket.send(message);
  });
  sockets.push(socket);
}

function begin() {
  const before = process.cpuUsage();
  for (const socket of sockets) socket.send(message);
  setTimeout(() => {
    ending = true;
    const used = process.cpuUsage(before);
    console.log(JSON.stringify({ messages, cpu_us_per_message: (used.user + used.system) / messages }));
    process.exit(0);
  }, seconds * 1000);
}
