import type { JudgePeer } from '../types.ts';
import { peerNames } from './peer-names.ts';

/** Whether a SPIFFE id is one that `pattern` means, where `*` is any one part of the path. */
function fitsId(pattern: string, id: string): boolean {
  const [wanted, parts] = [pattern.split('/'), id.split('/')];
  return (
    wanted.length === parts.length &&
    wanted.every((part, i) => (part === '*' ? parts[i] !== '' : part === parts[i]))
  );
}

/** The SPIFFE id of a certificate (X509-SVID §4, §5), or what keeps it from being one. */
export function readSvid(certificate: Uint8Array): { readonly id: string } | { readonly reason: string } {
  const { uris, authority } = peerNames(certificate);
  const [id] = uris;
  if (id === undefined || uris.length > 1)
    return { reason: `it has ${uris.length} URI names instead of one` };
  if (!/^spiffe:\/\/[a-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/.test(id))
    return { reason: `'${id}' is no SPIFFE id` };
  return authority ? { reason: 'it is that of an authority' } : { id };
}

/** Takes who has an identity of the trust domain; with `wanted` only such ids. */
export function svidJudge(trustDomain: string | undefined, wanted?: string): JudgePeer {
  return (certificate) => {
    const svid = readSvid(certificate);
    if ('reason' in svid) return svid.reason;
    const { id } = svid;
    if (wanted !== undefined) return fitsId(wanted, id) ? undefined : `it is ${id}, and ${wanted} is wanted`;
    const domain = `spiffe://${trustDomain}`;
    return id === domain || id.startsWith(`${domain}/`) ? undefined : `${id} is not of ${domain}`;
  };
}
