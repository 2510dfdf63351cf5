import { z } from 'zod';
import { parseCidr } from '../../core/cidr.ts';
import { CidrSet } from './cidr.ts';

/** Networks that are never somebody else's: loopback, RFC 1918, RFC 6598, link-local, ULA (RFC 4193). */
const LOCAL = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '::1/128',
  'fe80::/10',
  'fc00::/7',
];

const network = z.string().superRefine((text, context) => {
  const parsed = text === 'local' ? undefined : parseCidr(text);
  if (parsed?.ok === false) context.addIssue({ code: 'custom', message: parsed.reason });
});

/** Who may: everybody, nobody, the networks of `local`, or a list of networks (in which `local` may stand too). */
const aclList = z.union([z.enum(['any', 'none', 'local']), z.array(network)], {
  error: 'write any, none, local or a list of networks such as 10.0.0.0/8',
});

export type AclList = z.output<typeof aclList>;

export const aclSchema = z.strictObject({
  recursion: aclList
    .default('local')
    .describe(
      'Clients that get answers for names outside the domain: any, none, local (loopback, private, link-local) or a list of networks. Others are REFUSED, as are those whom the policy denies `dns:recursion`. A Mesos-DNS file means any.',
    ),
  transfer: aclList.default('none').describe('Clients that may transfer zones. Reserved.'),
  api: aclList.default('any').describe('Clients of the HTTP API. Others get 403.'),
});

/** Says of a client whether it may. */
export interface Acl {
  /** An address in text form. One that is not known only where everybody may. */
  allows(ip: string | undefined): boolean;
}

/** The list of a checked config as something to ask. */
export function createAcl(list: AclList): Acl {
  if (list === 'any') return { allows: () => true };
  if (list === 'none') return { allows: () => false };
  const texts = list === 'local' ? LOCAL : list.flatMap((text) => (text === 'local' ? LOCAL : [text]));
  const set = new CidrSet(texts);
  return { allows: (ip) => ip !== undefined && set.hasIp(ip) };
}
