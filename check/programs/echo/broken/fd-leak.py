# bug: fd-leak
# also: ipv4-only
# line: conn.shutdown(socket.SHUT_RDWR)
# why: shutdown() ends the conversation but does not give the descriptor back; only close() does, and the list keeps every socket.
import socket
import threading

HOST = "0.0.0.0"
PORT = 9230

history = []


def serve(conn, addr):
    print("connected:", addr)
    history.append((addr, conn))
    try:
        while True:
            data = conn.recv(4096)
            if not data:
                break
            conn.sendall(data)
        conn.shutdown(socket.SHUT_RDWR)
    except OSError as err:
        print("lost:", addr, err)
    print("bye:", addr)


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((HOST, PORT))
    server.listen(128)
    print(f"listening on {HOST}:{PORT}")
    while True:
        conn, addr = server.accept()
        threading.Thread(target=serve, args=(conn, addr), daemon=True).start()


if __name__ == "__main__":
    main()
