/*
 * TLS 1.3 without session resumption; certificates are not looked at.
 *
 *   tls-client handshakes PORT HOST THREADS SECONDS   connect, shake hands, one request, close, and again; tells how many as JSON
 *   tls-client requests PORT HOST THREADS SECONDS     each on a connection of its own, one request after the other; tells how many as JSON
 *   tls-client idle PORT HOST CONNECTIONS             as many connections, one request on each; `ready`; until stdin closes
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static SSL_CTX *context;
static const char *host;
static int port;
static double ends;

struct count {
  long done, failed;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void end(SSL *ssl) {
  close(SSL_get_fd(ssl));
  SSL_free(ssl);
}

/* A connection that has shaken hands, or NULL. */
static SSL *opened(void) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct timeval limit = {10, 0};
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  SSL *ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  SSL_set_tlsext_host_name(ssl, host);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && SSL_connect(ssl) == 1) return ssl;
  end(ssl);
  return NULL;
}

/* One request; whether its answer was sound. */
static int answered(SSL *ssl, int closing) {
  char text[8192];
  int length = snprintf(text, sizeof text, "GET /1k HTTP/1.1\r\nHost: %s\r\n%s\r\n", host, closing ? "Connection: close\r\n" : "");
  if (SSL_write(ssl, text, length) != length) return 0;
  size_t held = 0, whole = 0;
  while (whole == 0 || held < whole) {
    int n = SSL_read(ssl, text + held, sizeof text - 1 - held);
    if (n <= 0) return 0;
    text[held += n] = 0;
    char *stop = strstr(text, "\r\n\r\n");
    if (stop != NULL) whole = stop + 4 - text + 1024;
  }
  return strncmp(text + 9, "200", 3) == 0;
}

/* A connection that has had one answer, or NULL. */
static SSL *asked(int closing) {
  SSL *ssl = opened();
  if (ssl == NULL || answered(ssl, closing)) return ssl;
  end(ssl);
  return NULL;
}

static void *ask_on(void *counted) {
  struct count *count = counted;
  SSL *ssl = asked(0);
  while (ssl != NULL && now() < ends) {
    if (!answered(ssl, 0)) break;
    count->done++;
  }
  if (now() < ends) count->failed++;
  if (ssl != NULL) end(ssl);
  return NULL;
}

static void *shake(void *counted) {
  struct count *count = counted;
  while (now() < ends) {
    SSL *ssl = asked(1);
    if (ssl == NULL) {
      count->failed++;
      continue;
    }
    count->done++;
    SSL_shutdown(ssl);
    end(ssl);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  port = atoi(argv[2]), host = argv[3];
  int many = atoi(argv[4]);
  context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  if (strcmp(argv[1], "idle") == 0) {
    for (int i = 0; i < many; i++)
      if (asked(0) == NULL) return fprintf(stderr, "no answer on connection %d\n", i), 1;
    printf("ready\n");
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    return 0;
  }
  if (argc < 6) return 2;
  // A file with certificate and key that the client shows.
  if (argc > 6 && (SSL_CTX_use_certificate_file(context, argv[6], SSL_FILETYPE_PEM) != 1 ||
                   SSL_CTX_use_PrivateKey_file(context, argv[6], SSL_FILETYPE_PEM) != 1))
    return fprintf(stderr, "no certificate and key in %s\n", argv[6]), 2;
  ends = now() + atof(argv[5]);
  pthread_t threads[many];
  struct count counts[many], all = {0, 0};
  memset(counts, 0, sizeof counts);
  void *(*work)(void *) = strcmp(argv[1], "requests") == 0 ? ask_on : shake;
  for (int i = 0; i < many; i++) pthread_create(&threads[i], NULL, work, &counts[i]);
  for (int i = 0; i < many; i++) {
    pthread_join(threads[i], NULL);
    all.done += counts[i].done, all.failed += counts[i].failed;
  }
  printf("{\"done\":%ld,\"failed\":%ld}\n", all.done, all.failed);
  return 0;
}
