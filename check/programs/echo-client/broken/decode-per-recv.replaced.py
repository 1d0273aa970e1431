# bug: decode-per-recv
# The halves of a character become two replacement signs.
import socket
import sys


def main():
    host, port, text = sys.argv[1:4]
    data = text.encode()
    with socket.create_connection((host, int(port)), timeout=2) as conn:
        conn.sendall(data)
        reply, got = "", 0
        while got < len(data):
            piece = conn.recv(4096)
            if not piece:
                sys.exit("the server closed too early")
            got += len(piece)
            reply += piece.decode(errors="replace")
    print(reply)


try:
    main()
except OSError as err:
    sys.exit(f"echo failed: {err}")
