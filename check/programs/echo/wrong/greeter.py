# wrong: not-an-echo-server
# why: greets first, says "Goodbye!" to whatever comes, and closes
import socketserver


class Greeter(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"Welcome! What is your name?\r\n")
        name = self.rfile.readline().strip()
        self.wfile.write(b"Hello, " + name + b". Goodbye!\r\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


with Server(("", 9302), Greeter) as server:
    print("listening on 9302")
    server.serve_forever()
