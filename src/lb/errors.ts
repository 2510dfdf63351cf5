import { defineErrors } from '../core/errors.ts';

export const lbErrors = defineErrors({
  LB_LISTEN_FAILED: {
    message: 'cannot listen on {host}:{port} for clients of the load balancer: {reason}',
    hint: 'Choose another address, stop the program that holds this one, or allow this user to bind it (ports below 1024).',
  },
  LB_ADMIN_LISTEN_FAILED: {
    message: "cannot listen on {host}:{port} for the load balancer's admin API: {reason}",
    hint: 'Choose another lb.admin address, or stop the program that holds this one.',
  },
  LB_VIPS_NO_KERNEL: {
    message: 'the kernel cannot carry VIPs here: {reason}',
    hint: 'Install nft (nftables) and ip (iproute2) and run as root or with CAP_NET_ADMIN, or set lb.vips.mode to auto or proxy.',
  },
  LB_NO_UPSTREAM_TLS: {
    message: 'no TLS with an instance: {reason}',
    hint: 'Check upstream.tls of the service, lb.tls.authorities, and whether this process has an identity.',
  },
});
