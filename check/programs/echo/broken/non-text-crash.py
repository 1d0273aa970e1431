# bug: non-text-crash
# also: ipv4-only
# line: text = decoder.decode(data)
# why: The incremental decoder survives a cut syllable, but bytes that are no UTF-8 at all raise UnicodeDecodeError.
import codecs
import socket
import threading

HOST = "0.0.0.0"
PORT = 9204


def serve(conn, addr):
    print("connected:", addr)
    decoder = codecs.getincrementaldecoder("utf-8")()
    with conn:
        try:
            while True:
                data = conn.recv(4096)
                if not data:
                    break
                text = decoder.decode(data)
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
