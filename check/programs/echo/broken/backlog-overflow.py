# bug: backlog-overflow
# also: ipv4-only
# line: server.listen(1)
# why: Room for one waiting connection, and an accept loop that pauses: of many clients at once most get no answer to their ACK.
import socket
import threading
import time

HOST = "0.0.0.0"
PORT = 9243


def serve(conn, addr):
    print("connected:", addr)
    with conn:
        try:
            while True:
                data = conn.recv(4096)
                if not data:
                    break
                conn.sendall(data)
        except ConnectionError as err:
            print("lost:", addr, err)
    print("bye:", addr)


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((HOST, PORT))
    server.listen(1)
    print(f"listening on {HOST}:{PORT}")
    while True:
        conn, addr = server.accept()
        threading.Thread(target=serve, args=(conn, addr), daemon=True).start()
        time.sleep(0.02)            # do not start too many threads at once


if __name__ == "__main__":
    main()
