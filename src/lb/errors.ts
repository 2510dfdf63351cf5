import { defineErrors } from '../core/errors.ts';

export const lbErrors = defineErrors({
  LB_ADMIN_LISTEN_FAILED: {
    message: "cannot listen on {host}:{port} for the load balancer's admin API: {reason}",
    hint: 'Choose another lb.admin address, or stop the program that holds this one.',
  },
});
