import socket
import threading

lock = threading.Lock()
connected = 0


def count(change):
    global connected
    with lock:
        connected += change
        print("connected:", connected)


def serve(conn, addr):
    count(+1)
    with conn:
        try:
            while data := conn.recv(4096):
                conn.sendall(data)
        except ConnectionError as err:
            print("broken off:", addr, err)
        finally:
            count(-1)


def main():
    server = socket.create_server(("0.0.0.0", 9300), backlog=128)
    while True:
        conn, addr = server.accept()
        threading.Thread(target=serve, args=(conn, addr), daemon=True).start()


main()
