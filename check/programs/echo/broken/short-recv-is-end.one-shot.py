# bug: short-recv-is-end
# also: happy-path, decode-per-recv, half-close-mishandled, slow-reader-stalls-all, ipv4-only
# line: data = self.request.recv(8192)
# why: One recv() is taken for the whole request; the rest of the stream is thrown away with the connection.
import socketserver


class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            data = self.request.recv(8192)
            self.request.sendall(data)
        except ConnectionError:
            print("client went away:", self.client_address)


class EchoServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    with EchoServer(("0.0.0.0", 9207), EchoHandler) as server:
        print("listening on 9207")
        server.serve_forever()
