/** The parts that the shapes of mesos.proto have in common: values, resources, commands, networks (mesos-api.md §1.8, §2.8). */
export interface Value {
  readonly value: string;
}
/**
 * The v1 JSON shapes of mesos.proto that Rimrock reads or writes (Mesos 1.11, snake case as on the wire). Fields we do
 * not act on are kept by passing objects through unchanged. v0 documents say `slave` where these say `agent`.
 */
export interface Scalar {
  readonly value: number;
}
export interface Range {
  readonly begin: number;
  readonly end: number;
}
export interface Nanoseconds {
  readonly nanoseconds: number;
}
export interface Label {
  readonly key: string;
  readonly value?: string;
}
export interface Labels {
  readonly labels?: readonly Label[];
}
export interface Resource {
  readonly name: string;
  readonly type: 'SCALAR' | 'RANGES' | 'SET';
  readonly scalar?: Scalar;
  readonly ranges?: { readonly range: readonly Range[] };
  readonly set?: { readonly item: readonly string[] };
  /** Pre-refinement format: the role it is reserved for, or `*`. */
  readonly role?: string;
  readonly allocation_info?: { readonly role: string };
  readonly reservation?: unknown;
  readonly reservations?: readonly unknown[];
  readonly disk?: unknown;
  readonly revocable?: unknown;
  readonly shared?: unknown;
}
/** Text that a framework gives by name (REFERENCE: the agent's secret store knows it) or as it is (VALUE, base64). */
export interface Secret {
  readonly type?: 'REFERENCE' | 'VALUE' | 'UNKNOWN';
  readonly reference?: { readonly name: string; readonly key?: string };
  readonly value?: { readonly data: string };
}
export interface EnvironmentVariable {
  readonly name: string;
  readonly type?: 'VALUE' | 'SECRET' | 'UNKNOWN';
  readonly value?: string;
  readonly secret?: Secret;
}
export interface CommandUri {
  readonly value: string;
  readonly executable?: boolean;
  readonly extract?: boolean;
  readonly cache?: boolean;
  readonly output_file?: string;
}
export interface CommandInfo {
  /** Default true: run `value` with `/bin/sh -c`. */
  readonly shell?: boolean;
  readonly value?: string;
  readonly arguments?: readonly string[];
  readonly uris?: readonly CommandUri[];
  readonly environment?: { readonly variables?: readonly EnvironmentVariable[] };
  readonly user?: string;
}
export interface DiscoveryPort {
  readonly number: number;
  readonly name?: string;
  readonly protocol?: string;
  readonly visibility?: string;
  readonly labels?: Labels;
}
export interface DiscoveryInfo {
  readonly visibility: 'FRAMEWORK' | 'CLUSTER' | 'EXTERNAL';
  readonly name?: string;
  readonly ports?: { readonly ports?: readonly DiscoveryPort[] };
  readonly labels?: Labels;
}
export type IpProtocol = 'IPv4' | 'IPv6';
export interface IpAddress {
  readonly protocol?: IpProtocol;
  readonly ip_address?: string;
}
export interface NetworkInfo {
  readonly ip_addresses?: readonly IpAddress[];
  readonly name?: string;
}
