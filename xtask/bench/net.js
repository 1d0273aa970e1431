// Echo on Node's `net`: a peer of the race.
const net = require("net");
net.createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
}).listen({ host: "127.0.0.1", port: 0, backlog: 4096 });
