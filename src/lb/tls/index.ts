export { CertificateStore } from './certificate-store.ts';
export { certificateFiles } from './files.ts';
export type { CertificateFiles } from './files.ts';
export { PlaneCertificates } from './plane-certificates.ts';
export { handshakeTerms, tlsRefusal } from './terms.ts';
export { unmetTls } from './unmet.ts';
export { UpstreamTls } from './upstream-tls.ts';
