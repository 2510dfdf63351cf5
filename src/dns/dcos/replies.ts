import type { Api, ApiReply } from '../../core/http/server.ts';

export function sendPlain(reply: ApiReply, status: number, text: string): ApiReply {
  return reply.code(status).header('content-type', 'text/plain; charset=utf-8').send(text);
}

/** This API is for reading. */
export function refuseOtherMethods(api: Api, url: string): void {
  api.route({
    method: ['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url,
    handler: async (_request, reply) => sendPlain(reply.header('allow', 'GET'), 405, 'Method Not Allowed'),
  });
}
