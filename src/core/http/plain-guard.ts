import type { GuardStyle } from './guard.ts';
import { pathOf } from './guard.ts';

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * The guard of an API that has no words of its own for this: JSON with `error`, as our own APIs have it. The policy is asked for `<room>:view` or, where
 * something is changed, `<room>:update`.
 */
export function plainGuard(room: 'dns' | 'lb', open: readonly string[] = []): GuardStyle {
  const paths = new Set(open);
  return {
    open: (request) => paths.has(pathOf(request)),
    asks: ({ method }) => ({ action: `${room}:${READS.has(method) ? 'view' : 'update'}`, object: '' }),
    refuse: (_request, reply, { status, code, why }) => {
      if (status === 401)
        void reply.header('www-authenticate', 'Bearer, Basic realm="rimrock", charset="UTF-8"');
      return reply.code(status).send({ error: `${why} (${code})` });
    },
  };
}
