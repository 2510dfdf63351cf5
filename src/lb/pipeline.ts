/** One step in the way of a request, and why it stands where it stands. */
export interface Step {
  readonly name: string;
  /** The file that does it. */
  readonly file: string;
  readonly why: string;
}

/**
 * The way of a request through the load balancer, in order. The steps are calls, not a chain of handlers: this is the
 * map. A test checks that the files exist.
 */
export const pipeline: readonly Step[] = [
  {
    name: 'accept',
    file: 'server/connections.ts',
    why: 'First the limits on connections: what is refused here has cost next to nothing.',
  },
  {
    name: 'read the head',
    file: 'server/client-connection.ts',
    why: 'With a deadline from the first byte, before anything is allocated for the request, so that slow heads cost little.',
  },
  {
    name: 'parse',
    file: 'http1/request-parser.ts',
    why: 'On the bytes and strictly: all later steps rely on there being one reading of this head.',
  },
  {
    name: 'admit',
    file: 'forward/admit.ts',
    why: 'After parsing, before routing: the route must be chosen by the host and path that the instance will see.',
  },
  {
    name: 'challenges',
    file: 'acme/plane-challenges.ts',
    why: 'Before routing: authorities ask for names that no route may have yet, and no route may answer in their place.',
  },
  {
    name: 'route',
    file: 'router/table.ts',
    why: 'Before the body is read: a request without a route is answered without waiting for it.',
  },
  {
    name: 'middlewares',
    file: 'middleware/chain.ts',
    why: 'After the route, whose they are; before an endpoint is asked for anything: who is refused costs no instance.',
  },
  {
    name: 'policy',
    file: 'plane/call-policy.ts',
    why: 'After the middlewares, for one that sends clients to HTTPS lets them show who they are; when the service is chosen, for that is what the rules are about.',
  },
  {
    name: 'rewrite the head',
    file: 'forward/heads.ts',
    why: 'Before an endpoint is chosen, for nothing in it depends on the endpoint: a retry sends the same bytes.',
  },
  {
    name: 'pick an endpoint',
    file: 'balancer/leasing-balancer.ts',
    why: 'As late as possible: instances that drain or were ejected a moment ago are left out.',
  },
  {
    name: 'connect or reuse',
    file: 'upstream/pool.ts',
    why: 'After the pick, so that connections at hand do not decide where requests go.',
  },
  {
    name: 'send, stream the body',
    file: 'forward/exchange.ts',
    why: 'From here on the instance may act: only what can be sent twice is tried again.',
  },
  {
    name: 'relay the answer',
    file: 'forward/response-relay.ts',
    why: 'From its first byte on there is no other answer: a failure now must be seen by the client as a cut.',
  },
  {
    name: 'settle',
    file: 'forward/exchange.ts',
    why: 'Once, whatever happened: passive health, running-request counts, metrics, connection reuse.',
  },
  {
    name: 'access log',
    file: 'forward/tell.ts',
    why: 'When all is known that a line says; before the connection takes its next request.',
  },
];
