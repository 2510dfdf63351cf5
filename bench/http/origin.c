/*
 * An origin that costs little and the same for all: `origin PORT` answers every HTTP/1.1 request on every address of the machine,
 * with 64 KiB where the path begins with /64k, else with 1 KiB. The field X-Origin has the address that was connected to.
 * Bodies of requests must have a Content-Length; they are read and forgotten.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEAD 4096
#define LARGE 65536

struct connection {
  int fd;
  int closing;       /* after what is being sent */
  size_t body;       /* bytes of a request body that are still to come */
  size_t left;       /* bytes of the answer that are still to be sent, the last of `large` or `small` */
  size_t held;       /* bytes of a head that has begun */
  char *head;        /* these bytes; only while there are any */
  struct in_addr own;
};

static char payload[LARGE];
static char input[256 * 1024];
static int epoll;

static void watch(struct connection *c, int op, uint32_t events) {
  struct epoll_event e = {.events = events, .data.ptr = c};
  epoll_ctl(epoll, op, c->fd, &e);
}

static void end(struct connection *c) {
  close(c->fd);
  free(c->head);
  free(c);
}

/* 0: it has all been taken; 1: it has to wait; -1: the connection is gone. */
static int flush(struct connection *c) {
  while (c->left > 0) {
    ssize_t n = send(c->fd, payload, c->left, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN ? 1 : -1;
    c->left -= n;
  }
  return 0;
}

static int answer(struct connection *c, const char *head) {
  size_t body = strncmp(head, "GET /64k", 8) == 0 ? LARGE : 1024;
  char text[256], own[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &c->own, own, sizeof own);
  int n = snprintf(text, sizeof text,
                   "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nX-Origin: %s\r\n%s\r\n", body, own,
                   c->closing ? "Connection: close\r\n" : "");
  struct iovec parts[2] = {{text, n}, {payload, body}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  ssize_t sent = sendmsg(c->fd, &message, MSG_NOSIGNAL);
  if (sent < n) return -1; /* not even the head: no reader is as slow as that here */
  c->left = body - (sent - n);
  return flush(c);
}

/* The value of a field in a head that ends with a zero, or NULL. */
static const char *field(const char *head, const char *name) {
  const char *at = strcasestr(head, name);
  return at == NULL ? NULL : at + strlen(name);
}

/* Take what has come; 0, 1 or -1 as in flush. */
static int take(struct connection *c, char *data, size_t n) {
  while (n > 0) {
    if (c->body > 0) {
      size_t some = n < c->body ? n : c->body;
      c->body -= some, data += some, n -= some;
      if (c->body > 0) return 0;
      int r = answer(c, "");
      if (r != 0) return r == 1 && n > 0 ? -1 : r;
      if (c->closing) return -1;
      continue;
    }
    char *stop = memmem(data, n, "\r\n\r\n", 4);
    if (stop == NULL) {
      if (n >= HEAD) return -1;
      if (c->head == NULL) c->head = malloc(HEAD);
      memmove(c->head, data, c->held = n);
      return 0;
    }
    stop[3] = 0;
    const char *length = field(data, "\r\ncontent-length:"), *closing = field(data, "\r\nconnection: close");
    c->closing = closing != NULL;
    size_t body = length == NULL ? 0 : strtoul(length, NULL, 10);
    n -= stop + 4 - data;
    if (body > 0) {
      c->body = body, data = stop + 4;
      continue;
    }
    int r = answer(c, data);
    data = stop + 4;
    if (r != 0) return r == 1 && n > 0 ? -1 : r; /* who pipelines takes its answers */
    if (c->closing) return -1;
  }
  return 0;
}

static int readable(struct connection *c) {
  size_t held = c->held;
  if (held > 0) memcpy(input, c->head, held), c->held = 0;
  ssize_t n = recv(c->fd, input + held, sizeof input - held, 0);
  if (n == 0) return -1;
  if (n < 0) {
    c->held = held;
    return errno == EAGAIN ? 0 : -1;
  }
  int r = take(c, input, held + n);
  if (c->held == 0 && c->head != NULL) free(c->head), c->head = NULL;
  return r;
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *c = calloc(1, sizeof *c);
    struct sockaddr_in own;
    socklen_t length = sizeof own;
    getsockname(fd, (struct sockaddr *)&own, &length);
    c->fd = fd, c->own = own.sin_addr;
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  memset(payload, 'x', sizeof payload);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4096)) return perror("listen"), 1;
  epoll = epoll_create1(0);
  struct epoll_event events[256] = {{.events = EPOLLIN, .data.ptr = NULL}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, events);
  for (;;) {
    int n = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < n; i++) {
      struct connection *c = events[i].data.ptr;
      if (c == NULL) {
        accept_all(listener);
        continue;
      }
      int waited = c->left > 0;
      int r = waited ? flush(c) : readable(c);
      if (r < 0 || (waited && r == 0 && c->closing)) end(c);
      else if (waited != (r == 1)) watch(c, EPOLL_CTL_MOD, r == 1 ? EPOLLOUT : EPOLLIN);
    }
  }
}
