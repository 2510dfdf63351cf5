export { dnsConfigSchema, vipSettings } from './config.ts';
export type { DnsConfig, DnsConfigInput } from './config.ts';
export { createDns } from './dns.ts';
export type { Dns, DnsParts } from './dns.ts';
export type { Explanation } from './explain/explanation.ts';
export { fromMesosDnsConfig } from './mesos-dns-config.ts';
export type { MesosDnsCluster, MesosDnsImport } from './mesos-dns-config.ts';
