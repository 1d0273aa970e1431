# bug: decode-per-recv
# also: non-text-crash, ipv4-only
# line: text = data.decode()
# why: recv() cuts the stream anywhere, so a Korean syllable can arrive in two halves and decode() raises.
import socket
import threading

HOST = "0.0.0.0"
PORT = 9201


def serve(conn, addr):
    print("connected:", addr)
    with conn:
        try:
            while True:
                data = conn.recv(4096)
                if not data:
                    break
                text = data.decode()
                print(text)
                conn.sendall(text.encode())
        except ConnectionError as err:
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
