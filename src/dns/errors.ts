import { defineErrors } from '../core/errors.ts';

export const dnsErrors = defineErrors({
  DNS_BIND_REFUSED: {
    message: 'DNS may not listen on {host} port {port}: permission denied',
    hint: 'Ports below 1024 need the capability CAP_NET_BIND_SERVICE (setcap, or AmbientCapabilities in systemd); or set dns.port to a higher port such as 8053.',
  },
  DNS_ADDRESS_IN_USE: {
    message: 'DNS cannot listen on {host} port {port}: another program has this address',
    hint: 'Find it with `ss -lunp` and `ss -ltnp`, or set dns.port and dns.host to a free address.',
  },
  DNS_BIND_FAILED: {
    message: 'DNS cannot listen on {host} port {port}: {reason}',
    hint: 'dns.host must be an IP address of this machine, 0.0.0.0 or ::.',
  },
  DNS_DCOS_HTTP_BIND_FAILED: {
    message: 'the REST API of DC/OS cannot listen on {host} port {port}: {reason}',
    hint: 'dcos-net may still run. Set dns.dcos.http.host and dns.dcos.http.port to a free address of this machine, or dns.dcos.http.enabled to false.',
  },
  DNS_HTTP_BIND_FAILED: {
    message: 'the HTTP API of DNS cannot listen on {host} port {port}: {reason}',
    hint: 'Set dns.httpHost and dns.httpPort to a free address of this machine, or dns.httpOn to false.',
  },
});
