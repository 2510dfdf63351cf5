import { chmod, chown, rename, rm } from 'node:fs/promises';
import { createPrivateKey } from 'node:crypto';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { Metadata, ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { pemBlocks } from '../../core/der.ts';
import { RimrockError, errorText } from '../../core/errors.ts';
import type { IdentityContext, IdentitySource } from '../../core/identity.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import { judgeJwtSvid } from './jwt-svid.ts';
import type { SocketPlace } from './socket-folder.ts';
import { WORKLOAD_API, protoStruct } from './workload-api.ts';

/** One identity behind a socket. */
export interface Held {
  readonly source: IdentitySource;
  /** Tells it from the others behind the same socket; absent where there is one. */
  readonly hint?: string | undefined;
  /** A token for the audience; rejects when none can be had. */
  token(audience: readonly string[]): Promise<string>;
}

/** Whom a socket speaks for. */
export interface SocketOwner {
  /** Whether or not they have an identity already; first the one that came first. */
  readonly held: readonly Held[];
  /** Who is held has changed, or the identity of one. */
  onChange(listener: () => void): Unsubscribe;
  /** The JWK set by which tokens are judged; undefined until it is known. */
  readonly jwks: string | undefined;
  onJwks(listener: () => void): Unsubscribe;
  now(): number;
}

/** One that has its identity. */
interface Present {
  readonly one: Held;
  readonly context: IdentityContext;
}

type Call = ServerUnaryCall<object, object> | ServerWritableStream<object, object>;
type Stream = ServerWritableStream<object, object>;

/** What is told with a refusal (SPIFFE Workload API §6). */
class Refusal extends Error {
  readonly code: status;
  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

const LARGEST_REQUEST = 65_536;
const MOST_STREAMS = 100;
const MANDATORY = 'workload.spiffe.io';

/** The SPIFFE Workload API of a task, or of a program with its tasks, on a Unix socket that only its user may open. */
export class SocketServer {
  readonly #owner: SocketOwner;
  readonly #place: SocketPlace;
  readonly #server: Server;
  readonly #streams = new Set<Stream>();
  #closed = false;

  constructor(place: SocketPlace, owner: SocketOwner) {
    this.#place = place;
    this.#owner = owner;
    this.#server = new Server({
      'grpc.max_receive_message_length': LARGEST_REQUEST,
      'grpc.max_concurrent_streams': MOST_STREAMS,
      'grpc.enable_channelz': 0,
    });
    this.#server.addService(WORKLOAD_API, {
      FetchX509SVID: (call: Stream) => this.#fetchX509(call),
      FetchX509Bundles: (call: Stream) => this.#fetchX509Bundles(call),
      FetchJWTSVID: unary((call) => this.#fetchJwt(call)),
      FetchJWTBundles: (call: Stream) => this.#fetchJwtBundles(call),
      ValidateJWTSVID: unary((call) => this.#validateJwt(call)),
    });
  }

  /** Nobody can open it before it is its user's. It takes the place of one that an earlier process left. */
  async listen(): Promise<void> {
    const { path, fresh, owner } = this.#place;
    await rm(fresh, { force: true });
    await new Promise<void>((resolve, reject) =>
      this.#server.bindAsync(`unix:${fresh}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      ),
    );
    await chmod(fresh, 0o600);
    if (owner) await chown(fresh, owner.uid, owner.gid);
    await rename(fresh, path);
  }

  /** Ends every stream. */
  async close(): Promise<void> {
    this.#closed = true;
    const ended = asServiceError(new Refusal(status.UNAVAILABLE, 'nobody speaks for this task here now'));
    for (const call of this.#streams) call.emit('error', ended);
    await new Promise(setImmediate); // so that they are told
    this.#server.forceShutdown();
    await rm(this.#place.path, { force: true });
  }

  /** At once, and at each change: who it is, with the roots to judge others by. */
  #fetchX509(call: Stream): void {
    this.#stream(call, (present) => ({
      svids: present.map(({ one, context: { svid, bundle } }) => ({
        spiffeId: svid.id,
        x509Svid: derOf(svid.certificateChain),
        x509SvidKey: createPrivateKey(svid.privateKey).export({ type: 'pkcs8', format: 'der' }),
        bundle: derOf(bundle.roots.join('')),
        hint: one.hint ?? '',
      })),
    }));
  }

  /** Only the roots: told when they change, not when the certificate does. */
  #fetchX509Bundles(call: Stream): void {
    let told: number | undefined;
    this.#stream(call, ([{ context }]) => {
      const { bundle } = context;
      if (bundle.sequence === told) return undefined;
      told = bundle.sequence;
      return { bundles: { [`spiffe://${bundle.trustDomain}`]: derOf(bundle.roots.join('')) } };
    });
  }

  #stream(call: Stream, say: (present: readonly [Present, ...Present[]]) => object | undefined): void {
    if (!this.#admit(call)) return;
    const tell = (): void => {
      if (this.#closed) return;
      try {
        const said = say(presentOf(this.#owner));
        if (said) call.write(said);
      } catch (error) {
        end(); // the last task has ended
        call.emit('error', asServiceError(error));
      }
    };
    const end = this.#owner.onChange(tell);
    call.on('cancelled', end);
    call.on('close', end);
    tell();
  }

  #fetchJwtBundles(call: Stream): void {
    if (!this.#admit(call)) return;
    const tell = (): void => {
      const { jwks, held } = this.#owner;
      const [present] = havingTheirs(held);
      if (jwks !== undefined && present)
        call.write({ bundles: { [`spiffe://${present.context.bundle.trustDomain}`]: Buffer.from(jwks) } });
    };
    const end = this.#owner.onJwks(tell);
    call.on('cancelled', end);
    call.on('close', end);
    tell();
  }

  /** False: the call has been refused. */
  #admit(call: Stream): boolean {
    try {
      checkMetadata(call.metadata);
      presentOf(this.#owner);
      this.#streams.add(call);
      call.on('close', () => this.#streams.delete(call));
      call.on('cancelled', () => this.#streams.delete(call));
      return true;
    } catch (error) {
      call.emit('error', asServiceError(error)); // grpc-js makes the answer of it
      return false;
    }
  }

  async #fetchJwt(call: Call): Promise<object> {
    const { audience = [], spiffeId = '' } = call.request as { audience?: string[]; spiffeId?: string };
    const byId = new Map<string, Held>();
    // a token says only who somebody is: two tasks of one id need no two of them
    for (const { one, context } of presentOf(this.#owner))
      if (!byId.has(context.svid.id)) byId.set(context.svid.id, one);
    if (audience.length === 0) throw new Refusal(status.INVALID_ARGUMENT, 'an audience is needed');
    if (spiffeId !== '' && !byId.has(spiffeId))
      throw new Refusal(status.PERMISSION_DENIED, `this task is ${[...byId.keys()].join(', ')}`);
    const wanted = [...byId].filter(([id]) => spiffeId === '' || spiffeId === id);
    const svids = wanted.map(async ([id, one]) => ({
      spiffeId: id,
      svid: await one.token(audience),
      hint: one.hint ?? '',
    }));
    return { svids: await Promise.all(svids) };
  }

  async #validateJwt(call: Call): Promise<object> {
    const { audience = '', svid: token = '' } = call.request as { audience?: string; svid?: string };
    const { jwks } = this.#owner;
    const [{ context }] = presentOf(this.#owner);
    if (audience === '' || token === '')
      throw new Refusal(status.INVALID_ARGUMENT, 'an audience and a token are needed');
    if (jwks === undefined) throw new Refusal(status.UNAVAILABLE, 'the keys of tokens are not known yet');
    const trust = { trustDomain: context.bundle.trustDomain, jwks, nowMs: this.#owner.now() };
    const judged = await judgeJwtSvid(token, audience, trust);
    if (!judged.ok) throw new Refusal(status.INVALID_ARGUMENT, judged.reason);
    return { spiffeId: judged.id, claims: protoStruct(judged.claims) };
  }
}

const derOf = (pemText: string): Buffer => Buffer.concat(pemBlocks(pemText, 'CERTIFICATE'));

function havingTheirs(held: readonly Held[]): Present[] {
  return held.flatMap((one) => {
    const context = one.source.current;
    return context ? [{ one, context }] : [];
  });
}

/** Who is entitled to nothing is told so (SPIFFE Workload API §5.2.1), and who will be to come again. */
function presentOf({ held }: SocketOwner): readonly [Present, ...Present[]] {
  const [first, ...others] = havingTheirs(held);
  if (first) return [first, ...others];
  if (held.length === 0) throw new Refusal(status.PERMISSION_DENIED, 'no task runs here now');
  throw new Refusal(status.UNAVAILABLE, 'the identity is not there yet');
}

/** What a page in a browser or a server that is tricked into calling would not send. */
function checkMetadata(metadata: Metadata): void {
  const said = metadata.get(MANDATORY);
  if (said.length !== 1 || said[0] !== 'true')
    throw new Refusal(status.INVALID_ARGUMENT, `the metadata must say ${MANDATORY}: true`);
}

function unary(work: (call: Call) => Promise<object>) {
  return (call: ServerUnaryCall<object, object>, reply: sendUnaryData<object>): void => {
    const answered = async (): Promise<object> => {
      checkMetadata(call.metadata);
      return work(call);
    };
    answered().then(
      (answer) => reply(null, answer),
      (error: unknown) => reply(asServiceError(error)),
    );
  };
}

const CODES: ReadonlyMap<string, status> = new Map([
  ['AUTH_SIGN_BAD_REQUEST', status.INVALID_ARGUMENT],
  ['AUTH_SIGN_NO_TASK', status.PERMISSION_DENIED],
  ['AUTH_SIGN_TOO_MANY', status.RESOURCE_EXHAUSTED],
]);

function asServiceError(error: unknown): Error & { code: status; details: string } {
  const details = errorText(error);
  const code =
    error instanceof Refusal
      ? error.code
      : error instanceof RimrockError
        ? (CODES.get(error.code) ?? status.UNAVAILABLE)
        : status.INTERNAL;
  return Object.assign(new Error(details), { code, details });
}
