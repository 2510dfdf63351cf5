/*
 * Requests at a steady pace, and connections that do nothing.
 *
 *   client pace PORT HOST RATE SECONDS WARM CONNECTIONS   RATE requests a second, each at its time whether or not those before it
 *                                                         are answered; those of the first WARM seconds do not count. All of a
 *                                                         tenth of a millisecond are due at its end: waking up for each one
 *                                                         would cost the client more than the server
 *   client idle PORT HOST CONNECTIONS                     as many connections, one request on each; `ready`; until stdin closes
 *
 * `pace` tells as JSON: latencies from the time when a request was due, in milliseconds, with those that it never came to; `seen`: for
 * each generation (see below) when the first and the last connection had an answer of it or of a later one, in nanoseconds of
 * CLOCK_MONOTONIC. The generation of an answer is the number that the address in its field X-Origin has in its last three bytes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MOST_SEEN 100000
#define TICK_NS 100000
#define INPUT 65536
/* Who falls behind by so much is asked no more, and has so long for the answers that are due. */
#define BEHIND_NS 5000000000ll
#define ANSWER_NS 10000000000ll

struct connection {
  int fd;
  int64_t due;         /* of the request that runs; 0: none does */
  long body;           /* bytes of the answer's body that are still to come; -1: its head is */
  size_t held;
  uint32_t generation;
  char head[2048];
};

static struct connection *connections;
/* Connections that may be asked take turns. */
static int epoll, port, count, *idle, idles, next_idle;
static char request[512];
static size_t length;
static char input[INPUT];
static double *latencies;
static long answered, failed, sent, late;
static int64_t counts_from, behind;
static uint32_t lowest, highest;
static struct { int64_t first, last; int connections; } *seen;

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void rest(struct connection *c) { idle[(next_idle + idles++) % count] = c - connections; }

static struct connection *wake(void) {
  struct connection *c = &connections[idle[next_idle]];
  next_idle = (next_idle + 1) % count, idles--;
  return c;
}

static void open_one(struct connection *c) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int on = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to)) perror("connect"), exit(1);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  c->due = 0, c->held = 0, c->body = -1;
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e);
}

static void again(struct connection *c) {
  if (c->due != 0) {
    failed += c->due >= counts_from;
    rest(c);
  }
  close(c->fd);
  open_one(c);
}

static void notice(struct connection *c, uint32_t generation) {
  if (generation <= c->generation) return;
  if (lowest == 0) lowest = generation; /* of the first answer of all */
  int64_t t = now();
  for (uint32_t g = c->generation == 0 ? lowest : c->generation + 1; g <= generation; g++) {
    if (g - lowest >= MOST_SEEN) break;
    if (seen[g - lowest].connections++ == 0) seen[g - lowest].first = t;
    seen[g - lowest].last = t;
    if (g > highest) highest = g;
  }
  c->generation = generation;
}

/* The head is complete in c->head, and ends with a zero. */
static void head_of(struct connection *c) {
  char *size = strcasestr(c->head, "\r\ncontent-length:"), *origin = strcasestr(c->head, "\r\nx-origin:");
  c->body = size == NULL ? 0 : atol(size + 17);
  if (strncmp(c->head + 9, "200", 3) != 0) failed += c->due >= counts_from;
  int a, b, d, e;
  if (origin != NULL && sscanf(origin + 11, " %d.%d.%d.%d", &a, &b, &d, &e) == 4) notice(c, b << 16 | d << 8 | e);
}

static void readable(struct connection *c) {
  ssize_t n = recv(c->fd, input, INPUT, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    again(c);
    return;
  }
  char *data = input;
  if (c->body < 0) {
    size_t room = sizeof c->head - 1 - c->held, some = (size_t)n < room ? (size_t)n : room;
    memcpy(c->head + c->held, data, some);
    c->head[c->held + some] = 0;
    char *stop = strstr(c->head, "\r\n\r\n");
    if (stop == NULL) {
      c->held += some;
      if (room <= some) again(c);
      return;
    }
    size_t used = stop + 4 - c->head - c->held;
    stop[2] = 0;
    data += used, n -= used, c->held = 0;
    head_of(c);
  }
  c->body -= n;
  if (c->body > 0) return;
  if (c->due >= counts_from) latencies[answered++] = (now() - c->due) / 1e6;
  c->due = 0, c->body = -1;
  rest(c);
}

static double share(double p) {
  if (answered == 0) return 0;
  long at = answered * p;
  return latencies[at < answered ? at : answered - 1];
}

