import { parse, YAMLParseError } from 'yaml';
import { errorText } from '../../core/errors.ts';
import { isRaw } from './overrides.ts';
import type { Raw } from './overrides.ts';

/** The keys of a Mesos-DNS config.json (mesos-dns.md section 2), in lower case: Go matches them in any case. */
const MESOS_DNS_KEYS = new Set(
  `refreshSeconds port timeout stateTimeoutSeconds zkDetectionTimeout httpPort ttl srvRecordDefaultWeight soaSerial
  soaRefresh soaRetry soaExpire soaMinttl soaMname soaRname masters zk zoneResolvers resolvers ipSources domain file
  listener httpListener recurseOn dnsOn httpOn externalOn enforceRfc952 setTruncateBit enumerationOn mesosHttpsOn
  caCertFile certFile keyFile mesosAuthentication mesosCredentials iamConfigFile ns email`
    .toLowerCase()
    .split(/\s+/),
);

export type Source =
  | { readonly kind: 'rimrock'; readonly raw: Raw }
  | { readonly kind: 'mesos-dns'; readonly raw: Raw }
  | { readonly kind: 'unreadable'; readonly reason: string };

/**
 * Tell by its content what a file is. A Mesos-DNS file is a JSON object with at least one key of Mesos-DNS, in any
 * case, and none of our sections; everything else is read as ours (YAML, of which JSON is a part).
 */
export function readSource(text: string, sections: readonly string[]): Source {
  const json = parsed(text, (t) => JSON.parse(t) as unknown);
  if (json.ok && isMesosDns(json.value, sections)) return { kind: 'mesos-dns', raw: json.value };
  const yaml = parsed(text, (t) => parse(t, { logLevel: 'error' }) as unknown);
  // What begins like JSON was meant to be JSON.
  const meant = text.trimStart().startsWith('{') ? json : yaml;
  if (!yaml.ok) return { kind: 'unreadable', reason: meant.ok ? yaml.reason : meant.reason };
  const { value } = yaml;
  // Keys of Mesos-DNS in something that is only almost JSON: Mesos-DNS would not take it either.
  if (!json.ok && isMesosDns(value, sections)) return { kind: 'unreadable', reason: json.reason };
  if (value === null || value === undefined) return { kind: 'rimrock', raw: {} };
  if (isRaw(value)) return { kind: 'rimrock', raw: withoutEmptySections(value) };
  return { kind: 'unreadable', reason: 'it must be an object of sections, such as `dns:`' };
}

function isMesosDns(value: unknown, sections: readonly string[]): value is Raw {
  if (!isRaw(value)) return false;
  const keys = Object.keys(value);
  return !keys.some((k) => sections.includes(k)) && keys.some((k) => MESOS_DNS_KEYS.has(k.toLowerCase()));
}

type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string };

function parsed(text: string, parser: (text: string) => unknown): Parsed {
  try {
    return { ok: true, value: parser(text) };
  } catch (error) {
    const reason = error instanceof YAMLParseError ? error.message.split('\n')[0] : errorText(error);
    return { ok: false, reason: reason ?? '' };
  }
}

/** `dns:` with everything below it commented out means its defaults. */
function withoutEmptySections(raw: Raw): Raw {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null));
}
