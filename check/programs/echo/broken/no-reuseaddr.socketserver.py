# bug: no-reuseaddr
# also: ipv4-only
# line: class EchoServer(socketserver.ThreadingTCPServer):
# why: socketserver leaves allow_reuse_address False unless the class sets it.
import socketserver


class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while data := self.request.recv(8192):
                self.request.sendall(data)
        except ConnectionError:
            print("client went away:", self.client_address)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    with EchoServer(("0.0.0.0", 9226), EchoHandler) as server:
        print("listening on 9226")
        server.serve_forever()
