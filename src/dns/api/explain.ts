import type { Api, ApiReply } from '../../core/http/server.ts';
import { isExplainable } from '../explain/explainer.ts';
import type { ExplainQuestion, Explainer } from '../explain/explainer.ts';
import { isName, typeNumber } from '../wire/index.ts';
import { ipBytes } from '../zone/index.ts';

/** `GET /explain`: why a name answers what it does. */
export function addExplain(api: Api, explainer: Pick<Explainer, 'explain'>): void {
  api.get('/explain', async (request, reply) => {
    const question = questionOf(request.query as Record<string, unknown>, request.ip);
    if (typeof question === 'string') return text(reply, 400, `400: ${question}`);
    const explanation = await explainer.explain(question);
    if (!explanation) return text(reply, 503, '503: too many explanations are asked for; try again');
    const json = JSON.stringify(explanation, (_key, value: unknown) => value ?? null, 2);
    return reply.header('content-type', 'application/json').send(`${json}\n`);
  });
}

/** The question, or what is wrong with it. */
function questionOf(query: Record<string, unknown>, asker: string): ExplainQuestion | string {
  const { name, type = 'A', client = asker } = query;
  if (typeof name !== 'string' || name === '')
    return 'say which name: /explain?name=web.marathon.mesos&type=A';
  const absolute = name.endsWith('.') ? name : `${name}.`;
  if (!isName(absolute)) return `'${name}' is not a domain name`;
  const number = typeof type === 'string' ? typeNumber(type) : undefined;
  if (number === undefined || !isExplainable(number))
    return 'type is not one of A, AAAA, SRV, CNAME, PTR, TXT, NS, SOA, ANY, or a number';
  if (typeof client !== 'string' || !ipBytes(client.replace(/%.*$/s, '')))
    return 'client is not an IP address';
  return { name: absolute, type: number, client };
}

function text(reply: ApiReply, status: number, message: string): ApiReply {
  return reply.code(status).header('content-type', 'text/plain; charset=utf-8').send(message);
}
