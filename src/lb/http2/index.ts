export { Http2Client } from './client/http2-client.ts';
export { Http2Context } from './context.ts';
export type { Http2Limits, Http2Parts } from './context.ts';
export { ClientProtocols } from './server/client-protocols.ts';
export type { Http1Side } from './server/client-protocols.ts';
