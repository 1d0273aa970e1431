# good: decodes to text and back without losing a byte
# also: ipv4-only
import socket
import threading

PORT = 9112


def serve(conn, addr):
    with conn:
        try:
            while data := conn.recv(1024):
                text = data.decode("utf-8", errors="surrogateescape")
                print(addr, repr(text[:40]))
                conn.sendall(text.encode("utf-8", errors="surrogateescape"))
        except ConnectionError as err:
            print(addr, err)


server = socket.create_server(("0.0.0.0", PORT), backlog=128)
print("listening on", PORT)
while True:
    conn, addr = server.accept()
    threading.Thread(target=serve, args=(conn, addr), daemon=True).start()
