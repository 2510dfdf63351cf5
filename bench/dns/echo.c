/*
 * The floor of a UDP server: echo PORT [THREADS]. Takes datagrams in batches of 64, sets the bit that says "this is a
 * reply" and sends the same bytes back. Each thread has a socket of its own that shares the port.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, SIZE = 4096, BUFFER = 4 << 20 };

static int port;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int open_socket(void) {
  const int on = 1, buffer = BUFFER;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on)) fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  if (bind(fd, (struct sockaddr *)&at, sizeof at)) fail("bind");
  return fd;
}

static void *serve(void *unused) {
  static __thread unsigned char bytes[BATCH][SIZE];
  struct mmsghdr messages[BATCH];
  struct iovec pieces[BATCH];
  struct sockaddr_in from[BATCH];
  const int fd = open_socket();
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    pieces[i].iov_base = bytes[i];
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &from[i];
  }
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      pieces[i].iov_len = SIZE;
      messages[i].msg_hdr.msg_namelen = sizeof from[i];
    }
    const int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    if (n <= 0) continue;
    for (int i = 0; i < n; i++) {
      bytes[i][2] |= 0x80;
      pieces[i].iov_len = messages[i].msg_len;
    }
    for (int sent = 0; sent < n;) {
      const int k = sendmmsg(fd, messages + sent, n - sent, 0);
      sent += k > 0 ? k : 1;
    }
  }
  return unused;
}

int main(int argc, char **argv) {
  port = argc > 1 ? atoi(argv[1]) : 0;
  const int threads = argc > 2 ? atoi(argv[2]) : 1;
  pthread_t others[64];
  for (int i = 1; i < threads && i < 64; i++)
    if (pthread_create(&others[i], NULL, serve, NULL)) fail("thread");
  serve(NULL);
}
