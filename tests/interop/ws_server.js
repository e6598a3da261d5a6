// npm's ws as an echo server: prints its port, then at the end of its input what it counted, as JSON.
const { WebSocketServer } = require('ws');

const perMessageDeflate = process.argv[2] === 'deflate' ? { threshold: Number(process.argv[3] ?? 0) } : false;
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate, maxPayload: 8 << 20 });
const count = { connections: 0, messages_in: 0, messages_out: 0, bytes_in: 0, bytes_out: 0, closes: {}, errors: [], compressed: 0 };

server.on('connection', (socket) => {
  count.connections++;
  if (socket.extensions.includes('permessage-deflate')) count.compressed++;
  socket.on('message', (data, isBinary) => {
    count.messages_in++;
    count.bytes_in += data.length;
    socket.send(data, { binary: isBinary });
    count.messages_out++;
    count.bytes_out += data.length;
  });
  socket.on('error', (error) => count.errors.push(String(error)));
  socket.on('close', (code) => { count.closes[code] = (count.closes[code] ?? 0) + 1; });
});
server.on('listening', () => console.log(server.address().port));
process.stdin.on('end', () => {
  console.log(JSON.stringify(count));
  process.exit(0);
});
process.stdin.resume();
