import { isIp } from '../../core/ip.ts';
import type { MasterEndpoint } from '../model/index.ts';

/** Address of an origin, where its host is an IP literal. */
export function endpointOfOrigin(origin: string): MasterEndpoint | undefined {
  if (!URL.canParse(origin)) return undefined;
  const url = new URL(origin);
  const ip = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return isIp(ip) ? { ip, port } : undefined;
}

/** The same origin on another host. */
export function onHost(origin: string, ip: string): string {
  const url = new URL(origin);
  url.hostname = ip.includes(':') ? `[${ip}]` : ip;
  return url.origin;
}
