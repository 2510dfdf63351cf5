import type { Api, ApiReply, ApiRequest } from '../../core/http/server.ts';
import { createOwners } from './owners.ts';
import { listFolder, modeText, openDownload, readPart } from './sandbox-files.ts';
import { isForbidden } from './permissions.ts';
import type { MayOf } from './permissions.ts';
import type { AgentView } from './view.ts';
import { attachedPaths } from './virtual-paths.ts';

const TYPES: ReadonlyMap<string, string> = new Map([
  ['txt', 'text/plain'],
  ['log', 'text/plain'],
  ['html', 'text/html'],
  ['json', 'application/json'],
  ['js', 'application/javascript'],
  ['css', 'text/css'],
  ['xml', 'text/xml'],
  ['pdf', 'application/pdf'],
  ['png', 'image/png'],
  ['zip', 'application/zip'],
  ['gz', 'application/gzip'],
]);

const FORBIDDEN = '403 Forbidden.';

/** `/files/*`: the sandboxes of all known tasks (mesos-api.md §3.7). */
export function addFilesRoutes(api: Api, prefix: string, view: AgentView, asked: MayOf): void {
  const owners = createOwners();
  const attached = (): Map<string, string> => attachedPaths([...view.completed, ...view.live]);

  api.get(`${prefix}/files/browse`, async (request, reply) => {
    const path = query(request, 'path');
    if (path === undefined) return text(reply, 400, "Expecting 'path=value' in query.\n");
    if (isForbidden(view, asked(request), path)) return text(reply, 403, FORBIDDEN);
    const listed = await listFolder(attached(), path);
    if (!listed.ok) return text(reply, listed.status, listed.text);
    return listed.value.map(({ path, stats }) => ({
      gid: owners.group(stats.gid),
      mode: modeText(stats),
      mtime: Math.floor(stats.mtimeMs / 1000),
      nlink: stats.nlink,
      path,
      size: stats.size,
      uid: owners.user(stats.uid),
    }));
  });

  api.get(`${prefix}/files/read`, async (request, reply) => {
    const path = query(request, 'path');
    if (path === undefined) return text(reply, 400, "Expecting 'path=value' in query.\n");
    if (isForbidden(view, asked(request), path)) return text(reply, 403, FORBIDDEN);
    const [offset, length] = [number(request, 'offset'), number(request, 'length')];
    if (offset === undefined)
      return text(reply, 400, 'Failed to parse offset: write a number that is not negative\n');
    if (length === undefined)
      return text(reply, 400, 'Failed to parse length: write a number that is not negative\n');
    const part = await readPart(attached(), path, offset, length);
    if (!part.ok) return text(reply, part.status, part.text);
    return { data: part.value.bytes.toString('utf8'), offset: part.value.offset };
  });

  api.get(`${prefix}/files/download`, async (request, reply) => {
    const path = query(request, 'path');
    if (path === undefined) return text(reply, 400, "Expecting 'path=value' in query.\n");
    if (isForbidden(view, asked(request), path)) return text(reply, 403, FORBIDDEN);
    const file = await openDownload(attached(), path);
    if (!file.ok) return text(reply, file.status, file.text);
    const { handle, name } = file.value;
    const type = TYPES.get(name.slice(name.lastIndexOf('.') + 1)) ?? 'application/octet-stream';
    return reply
      .header('content-disposition', `attachment; filename=${name.replaceAll(/[^\w.+-]/g, '_')}`)
      .type(type)
      .send(handle.createReadStream());
  });

  api.get(`${prefix}/files/debug`, async (request, reply) =>
    asked(request)('get_endpoints', '/files/debug')
      ? Object.fromEntries(attached())
      : text(reply, 403, FORBIDDEN),
  );
}

function query(request: ApiRequest, name: string): string | undefined {
  const value = (request.query as Record<string, unknown>)[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** -1 where it is left out; undefined where it is no such number. */
function number(request: ApiRequest, name: string): number | undefined {
  const value = query(request, name);
  if (value === undefined || value === '-1') return -1;
  const n = Number(value);
  return Number.isSafeInteger(n) && n >= 0 ? n : undefined;
}

function text(reply: ApiReply, status: number, body: string): ApiReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(body);
}
