export { ActiveChecks } from './active-checks.ts';
export type { ActiveCheckParts, CheckView } from './active-checks.ts';
export type { CheckPolicy, CheckProbe } from './policy.ts';
export type { Probe, ProbeResult, Probes } from './probe.ts';
export { grpcProbe } from './grpc-probe.ts';
export { overHttp2 } from './over-http2.ts';
export { httpProbe, tcpProbe } from './reactor-probes.ts';
export type { Transition } from './target.ts';
