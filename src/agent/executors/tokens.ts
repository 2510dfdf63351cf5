import { jwtVerify, SignJWT } from 'jose';
import type { RunPlace } from '../checkpoint/records.ts';

/** Whom a token names: the claims of Mesos (mesos-api.md §6.1). */
export interface ExecutorClaims {
  readonly fid: string;
  readonly eid: string;
  readonly cid: string;
}

/** Tokens by which executors prove which one they are: JWT, HS256, valid as long as the secret is. */
export interface ExecutorTokens {
  issue(place: RunPlace): Promise<string>;
  /** The claims in an `Authorization` field; undefined when there is none that holds. */
  verify(authorization: string | undefined): Promise<ExecutorClaims | undefined>;
}

export function createExecutorTokens(secret: string): ExecutorTokens {
  const key = new TextEncoder().encode(secret);
  return {
    issue: ({ frameworkId, executorId, containerId }) =>
      new SignJWT({ fid: frameworkId, eid: executorId, cid: containerId })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .sign(key),
    async verify(authorization) {
      const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
      if (token === undefined) return undefined;
      try {
        const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'] });
        const { fid, eid, cid } = payload;
        if (typeof fid !== 'string' || typeof eid !== 'string' || typeof cid !== 'string') return undefined;
        return { fid, eid, cid };
      } catch {
        return undefined; // forged, damaged or out of date: all the same to whoever sent it
      }
    },
  };
}
