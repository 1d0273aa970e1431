# good: socketserver.ThreadingTCPServer
# also: ipv4-only
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
    request_queue_size = 128


if __name__ == "__main__":
    with EchoServer(("0.0.0.0", 9104), EchoHandler) as server:
        print("listening on 9104")
        server.serve_forever()
