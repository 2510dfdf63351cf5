import type { AccessField } from './fields.ts';
import { ACCESS_FIELDS } from './fields.ts';
import type { AccessAttempt, AccessRecord, HttpRecord, TcpRecord } from './record.ts';

/** A field's value as JSON; undefined: it is left out. */
type Write = (record: AccessRecord, time: string) => string | undefined;

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const NEEDS_ESCAPE = /["\\\u0000-\u001f\u007f\ud800-\udfff]/;

/** Text as JSON. Most has nothing in it that needs more than quotes. */
function quoted(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  return NEEDS_ESCAPE.test(value) ? JSON.stringify(value) : `"${value}"`;
}

/** As JSON, of what is made or checked by us and has nothing in it to escape. */
const plain = (value: string | undefined): string | undefined =>
  value === undefined ? undefined : `"${value}"`;

/** Milliseconds with three digits after the point at most. */
function millis(value: number | undefined): string | undefined {
  if (value === undefined) return undefined;
  return Number.isInteger(value) ? `${value}` : `${Math.round(value * 1000) / 1000}`;
}

function attempts(all: readonly AccessAttempt[] | undefined): string | undefined {
  if (all === undefined) return undefined;
  const each = all.map(
    ({ endpoint, outcome, ms }) =>
      `{"endpoint":${quoted(endpoint)},"outcome":${quoted(outcome)},"ms":${millis(ms)}}`,
  );
  return `[${each.join(',')}]`;
}

const http =
  (read: (record: HttpRecord) => string | undefined): Write =>
  (record) =>
    record.proto === 'http' ? read(record) : undefined;
const tcp =
  (read: (record: TcpRecord) => string | undefined): Write =>
  (record) =>
    record.proto === 'tcp' ? read(record) : undefined;

function pathOf(target: string | undefined): string | undefined {
  if (target === undefined) return undefined;
  const query = target.indexOf('?');
  return quoted(query < 0 ? target : target.slice(0, query));
}

function queryOf(target: string | undefined): string | undefined {
  const query = target?.indexOf('?') ?? -1;
  return query < 0 ? undefined : quoted(target?.slice(query + 1));
}

const WRITE: Readonly<Record<AccessField, Write>> = {
  time: (_, time) => time,
  proto: (r) => (r.proto === 'http' ? '"http"' : '"tcp"'),
  client: (r) => plain(r.client),
  forwardedFor: http((r) => plain(r.forwardedFor)),
  listener: (r) => plain(r.listener),
  method: http((r) => plain(r.method)),
  host: http((r) => quoted(r.host)),
  path: http((r) => pathOf(r.target)),
  query: http((r) => queryOf(r.target)),
  serverName: tcp((r) => quoted(r.serverName)),
  status: http((r) => `${r.status}`),
  bytesIn: (r) => `${r.bytesIn}`,
  bytesOut: (r) => `${r.bytesOut}`,
  route: (r) => quoted(r.route),
  service: (r) => quoted(r.service),
  endpoint: (r) => plain(r.endpoint),
  task: (r) => quoted(r.task),
  attempts: (r) => attempts(r.attempts),
  waitMs: (r) => millis(r.waitMs),
  connectMs: (r) => millis(r.connectMs),
  firstByteMs: http((r) => millis(r.firstByteMs)),
  totalMs: (r) => millis(r.totalMs),
  reason: (r) => quoted(r.reason),
  tls: (r) => plain(r.tlsVersion),
  alpn: (r) => quoted(r.alpn),
  peer: (r) => plain(r.peer),
  traceId: http((r) => plain(r.traceId)),
  requestId: http((r) => quoted(r.requestId)),
};

/** All but the query, which may have secrets in it. */
const USUAL: readonly AccessField[] = ACCESS_FIELDS.filter((field) => field !== 'query');

/** Writes records as lines of JSON with these fields. */
export function lineWriter(
  fields: readonly AccessField[] = USUAL,
): (record: AccessRecord, ms: number) => string {
  const writers = fields.map((field) => ({ key: `,"${field}":`, write: WRITE[field] }));
  const stamp = timeWriter();
  return (record, ms) => {
    const time = stamp(ms);
    let line = '';
    for (const { key, write } of writers) {
      const value = write(record, time);
      if (value !== undefined) line += key + value;
    }
    return `{${line.slice(1)}}\n`;
  };
}

/** RFC 3339 in UTC, quoted; the part down to the second is made once a second. */
function timeWriter(): (ms: number) => string {
  let second = Number.NaN;
  let prefix = '';
  return (ms) => {
    const whole = Math.floor(ms / 1000);
    if (whole !== second) {
      second = whole;
      prefix = `"${new Date(whole * 1000).toISOString().slice(0, 20)}`;
    }
    return `${prefix}${String(Math.floor(ms - whole * 1000)).padStart(3, '0')}Z"`;
  };
}
