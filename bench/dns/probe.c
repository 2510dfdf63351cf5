/*
 * Measures a DNS server over UDP by a clock of its own; prints one line of JSON at the end.
 *
 *   probe latency PORT RATE SECONDS SOCKETS PATTERN COUNT
 *     asks RATE questions a second, evenly, whatever the answers do. `%` in PATTERN becomes a number below COUNT.
 *     SIGUSR1 forgets what was measured so far, SIGTERM ends the asking early.
 *   probe changes PORT SOCKETS EVERY_US
 *     reads lines `NANOSECONDS IP NAME` (a change and when it was made, by CLOCK_MONOTONIC) and asks for NAME from each of SOCKETS
 *     ports every EVERY_US until the answer has IP there. Ends when the input has ended and all is seen or 5 s old.
 *
 * Runs at real-time priority where that is allowed, so that what it sees is the server and not its own waiting.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { SOCKETS = 64, IDS = 65536, SAMPLES = 4000000, CHANGES = 200000, OPEN = 4096, QUERY = 512 };
#define SECOND 1000000000LL
typedef long long ns;

static struct pollfd ports[SOCKETS + 1];
static int sockets;
static volatile sig_atomic_t stopping, forgetting;
static int real_time;

static ns now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * SECOND + t.tv_nsec;
}

static void on_signal(int signal) {
  if (signal == SIGUSR1) forgetting = 1;
  else stopping = 1;
}

static void open_ports(int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < sockets; i++) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at)) {
      perror("socket");
      exit(1);
    }
    ports[i] = (struct pollfd){.fd = fd, .events = POLLIN};
  }
}

/* A question for the A records of `name`, with EDNS (RFC 6891: 1232 bytes). Returns its length. */
static int question(unsigned char *out, int id, const char *name) {
  unsigned char *p = out;
  const unsigned char head[12] = {id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
  memcpy(p, head, sizeof head);
  p += sizeof head;
  for (const char *label = name; *label;) {
    const char *dot = strchrnul(label, '.');
    *p++ = dot - label;
    memcpy(p, label, dot - label);
    p += dot - label;
    label = *dot ? dot + 1 : dot;
  }
  const unsigned char tail[] = {0, 0, 1, 0, 1, 0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0, 0, 0, 0};
  memcpy(p, tail, sizeof tail);
  return p + sizeof tail - out;
}

static int skip_name(const unsigned char *b, int at, int length) {
  while (at < length && b[at] != 0) {
    if (b[at] >= 192) return at + 2;
    at += b[at] + 1;
  }
  return at + 1;
}

/* Whether the answer is NOERROR and its first A record is `ip`. */
static int has_address(const unsigned char *b, int length, uint32_t ip) {
  if (length < 12 || (b[3] & 15) != 0) return 0;
  int at = skip_name(b, 12, length) + 4;
  for (int left = b[6] << 8 | b[7]; left > 0; left--) {
    at = skip_name(b, at, length);
    if (at + 10 > length) return 0;
    const int type = b[at] << 8 | b[at + 1], size = b[at + 8] << 8 | b[at + 9];
    at += 10;
    if (type == 1 && size == 4 && at + 4 <= length) return memcmp(b + at, &ip, 4) == 0;
    at += size;
  }
  return 0;
}

static int by_size(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return x < y ? -1 : x > y;
}

static float part(const float *sorted, int n, double p) {
  return n == 0 ? 0 : sorted[(int)(p * (n - 1) + 0.5)];
}

static void print_times(const char *name, float *ms, int n) {
  qsort(ms, n, sizeof *ms, by_size);
  printf("\"%s\":{\"n\":%d,\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"worst\":%.3f}", name, n, part(ms, n, 0.5),
         part(ms, n, 0.99), part(ms, n, 0.999), part(ms, n, 1));
}

/* Wait until `until`, a datagram, or a signal. */
static void wait_until(ns until, int with_input) {
  const ns left = until - now();
  const struct timespec t = {.tv_sec = left > 0 ? left / SECOND : 0, .tv_nsec = left > 0 ? left % SECOND : 0};
  ppoll(ports, sockets + with_input, &t, NULL);
}

static float *samples, *delays;
static int sampled;

static void latency(char **argv) {
  const int port = atoi(argv[0]), rate = atoi(argv[1]), count = atoi(argv[5]);
  const ns gap = SECOND / rate;
  static ns sent_at[IDS];
  static unsigned char bytes[4096];
  long long sent = 0, answered = 0, refused = 0, rcodes[16] = {0};
  ns behind = 0, first_found = 0, worst_at = 0, worst = 0;
  sockets = atoi(argv[3]);
  open_ports(port);
  const char *mark = strchr(argv[4], '%');
  const ns start = now();
  ns next = start, end = start + atoll(argv[2]) * SECOND, grace = 0;
  for (long long i = 0;;) {
    ns t = now();
    if (forgetting) {
      forgetting = 0;
      sent = answered = refused = sampled = 0;
      behind = worst = 0;
      memset(rcodes, 0, sizeof rcodes);
      memset(sent_at, 0, sizeof sent_at);
    }
    if (!grace && (stopping || t >= end)) grace = t + 2 * SECOND;
    if (grace && (t >= grace || sent == answered + refused)) break;
    for (; !grace && t >= next; next += gap, i++) {
      char name[256];
      if (t - next > behind) behind = t - next;
      if (mark)
        snprintf(name, sizeof name, "%.*s%lld%s", (int)(mark - argv[4]), argv[4], i * 7919 % count, mark + 1);
      else
        snprintf(name, sizeof name, "%s", argv[4]);
      const int id = i & (IDS - 1), size = question(bytes, id, name);
      t = sent_at[id] = now();
      sent++;
      if (send(ports[i % sockets].fd, bytes, size, 0) < 0) refused++, sent_at[id] = 0;
    }
    wait_until(grace ? grace : next, 0);
    for (int s = 0; s < sockets; s++)
      for (int n; (n = recv(ports[s].fd, bytes, sizeof bytes, 0)) != -1 || errno == ECONNREFUSED;) {
        if (n < 12) continue;
        t = now();
        const int id = bytes[0] << 8 | bytes[1];
        if (sent_at[id] == 0) continue;
        const ns took = t - sent_at[id];
        sent_at[id] = 0;
        answered++;
        rcodes[bytes[3] & 15]++;
        if (took > worst) worst = took, worst_at = t;
        if (sampled < SAMPLES) samples[sampled++] = took / 1e6;
        if ((bytes[3] & 15) == 0 && !first_found) first_found = t;
      }
  }
  printf("{\"sent\":%lld,\"answered\":%lld,\"refused\":%lld,\"noerror\":%lld,\"servfail\":%lld,\"behindMs\":%.3f,"
         "\"firstFoundNs\":\"%lld\",\"worstAtNs\":\"%lld\",\"realTime\":%d,",
         sent, answered, refused, rcodes[0], rcodes[2], behind / 1e6, first_found, worst_at, real_time);
  print_times("ms", samples, sampled);
  puts("}");
}

struct change {
  ns made, next;
  uint32_t ip;
  uint64_t missing;
  char name[128];
};
static struct change open_changes[OPEN];
static int opened, done, late, overflow, first_n;

static void read_change(char *line, ns t) {
  char ip[64];
  struct change *c = &open_changes[opened];
  if (opened == OPEN) {
    overflow++;
    return;
  }
  if (sscanf(line, "%lld %63s %127s", &c->made, ip, c->name) != 3) return;
  inet_pton(AF_INET, ip, &c->ip);
  c->missing = sockets == 64 ? ~0ULL : (1ULL << sockets) - 1;
  c->next = t;
  opened++;
}

/* Takes in whole lines; returns 0 at the end of the input. */
static int read_changes(void) {
  static char text[1 << 16];
  static size_t have;
  const ssize_t n = read(0, text + have, sizeof text - 1 - have);
  if (n == 0) return 0;
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  have += n;
  text[have] = 0;
  char *line = text;
  for (char *end; (end = strchr(line, '\n')); line = end + 1) {
    *end = 0;
    read_change(line, now());
  }
  have -= line - text;
  memmove(text, line, have);
  return 1;
}

static void changes(char **argv) {
  const int port = atoi(argv[0]);
  const ns every = atoll(argv[2]) * 1000;
  static struct { ns made; int slot, socket; } asked[IDS];
  static unsigned char bytes[4096];
  static float *first;
  int id = 0, more = 1;
  long long questions = 0;
  first = calloc(CHANGES, sizeof *first);
  sockets = atoi(argv[1]);
  open_ports(port);
  fcntl(0, F_SETFL, O_NONBLOCK);
  ports[sockets] = (struct pollfd){.fd = 0, .events = POLLIN};
  while (more || opened > 0) {
    ns t = now(), next = t + SECOND / 10;
    for (int i = 0; i < opened; i++) {
      struct change *c = &open_changes[i];
      if (t - c->made > 5 * SECOND) late++, c->missing = 0;
      if (c->missing == 0) {
        *c = open_changes[--opened];
        i--;
        continue;
      }
      if (t >= c->next) {
        c->next = t + every;
        for (int s = 0; s < sockets; s++) {
          if (!(c->missing >> s & 1)) continue;
          id = (id + 1) & (IDS - 1);
          asked[id].made = c->made;
          asked[id].slot = i;
          asked[id].socket = s;
          questions++;
          send(ports[s].fd, bytes, question(bytes, id, c->name), 0);
        }
      }
      if (c->next < next) next = c->next;
    }
    wait_until(next, more);
    if (more && ports[sockets].revents) more = read_changes();
    for (int s = 0; s < sockets; s++)
      for (int n; (n = recv(ports[s].fd, bytes, sizeof bytes, 0)) > 0;) {
        const int of = n < 12 ? 0 : bytes[0] << 8 | bytes[1];
        struct change *c = NULL;
        /* The list is closed up when a change is done, so look where it was and before. */
        for (int i = asked[of].slot; i >= 0 && !c; i--)
          if (i < opened && open_changes[i].made == asked[of].made) c = &open_changes[i];
        if (!c || asked[of].socket != s || !(c->missing >> s & 1) || !has_address(bytes, n, c->ip)) continue;
        t = now();
        if (__builtin_popcountll(c->missing) == sockets && first_n < CHANGES) first[first_n++] = (t - c->made) / 1e6;
        c->missing &= ~(1ULL << s);
        if (c->missing == 0 && done < CHANGES) delays[done++] = (t - c->made) / 1e6;
      }
  }
  printf("{\"seen\":%d,\"late\":%d,\"overflow\":%d,\"questions\":%lld,\"realTime\":%d,", done, late, overflow, questions,
         real_time);
  print_times("first", first, first_n);
  putchar(',');
  print_times("all", delays, done);
  puts("}");
}

int main(int argc, char **argv) {
  const struct sched_param priority = {.sched_priority = 10};
  real_time = sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
  prctl(PR_SET_TIMERSLACK, 1);
  mlockall(MCL_CURRENT);
  signal(SIGTERM, on_signal);
  signal(SIGUSR1, on_signal);
  samples = calloc(SAMPLES, sizeof *samples);
  delays = calloc(CHANGES, sizeof *delays);
  if (argc == 8 && !strcmp(argv[1], "latency")) latency(argv + 2);
  else if (argc == 5 && !strcmp(argv[1], "changes")) changes(argv + 2);
  else return 2;
  return 0;
}
