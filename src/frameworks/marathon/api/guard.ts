import { pathOf } from '../../../core/http/guard.ts';
import type { GuardStyle } from '../../../core/http/guard.ts';

const MESSAGES = {
  401: 'Invalid username or password.',
  403: 'Not Authorized to perform this action!',
  429: 'Too many wrong passwords: try again later.',
} as const;

/** As Marathon turns requests away (marathon.md §1); load balancers ask `/ping` without a login. */
export const GUARD: GuardStyle = {
  open: (request) => pathOf(request) === '/ping',
  refuse: (_request, reply, { status }) => {
    if (status === 401) void reply.header('www-authenticate', 'Basic realm="Mesosphere"');
    return reply.code(status).send({ message: MESSAGES[status] });
  },
};
