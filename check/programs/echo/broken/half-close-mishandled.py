# bug: half-close-mishandled
# also: short-recv-is-end, ipv4-only
# line: break                           # the client has gone
# why: Replies are gathered for up to 100 ms; at EOF what has been gathered is thrown away, though the peer only stopped sending and still reads.
import select
import socket
import threading

PORT = 9285
GATHER = 0.1


def serve(conn):
    pending = b""
    with conn:
        try:
            while True:
                ready, _, _ = select.select([conn], [], [], GATHER if pending else None)
                if ready and len(pending) < 65536:
                    data = conn.recv(4096)
                    if not data:
                        break                           # the client has gone
                    pending += data
                else:
                    conn.sendall(pending)
                    pending = b""
        except ConnectionError as err:
            print("lost:", err)


server = socket.create_server(("0.0.0.0", PORT), backlog=128)
print("listening on port", PORT)
while True:
    conn, addr = server.accept()
    threading.Thread(target=serve, args=(conn,), daemon=True).start()
