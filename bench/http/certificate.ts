import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, installed, write } from '../support/machine.ts';

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate with a P-256 key, made once in a run; all servers have the same. */
export function certificate(): CertificateFiles {
  const files = { certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') };
  if (existsSync(files.certificate)) return files;
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=bench.test', '-addext', 'subjectAltName=DNS:*.test,IP:127.0.0.1'];
  const to = ['-keyout', files.key, '-out', files.certificate];
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, ...to], { stdio: 'ignore' });
  return files;
}

/** Certificate and key in one file, as haproxy wants them. */
export function bothInOne(): string {
  const { certificate: cert, key } = certificate();
  return write('both.pem', `${readFileSync(cert, 'utf8')}${readFileSync(key, 'utf8')}`);
}

export const canMakeCertificates = installed('openssl') !== undefined;
