# bug: idle-client-blocks
# also: slow-reader-stalls-all, backlog-overflow, ipv4-only
# line: pool = ThreadPoolExecutor(max_workers=4)
# why: A thread is held by its client until it leaves, so four idle clients use up the pool.
import socket
from concurrent.futures import ThreadPoolExecutor

HOST = "0.0.0.0"
PORT = 9224


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
    server.listen(128)
    print(f"listening on {HOST}:{PORT}")
    pool = ThreadPoolExecutor(max_workers=4)
    while True:
        conn, addr = server.accept()
        pool.submit(serve, conn, addr)


if __name__ == "__main__":
    main()
