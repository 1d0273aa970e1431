# bug: decode-per-recv
# also: non-text-crash, swallowed-task-error, ipv4-only
# line: text = data.decode("utf-8", errors="ignore")
# why: Nothing crashes, but the two halves of a cut syllable are dropped without a word.
import socketserver


class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while data := self.request.recv(8192):
                text = data.decode("utf-8", errors="ignore")
                self.request.sendall(text.encode("utf-8"))
        except ConnectionError:
            print("client went away:", self.client_address)


class EchoServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    with EchoServer(("0.0.0.0", 9203), EchoHandler) as server:
        print("listening on 9203")
        server.serve_forever()
