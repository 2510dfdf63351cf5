/*
 * More questions than a server can answer: flood PORT RATE SECONDS PATTERN COUNT. Sends RATE datagrams a second whatever comes
 * back, in batches from 16 ports, and counts the answers. `%` in PATTERN becomes a number below COUNT. Prints one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 32, SOCKETS = 16, MADE = 16384, SIZE = 256 };
typedef long long ns;

static unsigned char questions[MADE][SIZE], replies[BATCH][4096];
static int lengths[MADE], ports[SOCKETS];
static struct mmsghdr out[BATCH], in[BATCH];
static struct iovec out_at[BATCH], in_at[BATCH];

static ns now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* A question for the A records of `name`, with EDNS (RFC 6891: 1232 bytes). */
static int question(unsigned char *p, int id, const char *name) {
  const unsigned char *begin = p;
  const unsigned char head[12] = {id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
  const unsigned char tail[] = {0, 0, 1, 0, 1, 0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0, 0, 0, 0};
  p = mempcpy(p, head, sizeof head);
  for (const char *label = name; *label;) {
    const char *dot = strchrnul(label, '.');
    *p++ = dot - label;
    p = mempcpy(p, label, dot - label);
    label = *dot ? dot + 1 : dot;
  }
  p = mempcpy(p, tail, sizeof tail);
  return p - begin;
}

static void make_questions(const char *pattern, int count) {
  const char *mark = strchr(pattern, '%');
  for (int i = 0; i < MADE; i++) {
    char name[200];
    if (mark)
      snprintf(name, sizeof name, "%.*s%lld%s", (int)(mark - pattern), pattern, i * 7919LL % count, mark + 1);
    else
      snprintf(name, sizeof name, "%s", pattern);
    lengths[i] = question(questions[i], i, name);
  }
}

static void open_ports(int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < SOCKETS; i++) {
    ports[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (ports[i] < 0 || connect(ports[i], (struct sockaddr *)&at, sizeof at)) {
      perror("socket");
      exit(1);
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  const double per_ns = atof(argv[2]) / 1e9;
  make_questions(argv[4], atoi(argv[5]));
  open_ports(atoi(argv[1]));
  for (int i = 0; i < BATCH; i++) {
    in_at[i] = (struct iovec){replies[i], sizeof replies[i]};
    in[i].msg_hdr.msg_iov = &in_at[i];
    out[i].msg_hdr.msg_iov = &out_at[i];
    in[i].msg_hdr.msg_iovlen = out[i].msg_hdr.msg_iovlen = 1;
  }
  long long sent = 0, answered = 0, noerror = 0, at = 0;
  const ns start = now(), end = start + atoll(argv[3]) * 1000000000LL;
  for (ns t; (t = now()) < end;) {
    const int fd = ports[at++ % SOCKETS];
    if (sent < (t - start) * per_ns) {
      for (int i = 0; i < BATCH; i++) {
        const int q = (sent + i) % MADE;
        out_at[i] = (struct iovec){questions[q], lengths[q]};
      }
      const int n = sendmmsg(fd, out, BATCH, 0);
      sent += n > 0 ? n : 0;
    }
    for (int n; (n = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL)) > 0;) {
      answered += n;
      for (int i = 0; i < n; i++) noerror += (replies[i][3] & 15) == 0;
      if (n < BATCH) break;
    }
  }
  const double seconds = (now() - start) / 1e9;
  printf("{\"offered\":%.0f,\"answered\":%.0f,\"noerror\":%.0f}\n", sent / seconds, answered / seconds, noerror / seconds);
  return 0;
}
