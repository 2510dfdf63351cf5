import type { BodyError, FramingError, HeadError } from './http1/index.ts';

/** Why the load balancer answered a request itself. */
export interface Reason {
  readonly status: number;
  /** For the person who reads the answer: what was wrong and what to do. */
  readonly text: string;
}

const bad = (text: string): Reason => ({ status: 400, text });

/** Heads and bodies that cannot be read with certainty. */
const FRAMING = {
  'bad-request-line': bad('The request line is not "METHOD target HTTP/1.1" with single blanks and CRLF.'),
  'bad-status-line': bad('The status line is malformed.'),
  'unknown-method': { status: 501, text: 'The request method is not known.' },
  'bad-version': { status: 505, text: 'Only HTTP/1.1 and HTTP/1.0 are spoken here.' },
  'line-too-long': { status: 414, text: 'The request line is too long.' },
  'head-too-large': { status: 431, text: 'The header fields are too large.' },
  'too-many-fields': { status: 431, text: 'There are too many header fields.' },
  'bare-lf': bad('Lines must end in CR LF.'),
  'folded-field': bad('A header field is folded over several lines.'),
  'space-before-colon': bad('A blank stands before the colon of a header field.'),
  'bad-field-name': bad('A header field name has characters that are not allowed.'),
  'bad-field-value': bad('A header field value has control characters.'),
  'length-and-transfer-encoding': bad('Content-Length and Transfer-Encoding must not stand together.'),
  'duplicate-content-length': bad('Content-Length stands more than once.'),
  'bad-content-length': bad('Content-Length is not a plain decimal number.'),
  'bad-transfer-encoding': bad('The only Transfer-Encoding taken is "chunked", once.'),
  'transfer-encoding-on-http10': bad('HTTP/1.0 has no Transfer-Encoding.'),
  'bad-chunk': bad('The chunked body is malformed.'),
  'chunk-extensions-too-large': bad('The chunk extensions are too large.'),
  'trailers-too-large': { status: 431, text: 'The trailer fields are too large.' },
  'bad-trailers': bad('The trailer fields are malformed, or name the length or destination of the message.'),
} as const satisfies Record<HeadError | FramingError | BodyError | 'bad-trailers', Reason>;

/** Well-formed requests that an edge must not pass on. */
const ADMISSION = {
  'method-refused': { status: 405, text: 'CONNECT and TRACE are not offered.' },
  'bad-target': bad('The request target must be a path (/...), http://host/..., or * with OPTIONS.'),
  'fragment-in-target': bad('The request target must not have a #fragment.'),
  'backslash-in-path': bad('The path must not have backslashes.'),
  'ambiguous-path': bad('The path has dot segments or NUL, plain or encoded: send the path that is meant.'),
  'host-missing': bad('The Host header field is missing or empty.'),
  'host-duplicate': bad('The Host header field stands more than once.'),
  'bad-host': bad('The Host header field is not a host name or address with an optional port.'),
  'host-mismatch': bad('The request target names another host than the Host header field.'),
  'connection-names-protected': bad('Connection names a header field that is not hop-by-hop.'),
  'alias-field': bad('A header field name differs from a protected one only in its punctuation.'),
  'bad-expectation': { status: 417, text: 'The only Expect taken is 100-continue.' },
  'body-too-large': { status: 413, text: 'The request body is larger than this load balancer takes.' },
} as const satisfies Record<string, Reason>;

/** What the middlewares of a route, and loops, lead to. */
const MIDDLEWARES = {
  redirected: { status: 302, text: 'The route sends this request to another address.' },
  'auth-required': { status: 401, text: 'The route asks for a user and a password.' },
  'auth-wrong': { status: 401, text: 'The user or the password is not right.' },
  'auth-busy': { status: 503, text: 'Too many passwords are being verified now.' },
  'address-refused': { status: 403, text: 'The route does not let this address in.' },
  'policy-denied': { status: 403, text: 'The policy does not let this client call the service so.' },
  'rate-limited': { status: 429, text: 'More requests came than the route lets through.' },
  'body-over-route-limit': { status: 413, text: 'The request body is larger than the route takes.' },
  'client-certificate-required': {
    status: 403,
    text: 'The route wants a certificate of the client, of an authority that it trusts.',
  },
  'tls-version-refused': { status: 403, text: 'The route wants a newer version of TLS.' },
  misdirected: {
    status: 421,
    text: 'The route wants more in TLS than this connection, which was made for another host, has been asked for: open one for this host.',
  },
  'loop-detected': {
    status: 508,
    text: 'The request has come back here too often: a service and this load balancer send it to each other.',
  },
} as const satisfies Record<string, Reason>;

