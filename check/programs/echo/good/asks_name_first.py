# good: waits in input() before it listens
# also: ipv4-only
import socket
import threading

name = input("서버 이름을 입력하세요: ").strip() or "에코"

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("0.0.0.0", 9106))
server.listen(100)
print(f"{name} 서버가 9106번 포트에서 기다립니다 (listening)")


def talk(client):
    try:
        while True:
            message = client.recv(1024)
            if not message:
                break
            client.sendall(message)
    except ConnectionError:
        print("연결이 끊어졌습니다")
    finally:
        client.close()


while True:
    client, address = server.accept()
    print(address, "접속")
    threading.Thread(target=talk, args=(client,), daemon=True).start()
