import { errorText } from '../../core/errors.ts';
import { readSvid } from '../../net/index.ts';
import type {
  JudgePeer,
  Listener,
  Peer,
  SecureChoice,
  Transport,
  TransportHandler,
} from '../../net/index.ts';
import type { CallPolicy } from './call-policy.ts';
import type { Refusal } from './counts.ts';
import type { GuardSpec } from './messages.ts';
import { Pipe } from './pipe.ts';
import type { Shared } from './shared.ts';
import type { TaskIdentity } from './task-identity.ts';

/** Where tasks listen that have a guard. */
const OWN_HOST = '127.0.0.1';
const NOBODY: TransportHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
/** Before what `svidJudge` says, so that it is known again among other reasons. */
const NOT_AN_SVID = 'no identity of ours: ';

/** Stands before a published port of a task: lets in who proves an identity and may call the service, and gives the task plain bytes. */
export class Guard {
  readonly #shared: Shared;
  readonly #spec: GuardSpec;
  readonly #identity: TaskIdentity;
  readonly #policy: CallPolicy;
  readonly #callers = new Map<Pipe, string | undefined>();
  #listener: Listener | undefined;

  constructor(shared: Shared, spec: GuardSpec, identity: TaskIdentity, policy: CallPolicy) {
    this.#shared = shared;
    this.#spec = spec;
    this.#identity = identity;
    this.#policy = policy;
  }

  /** Rejects with NET_LISTEN_FAILED. */
  async listen(): Promise<void> {
    const { reactor, setup } = this.#shared.parts;
    const { host, port, mode } = this.#spec;
    const secure = {
      admit: () => this.#shared.mayOpen,
      choose: () => this.#choose(),
      alsoPlain: mode === 'permissive',
      handshakeMs: setup.handshakeMs,
      onHandshakeFailed: (reason: string, from: Peer) => this.#failed(reason, from),
    };
    this.#listener = await reactor.listen({ host, port, secure }, (transport) => this.#accept(transport));
  }

  /** Cut whom a new policy does not let in. */
  judgeAgain(): void {
    const { service } = this.#spec;
    for (const [pipe, caller] of this.#callers) {
      const denial = this.#policy.denial(caller, service);
      if (denial === undefined) continue;
      this.#refuse('policy-denied', { caller, rule: denial.rule });
      pipe.destroy(new Error('the policy has changed'));
    }
  }

  /** The task is gone: nobody else is let in, and who is there hears of it. */
  close(): void {
    void this.#listener?.close();
    for (const pipe of this.#callers.keys()) pipe.destroy(new Error('the task has ended'));
  }

  #choose(): SecureChoice {
    const context = this.#identity.server;
    if (context !== undefined) return { kind: 'terminate', context, judge: this.#judge() };
    this.#refuse('no-identity', {});
    return { kind: 'refuse' };
  }

  #judge(): JudgePeer {
    const judge = this.#identity.judge();
    return (certificate) => {
      const fault = judge(certificate);
      return fault === undefined ? undefined : NOT_AN_SVID + fault;
    };
  }

  #accept(transport: Transport): TransportHandler {
    const { secure, remote } = transport;
    const shown = secure?.peerCertificate && readSvid(secure.peerCertificate);
    const caller = shown && 'id' in shown ? shown.id : undefined;
    const denial = this.#policy.denial(caller, this.#spec.service);
    if (denial !== undefined) {
      this.#refuse('policy-denied', { caller, from: remote.ip, rule: denial.rule });
      transport.destroy(new Error('the policy does not let this caller in'));
      return NOBODY;
    }
    const pipe: Pipe = new Pipe(this.#shared, secure ? 'inbound_tls' : 'inbound_plain', transport, {
      next: this.#once((handler) => this.#connect(handler)),
      failed: (error) => this.#refuse('task-unreachable', { error: errorText(error) }),
      over: () => void this.#callers.delete(pipe),
    });
    this.#callers.set(pipe, caller);
    pipe.begin();
    return pipe.handler;
  }

  #connect(handler: TransportHandler): Transport {
    const { reactor, setup } = this.#shared.parts;
    return reactor.connect({ ip: OWN_HOST, port: this.#spec.own }, { timeoutMs: setup.connectMs }, handler);
  }

  /** There is one task behind a guard. */
  #once(
    connect: (handler: TransportHandler) => Transport,
  ): (handler: TransportHandler) => Transport | undefined {
    let asked = false;
    return (handler) => {
      if (asked) return undefined;
      asked = true;
      return connect(handler);
    };
  }

  #failed(reason: string, from: Peer): void {
    if (this.#identity.server === undefined) return; // said already
    const code = /^(not TLS|SSL 2)/.test(reason)
      ? 'not-tls'
      : reason.startsWith(NOT_AN_SVID)
        ? 'not-an-svid'
        : 'bad-handshake';
    this.#refuse(code, { reason, from: from.ip });
  }

  #refuse(code: Refusal, about: Readonly<Record<string, unknown>>): void {
    this.#shared.refuse(code, { service: this.#spec.service, port: this.#spec.port, ...about });
  }
}