/** What is no refusal. */
const CHALLENGES = {
  'acme-challenge': { status: 200, text: 'The answer to a challenge of a certificate authority.' },
} as const satisfies Record<string, Reason>;

/** The state of routes, backends and of the load balancer itself. */
const FORWARDING = {
  'no-route': { status: 404, text: 'No service is published under this host and path.' },
  'no-endpoints': { status: 503, text: 'The service is known, and no instance of it is running.' },
  'no-endpoint-ready': {
    status: 503,
    text: 'The service is known, and none of its instances takes requests yet.',
  },
  'not-ready': { status: 503, text: 'The load balancer has not heard from the cluster yet.' },
  'connect-failed': { status: 502, text: 'No instance of the service accepted a connection.' },
  'upstream-tls-failed': { status: 502, text: 'No instance of the service came to terms with us in TLS.' },
  'upstream-not-trusted': {
    status: 502,
    text: 'No instance of the service has shown a certificate that is taken; GET /explain on the admin port tells why.',
  },
  'connect-timeout': {
    status: 504,
    text: 'Connecting to the instances of the service took longer than lb.timeouts.connectMs.',
  },
  overloaded: {
    status: 503,
    text: 'All instances of the service have as many requests as their circuit breakers let through.',
  },
  'queue-timeout': {
    status: 503,
    text: 'No connection to the chosen instance became free within lb.timeouts.connectMs.',
  },
  'upstream-reset': { status: 502, text: 'The instance closed the connection before it answered.' },
  'bad-response': { status: 502, text: 'The instance answered with something that is not sound HTTP/1.1.' },
  'first-byte-timeout': {
    status: 504,
    text: 'The instance did not begin its answer within lb.timeouts.firstByteMs.',
  },
  'stream-timeout': {
    status: 504,
    text: 'The instance took nothing of the request body for lb.timeouts.streamIdleMs.',
  },
  'request-timeout': { status: 408, text: 'The request head was not complete within lb.timeouts.headMs.' },
  'body-timeout': {
    status: 408,
    text: 'The request body came more slowly than lb.timeouts.bodyMs and bodyBytesPerSecond allow.',
  },
  'too-many-connections': { status: 503, text: 'This load balancer has as many connections as it takes.' },
} as const satisfies Record<string, Reason>;

/**
 * Every answer of the load balancer's own, by its code, which stands in the `x-rimrock-reason` header field of the
 * answer, in the log and in metrics. Codes are never used again for something else.
 */
export const reasons = { ...FRAMING, ...ADMISSION, ...MIDDLEWARES, ...CHALLENGES, ...FORWARDING } as const;

export type ReasonCode = keyof typeof reasons;

/** The reason phrases of the statuses above. */
export const statusText: ReadonlyMap<number, string> = new Map([
  [200, 'OK'],
  [301, 'Moved Permanently'],
  [302, 'Found'],
  [303, 'See Other'],
  [307, 'Temporary Redirect'],
  [308, 'Permanent Redirect'],
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [408, 'Request Timeout'],
  [413, 'Content Too Large'],
  [414, 'URI Too Long'],
  [417, 'Expectation Failed'],
  [421, 'Misdirected Request'],
  [429, 'Too Many Requests'],
  [431, 'Request Header Fields Too Large'],
  [501, 'Not Implemented'],
  [502, 'Bad Gateway'],
  [503, 'Service Unavailable'],
  [504, 'Gateway Timeout'],
  [505, 'HTTP Version Not Supported'],
  [508, 'Loop Detected'],
]);
