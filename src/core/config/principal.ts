import { z } from 'zod';

/** How a part proves to a server of the cluster who it is: HTTP Basic (RFC 7617). */
export const principalShape = {
  principal: z.string().default('').describe('Principal that the master knows us by; empty for none.'),
  secret: z.string().default('').describe('Secret of the principal.'),
};

/** The field `authorization` for a principal; nothing where there is none. */
export function basicHeaders(login: {
  readonly principal: string;
  readonly secret: string;
}): Readonly<Record<string, string>> {
  if (login.principal === '') return {};
  const text = Buffer.from(`${login.principal}:${login.secret}`, 'utf8').toString('base64');
  return { authorization: `Basic ${text}` };
}
