/* The race's yardstick: echo with epoll in C, one thread, one shared buffer, nothing else.
 *
 * Level-triggered; what a socket does not take at once is waited for with poll, so that no byte is lost. Prints nothing;
 * the race finds its port. Built by `cargo xtask bench serve` with `cc -O2`. */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 1024, BUFFER = 64 * 1024 };

static int listen_somewhere(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 4096) < 0) {
        perror("listen");
        return -1;
    }
    return fd;
}

static int send_all(int fd, const char *bytes, ssize_t len) {
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) return -1;
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            poll(&wait, 1, -1);
            continue;
        }
        bytes += sent;
        len -= sent;
    }
    return 0;
}

int main(void) {
    static char buffer[BUFFER];
    static struct epoll_event ready[EVENTS];
    int listener = listen_somewhere(), epoll = epoll_create1(0);
    if (listener < 0 || epoll < 0) return 1;
    struct epoll_event want = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &want);
    for (;;) {
        int count = epoll_wait(epoll, ready, EVENTS, -1);
        for (int at = 0; at < count; at++) {
            int fd = ready[at].data.fd;
            if (fd == listener) {
                int peer;
                while ((peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    want = (struct epoll_event){.events = EPOLLIN, .data.fd = peer};
                    epoll_ctl(epoll, EPOLL_CTL_ADD, peer, &want);
                }
                continue;
            }
            ssize_t len = recv(fd, buffer, sizeof buffer, 0);
            if (len < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (len <= 0 || send_all(fd, buffer, len) < 0) close(fd); /* closing takes it out of epoll */
        }
    }
}
