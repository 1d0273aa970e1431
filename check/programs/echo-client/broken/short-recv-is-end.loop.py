# bug: short-recv-is-end
# A recv() shorter than its buffer is taken for the end.
import socket
import sys


def main():
    host, port, text = sys.argv[1:4]
    data = text.encode()
    with socket.create_connection((host, int(port)), timeout=2) as conn:
        conn.sendall(data)
        reply = b""
        while True:
            piece = conn.recv(1024)
            reply += piece
            if len(piece) < 1024:
                break
    print(reply.decode(errors="replace"))


try:
    main()
except OSError as err:
    sys.exit(f"echo failed: {err}")
