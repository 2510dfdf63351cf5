import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Lines of extensions by their names, as openssl.cnf(5) has them; undefined leaves one out. */
export type Extensions = Readonly<Record<string, string | undefined>>;

export interface Made {
  readonly certificate: string;
  readonly key: string;
  readonly der: Buffer;
}

export interface Wanted {
  readonly subject?: string;
  /** What `openssl genpkey` takes. */
  readonly key?: readonly string[];
  /** Instead of a new key. */
  readonly keyFile?: string;
  readonly extensions?: Extensions;
  /** `-sha256` and the like, `-sigopt …`. */
  readonly sign?: readonly string[];
  readonly days?: number;
  readonly serial?: string;
  /** Further sections of the file with the extensions. */
  readonly sections?: string;
  /** Without any extension it is of version 1. */
  readonly bare?: boolean;
}

const P256 = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];

export const LEAF: Extensions = {
  basicConstraints: 'critical,CA:FALSE',
  keyUsage: 'critical,digitalSignature',
  extendedKeyUsage: 'serverAuth,clientAuth',
  subjectKeyIdentifier: 'hash',
  authorityKeyIdentifier: 'keyid',
  subjectAltName: 'URI:spiffe://example.org/web',
};
export const AUTHORITY: Extensions = {
  basicConstraints: 'critical,CA:TRUE',
  keyUsage: 'critical,keyCertSign,cRLSign',
  subjectKeyIdentifier: 'hash',
  authorityKeyIdentifier: 'keyid',
};

/** Certificates of any kind, also those that nobody should take, made by OpenSSL and GnuTLS. */
export class CertificateForge {
  readonly home = mkdtempSync(join(tmpdir(), 'rimrock-forge-'));
  #count = 0;

  close(): void {
    rmSync(this.home, { recursive: true, force: true });
  }

  async openssl(...words: readonly string[]): Promise<string> {
    return (await execute('openssl', [...words], { cwd: this.home })).stdout;
  }

  async key(words: readonly string[] = P256): Promise<string> {
    const file = this.#file('key');
    await this.openssl('genpkey', ...words, '-out', file);
    return file;
  }

  /** Signed by `issuer`, or by itself. */
  async make(wanted: Wanted, issuer?: Made): Promise<Made> {
    const key = wanted.keyFile ?? (await this.key(wanted.key));
    const [request, certificate] = [this.#file('csr'), this.#file('pem')];
    await this.openssl('req', '-new', '-key', key, '-subj', wanted.subject ?? '/CN=web', '-out', request);
    const words = ['-in', request, '-out', certificate, '-days', String(wanted.days ?? 1)];
    words.push('-set_serial', wanted.serial ?? `0x${(0x1000 + this.#count).toString(16)}`);
    if (wanted.bare !== true) words.push('-extfile', this.#extensions(wanted), '-extensions', 'all');
    words.push(...(wanted.sign ?? ['-sha256']));
    words.push(...(issuer ? ['-CA', issuer.certificate, '-CAkey', issuer.key] : ['-signkey', key]));
    await this.openssl('x509', '-req', ...words);
    return { certificate, key, der: derOf(certificate) };
  }

  /** By GnuTLS, whose templates can name any time. `lines`: certtool(1), "Template file format". */
  async certtool(lines: readonly string[], issuer?: Made): Promise<Made> {
    const [key, template, certificate] = [await this.key(), this.#file('cfg'), this.#file('pem')];
    writeFileSync(template, `serial = ${5000 + this.#count}\n${lines.join('\n')}\n`);
    const words = ['--load-privkey', key, '--template', template, '--outfile', certificate];
    words.push(
      ...(issuer
        ? [
            '--generate-certificate',
            '--load-ca-certificate',
            issuer.certificate,
            '--load-ca-privkey',
            issuer.key,
          ]
        : ['--generate-self-signed']),
    );
    await execute('certtool', [...words, '--hash', 'SHA256'], { cwd: this.home });
    return { certificate, key, der: derOf(certificate) };
  }

  #extensions({ extensions = LEAF, sections = '' }: Wanted): string {
    const file = this.#file('cnf');
    const lines = Object.entries(extensions).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${value}`],
    );
    writeFileSync(file, `[all]\n${lines.join('\n')}\n${sections}\n`);
    return file;
  }

  #file(ending: string): string {
    return join(this.home, `${++this.#count}.${ending}`);
  }
}

function derOf(file: string): Buffer {
  const [, base64 = ''] = /-----BEGIN CERTIFICATE-----([^-]+)-----END/.exec(readFileSync(file, 'utf8')) ?? [];
  return Buffer.from(base64, 'base64');
}
