import { addressText } from './addresses.ts';
import type { ListenAddress } from './addresses.ts';

export interface ReadyTable {
  readonly version: string;
  readonly tookMs: number;
  readonly addresses: readonly ListenAddress[];
  /** Conditions that do not hold yet. */
  readonly missing: readonly string[];
  /** Command lines to try. */
  readonly commands: readonly string[];
  /** Lines for the end. */
  readonly notes: readonly string[];
}

/** What a person sees when it runs: one table of what runs where, and what to try. */
export function readyTable(table: ReadyTable): string {
  const width = Math.max(...table.addresses.map((a) => a.title.length), 4);
  const seconds = (table.tookMs / 1000).toFixed(1);
  const state = table.missing.length === 0 ? `is ready, after ${seconds} s` : 'runs, but is not ready yet';
  const lines = [
    `Rimrock ${table.version} ${state}.`,
    ...table.missing.map((m) => `  ${m}`),
    '',
    `  ${'part'.padEnd(width)}  address`,
    ...table.addresses.map((a) => `  ${a.title.padEnd(width)}  ${addressText(a)}`),
    '',
  ];
  if (table.commands.length > 0) {
    lines.push('Try, in another terminal:', ...table.commands.map((c) => `  ${c}`), '');
  }
  return `${[...lines, ...table.notes].join('\n')}\n`;
}

/** The commands of the README, for the addresses that are in use. */
export function commandsToTry(
  addresses: readonly ListenAddress[],
  domain: string,
  example: string,
): readonly string[] {
  const at = (key: string): ListenAddress | undefined => addresses.find((a) => a.portKey === key);
  const [marathon, dns, http] = ['marathon.port', 'dns.port', 'lb.http.port'].map(at);
  const commands: string[] = [];
  if (marathon)
    commands.push(
      `curl -X POST ${addressText(marathon)}/v2/apps -H 'Content-Type: application/json' -d @${example}`,
    );
  if (marathon && dns) {
    const dig = `dig @${addressText({ ...dns, port: 0 }).replace(/^\[|\]?:0$/g, '')} -p ${dns.port}`;
    commands.push(`${dig} hello.marathon.${domain} +short`, `${dig} _hello._tcp.marathon.${domain} SRV`);
  }
  if (marathon && http) commands.push(`curl -H 'Host: hello.example.test' ${addressText(http)}/`);
  return commands;
}
