# bug: backlog-overflow
# also: ipv4-only
# line: class EchoServer(socketserver.ThreadingTCPServer):
# why: socketserver listens with a backlog of 5 unless the class sets request_queue_size. Needs a burst faster than accept().
import socketserver


class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while data := self.request.recv(8192):
                self.request.sendall(data)
        except ConnectionError:
            print("client went away:", self.client_address)


class EchoServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with EchoServer(("0.0.0.0", 9244), EchoHandler) as server:
        print("listening on 9244")
        server.serve_forever()
