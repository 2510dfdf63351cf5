import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

// A registry with one image of one layer under every name (OCI distribution specification, pulling): `registry.ts TAR [USER:PASSWORD]`. It
// says its port on stdout. Images below `slow/` get the second half of their layer when `/release` was asked for; `/sent` tells
// how often a layer was begun.

const [, , tarFile = '', login] = process.argv;
const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const digest = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

interface Image {
  readonly layer: Buffer;
  readonly config: Buffer;
  readonly manifest: Buffer;
}

function imageOf(tar: Buffer): Image {
  const layer = gzipSync(tar, { level: 1 });
  const rootfs = { type: 'layers', diff_ids: [digest(tar)] };
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs }));
  const part = (mediaType: string, bytes: Buffer): object => ({
    mediaType,
    size: bytes.length,
    digest: digest(bytes),
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: part('application/vnd.docker.container.image.v1+json', config),
    layers: [part('application/vnd.docker.image.rootfs.diff.tar.gzip', layer)],
  };
  return { layer, config, manifest: Buffer.from(JSON.stringify(manifest)) };
}

const tar = readFileSync(tarFile);
const quick = imageOf(tar);
/** The same files, and yet another layer: an engine that has the other one has to pull it. */
const slow = imageOf(Buffer.concat([tar, Buffer.alloc(10_240)]));

let sent = 0;
let waiting: (() => void)[] = [];

function sendLayer({ layer }: Image, response: ServerResponse): void {
  sent++;
  response.setHeader('content-length', layer.length);
  const half = layer.length >> 1;
  response.write(layer.subarray(0, half));
  const rest = (): void => void response.end(layer.subarray(half));
  if (layer === slow.layer) waiting.push(rest);
  else rest();
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '';
  if (path === '/sent') return void response.end(String(sent));
  if (path === '/release') {
    for (const go of waiting) go();
    waiting = [];
    return void response.end();
  }
  const expected = login && `Basic ${Buffer.from(login).toString('base64')}`;
  if (expected && request.headers.authorization !== expected)
    return void response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end('{"errors":[]}');
  const image = path.includes('/slow/') ? slow : quick;
  if (path.endsWith(`/blobs/${digest(image.layer)}`)) return sendLayer(image, response);
  if (path.endsWith(`/blobs/${digest(image.config)}`)) return void response.end(image.config);
  if (!path.includes('/manifests/')) return void response.end('{}');
  response.setHeader('content-type', MANIFEST);
  response.setHeader('content-length', image.manifest.length); // HEAD tells it, too
  response.setHeader('docker-content-digest', digest(image.manifest));
  response.end(image.manifest);
}

const server = createServer(answer);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(String(typeof address === 'object' && address ? address.port : 0));
});
