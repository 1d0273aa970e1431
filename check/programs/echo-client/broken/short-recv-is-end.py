# bug: short-recv-is-end
# One recv() is taken for the whole reply.
import socket
import sys


def main():
    host, port, text = sys.argv[1:4]
    data = text.encode()
    with socket.create_connection((host, int(port)), timeout=2) as conn:
        conn.sendall(data)
        reply = conn.recv(4096)
    print(reply.decode(errors="replace"))


try:
    main()
except OSError as err:
    sys.exit(f"echo failed: {err}")
