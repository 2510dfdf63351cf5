import type { LiveEndpoint } from '../plane/messages.ts';

/** One server, backend or frontend as HAProxy's statistics show it. */
export interface StatsRow {
  readonly pxname: string;
  readonly svname: string;
  /** Requests that wait now, and the most at a time since the start. */
  readonly qcur: number;
  readonly qmax?: number;
  /** Requests that run now. */
  readonly scur: number;
  /** Payload from clients and to them, bytes. */
  readonly bin?: number;
  readonly bout?: number;
  readonly status: string;
  readonly weight: number;
  /** Answers in all, and by class 1xx to 5xx. */
  readonly stot?: number;
  readonly classes?: readonly number[];
  /** 0 frontend, 1 backend, 2 server (HAProxy's `type`). */
  readonly type: 0 | 1 | 2;
}

/** The columns of HAProxy 1.8, which clients of marathon-lb read by name. */
const COLUMNS =
  'pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,' +
  'chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,' +
  'check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,' +
  'cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,';

/** What HAProxy would say of a server; one that drains is MAINT there, which is what zdd waits for. */
export function statusOf(endpoint: {
  readonly phase: string;
  readonly healthy: boolean | undefined;
  readonly eligibility: LiveEndpoint['eligibility'] | undefined;
}): string {
  const { phase, healthy, eligibility } = endpoint;
  if (phase === 'draining') return 'MAINT';
  if (phase === 'waiting' || healthy === false) return 'DOWN';
  if (eligibility === 'weightless') return 'DRAIN';
  return eligibility === 'ejected' || eligibility === 'unhealthy' ? 'DOWN' : 'UP';
}

/** The statistics as `;csv` gives them. */
export function statsCsv(rows: readonly StatsRow[]): string {
  const columns = COLUMNS.split(',');
  const lines = rows.map((row) => {
    const values = valuesOf(row);
    return columns.map((column) => values.get(column) ?? '').join(',');
  });
  return [`# ${COLUMNS}`, ...lines, ''].join('\n');
}

function valuesOf(row: StatsRow): ReadonlyMap<string, string | number> {
  const { stot, classes, type, ...plain } = row;
  const values = new Map<string, string | number>(Object.entries({ ...plain, pid: 1, type }));
  if (type === 2) values.set('act', 1).set('bck', 0);
  if (stot !== undefined) values.set('stot', stot).set('lbtot', stot).set('req_tot', stot);
  for (let c = 1; c <= 5; c++) if (classes !== undefined) values.set(`hrsp_${c}xx`, classes[c] ?? 0);
  return values;
}