/* When request `i` is due after the first. */
static int64_t due_after(long i, double rate) {
  int64_t exact = i * (1e9 / rate);
  return (exact + TICK_NS - 1) / TICK_NS * TICK_NS;
}

static void pace(double rate, double seconds, double warm) {
  int64_t begin = now() + 1000000, end = begin + seconds * 1e9, stop = end + BEHIND_NS, t;
  long all = rate * seconds, next = 0;
  counts_from = begin + warm * 1e9;
  latencies = malloc((all + 1) * sizeof *latencies);
  struct epoll_event events[256];
  for (;;) {
    t = now();
    int64_t due = begin + due_after(next, rate);
    while (next < all && due <= t && t < stop && idles > 0) {
      struct connection *c = wake();
      c->due = due;
      if (t - due > behind && due >= counts_from) behind = t - due;
      if (send(c->fd, request, length, MSG_NOSIGNAL) != (ssize_t)length) again(c);
      sent += due >= counts_from;
      due = begin + due_after(++next, rate);
    }
    int sending = next < all && t < stop;
    if (!sending && idles == count) break;
    if (t > stop + ANSWER_NS) break;
    int64_t wait = sending ? (idles > 0 ? due - t : 1000000000) : 100000000;
    struct timespec time = {0, wait < 0 ? 0 : wait > 999999999 ? 999999999 : wait};
    int n = epoll_pwait2(epoll, events, 256, &time, NULL);
    for (int i = 0; i < n; i++) readable(events[i].data.ptr);
  }
  late = count - idles;
  long got = answered;
  /* Those it never came to have waited at least until now: who leaves them out measures only what went well. */
  for (; next < all; next++) {
    int64_t due = begin + due_after(next, rate);
    if (due >= counts_from) latencies[answered++] = (t - due) / 1e6;
  }
  qsort(latencies, answered, sizeof *latencies, by_value);
  printf("{\"sent\":%ld,\"answered\":%ld,\"failed\":%ld,\"behindMs\":%.3f,", sent, got, failed + late, behind / 1e6);
  printf("\"ms\":{\"n\":%ld,\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"worst\":%.3f},\"seen\":[", answered, share(0.5), share(0.99),
         share(0.999), share(1));
  const char *between = "";
  for (uint32_t g = lowest; lowest != 0 && g <= highest; g++) {
    if (seen[g - lowest].connections < count) continue;
    printf("%s{\"generation\":%u,\"firstNs\":\"%lld\",\"lastNs\":\"%lld\"}", between, g, (long long)seen[g - lowest].first,
           (long long)seen[g - lowest].last);
    between = ",";
  }
  printf("]}\n");
}

static void hold(void) {
  struct epoll_event events[256];
  for (int i = 0; i < count; i++) {
    struct connection *c = &connections[i];
    c->due = 1;
    if (send(c->fd, request, length, MSG_NOSIGNAL) != (ssize_t)length) exit(1);
    idles = 0;
    while (idles == 0) {
      int n = epoll_wait(epoll, events, 256, 10000);
      if (n <= 0) fprintf(stderr, "no answer\n"), exit(1);
      for (int k = 0; k < n; k++) readable(events[k].data.ptr);
    }
  }
  if (failed > 0) fprintf(stderr, "%ld wrong answers\n", failed), exit(1);
  latencies = NULL;
  printf("ready\n");
  fflush(stdout);
  while (read(0, input, INPUT) > 0) {
  }
}

int main(int argc, char **argv) {
  int paced = argc == 8 && strcmp(argv[1], "pace") == 0;
  if (!paced && !(argc == 5 && strcmp(argv[1], "idle") == 0)) return 2;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  port = atoi(argv[2]);
  length = snprintf(request, sizeof request, "GET /1k HTTP/1.1\r\nHost: %s\r\n\r\n", argv[3]);
  count = atoi(argv[paced ? 7 : 4]);
  connections = calloc(count, sizeof *connections);
  idle = calloc(count + 1, sizeof *idle);
  seen = calloc(MOST_SEEN, sizeof *seen);
  epoll = epoll_create1(0);
  for (int i = 0; i < count; i++) {
    open_one(&connections[i]);
    rest(&connections[i]);
  }
  if (paced) {
    prctl(PR_SET_TIMERSLACK, 1);
    struct sched_param soon = {.sched_priority = 1};
    sched_setscheduler(0, SCHED_FIFO, &soon); /* where it is allowed */
    pace(atof(argv[4]), atof(argv[5]), atof(argv[6]));
  } else {
    latencies = calloc(count + 1, sizeof *latencies);
    hold();
  }
  return 0;
}
