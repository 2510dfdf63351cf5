import type { Explanation } from '../../dns/index.ts';

type Answer = NonNullable<Explanation['answer']>;
type Origin = Answer['records'][number]['from'][number];

/** An explanation for a person. */
export function explanationText(e: Explanation): string {
  const { asked, name, type } = e.question;
  const lines = [`${asked} ${type}`];
  if (asked.toLowerCase() !== name) lines.push(`looked up as ${name}`);
  lines.push(...answerLines(e), ...serviceLines(e), ...leftOutLines(e), ...outsideLines(e));
  if (e.near.length > 0) lines.push('', 'Names that look like it:', ...e.near.map((n) => `  ${n}`));
  if (e.rejected.length > 0)
    lines.push('', 'Set aside:', ...e.rejected.map((r) => `  ${r.kind} ${r.id}: ${r.reason}`));
  return `${lines.join('\n')}\n`;
}

function answerLines({ answer, outside, zone, types, question }: Explanation): string[] {
  if (!answer && outside) return ['outside of our zones'];
  if (!answer) return ['outside of our zones, and nobody is asked for such names (dns.externalOn): REFUSED'];
  const lines = [
    `${outcome(answer, question.type)}, from ${zone === null || zone === undefined ? 'a record of ours' : `the zone ${zone}`}`,
  ];
  if (!answer.ready) lines.push('No state of the cluster has been read yet.');
  if (answer.stale) lines.push('The masters cannot be followed: this is the last known state.');
  if (answer.truncated) lines.push('There are more records than a message can hold.');
  if (answer.limit) lines.push(`An answer has ${answer.limit.answers} of ${answer.limit.of} records.`);
  if (answer.records.length === 0 && types.length > 0) lines.push(`The name has ${types.join(', ')}.`);
  if (answer.records.length > 0) lines.push('');
  for (const r of answer.records) {
    lines.push(`  ${r.name} ${r.ttlSeconds} ${r.type} ${r.data}`);
    if (r.from.length === 0) lines.push('    from nothing that is known any more');
    lines.push(...r.from.map((o) => `    from ${originText(o)}`));
    if (r.fromMore > 0) lines.push(`    and ${r.fromMore} more`);
  }
  if (answer.recordsMore > 0) lines.push(`  and ${answer.recordsMore} more records`);
  return lines;
}

function outcome({ rcode, records }: Answer, type: string): string {
  if (rcode === 'NXDOMAIN') return 'NXDOMAIN: there is no such name';
  if (rcode === 'NOERROR' && records.length === 0) return `NOERROR: the name exists and has no ${type}`;
  return rcode;
}

function originText(o: Origin): string {
  switch (o.kind) {
    case 'task':
      return `task ${taskText(o)}`;
    case 'framework':
      return `framework ${o.name} (${o.id})`;
    case 'agent':
      return `agent ${o.id} on ${o.hostname}`;
    case 'master':
      return `master ${o.address}${o.leads ? ', which leads' : ''}`;
    case 'vip':
      return `a VIP${o.backends.map((b) => `\n      ${b}`).join('')}`;
    case 'static':
      return 'dns.records of the configuration';
    case 'zone':
      return 'the zone itself';
  }
}

function taskText(t: Explanation['leftOut'][number] | Extract<Origin, { kind: 'task' }>): string {
  const health = t.healthy === null ? '' : t.healthy ? ', healthy' : ', unhealthy';
  return `${t.id} of ${t.service} on ${t.hostname} (agent ${t.agent}): ${t.state}${health}`;
}

function serviceLines({ services, answer }: Explanation): string[] {
  if (answer && answer.records.length > 0) return [];
  return services.map(
    (s) => `Service ${s.key}${s.declared ? ', declared by its framework,' : ''} has ${s.instances} tasks.`,
  );
}

function leftOutLines({ leftOut, leftOutMore }: Explanation): string[] {
  if (leftOut.length === 0) return [];
  const more = leftOutMore > 0 ? [`  and ${leftOutMore} more`] : [];
  return [
    '',
    'Left out:',
    ...leftOut.flatMap((t) => [`  ${taskText(t)}`, `    ${t.why}: ${t.detail}`]),
    ...more,
  ];
}

function outsideLines({ outside }: Explanation): string[] {
  if (!outside) return [];
  const { name, allowed, special, zone, resolvers, cached } = outside;
  const lines = ['', `${name} is for resolvers outside.`];
  if (!allowed)
    return [...lines, '  This client may not ask for names outside (dns.acl.recursion): REFUSED.'];
  if (special)
    lines.push(`  A special name, answered here: ${special.kind}`, ...special.records.map((r) => `    ${r}`));
  else if (resolvers.length === 0) lines.push('  No resolver is known: REFUSED.');
  else {
    const why = zone === null || zone === undefined ? '' : ` (dns.zoneResolvers, ${zone})`;
    const list = resolvers.map((r) => `${r.address}${r.down ? ' (down)' : ''}`);
    lines.push(`  Asked, in this order unless dns.upstreams says otherwise${why}: ${list.join(', ')}`);
  }
  if (cached) {
    const left = cached.secondsLeft > 0 ? `for ${cached.secondsLeft} s more` : 'only while resolvers fail';
    lines.push(`  Kept ${left}: ${cached.rcode}, ${cached.kind}`, ...cached.records.map((r) => `    ${r}`));
  } else if (!special) lines.push('  Nothing is kept about it.');
  return lines;
}
