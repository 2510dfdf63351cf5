export { TcpConnections } from './connections.ts';
export type { ConnectionLimits, TcpEdge, TcpRefusal, TcpRouted } from './context.ts';
export { mayConnect } from './ip-filter.ts';
export { TcpServer } from './server.ts';
export { TcpStats } from './stats.ts';
export type { TcpNumbers } from './stats.ts';
export { publishTcpMetrics, TcpTotals } from './totals.ts';
export { ServicePorts } from './service-ports.ts';
export type { ServicePortView } from './service-ports.ts';
