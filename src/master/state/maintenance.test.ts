import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MachineId, MaintenanceWindow } from '../../mesos/index.ts';
import {
  broughtDown,
  broughtUp,
  downMachines,
  isDown,
  machineKey,
  NO_MAINTENANCE,
  planned,
  rescheduled,
  scheduleProblem,
  unavailabilityAt,
} from './maintenance.ts';
import type { Maintenance, Move } from './maintenance.ts';

const at = (nanoseconds: number): MaintenanceWindow['unavailability'] => ({ start: { nanoseconds } });
const windowOf = (...machine_ids: MachineId[]): MaintenanceWindow => ({ machine_ids, unavailability: at(1) });
const unknown = (): boolean => false;
const A = { hostname: 'A.example', ip: '10.0.0.1' };
const B = { hostname: 'b.example' };

function moved(move: Move): Maintenance {
  if ('problem' in move) throw new Error(move.problem);
  return move.next;
}

describe('a schedule', () => {
  const problem = (...windows: MaintenanceWindow[]): string | undefined =>
    scheduleProblem(NO_MAINTENANCE, windows);

  it('is refused for what Apache Mesos refuses it for', () => {
    expect(problem(windowOf())).toBe('List of machines in the maintenance window is empty');
    expect(problem({ machine_ids: [A], unavailability: { ...at(1), duration: { nanoseconds: -1 } } })).toBe(
      "Unavailability 'duration' is negative",
    );
    expect(problem(windowOf({}))).toBe("Both 'hostname' and 'ip' for a machine are empty");
    expect(problem(windowOf({ hostname: '', ip: '' }))).toContain('are empty');
    expect(problem(windowOf({ ip: '10.0.0' }))).toBe(
      'Machine \'{"ip":"10.0.0"}\' has an \'ip\' that is not an IP address',
    );
    expect(problem(windowOf(A), windowOf({ ...A, hostname: 'a.EXAMPLE' }))).toBe(
      'Machine \'{"hostname":"a.EXAMPLE","ip":"10.0.0.1"}\' appears more than once in the schedule',
    );
    expect(problem(windowOf(A, B), windowOf({ ip: '10.0.0.1' }, { ip: 'fd00::1' }))).toBeUndefined();
    expect(problem()).toBeUndefined();
  });

  it('keeps the machines that are DOWN, and them DOWN', () => {
    const down = moved(broughtDown(planned([windowOf(A, B)], new Set()), [A], unknown));
    expect(scheduleProblem(down, [windowOf(B)])).toBe(
      'Machine \'{"hostname":"A.example","ip":"10.0.0.1"}\' is deactivated and cannot be removed from the schedule',
    );
    const later = { machine_ids: [{ ...A, hostname: 'a.example' }], unavailability: at(2) };
    const next = rescheduled(down, [later]);
    expect(downMachines(next)).toEqual(later.machine_ids);
    expect(unavailabilityAt(next, { hostname: 'a.example', ip: '10.0.0.1' })).toEqual(at(2));
  });
});

describe('a machine', () => {
  const text = (move: Move): string => ('problem' in move ? move.problem : '');

  it('goes from UP to DRAINING to DOWN and back, and no other way', () => {
    const none = NO_MAINTENANCE;
    const draining = rescheduled(none, [windowOf(A)]);
    const down = moved(broughtDown(draining, [A], unknown));
    const up = moved(broughtUp(down, [A], unknown));
    expect(text(broughtDown(none, [A], unknown))).toContain('is not part of a maintenance schedule');
    expect(text(broughtUp(none, [A], () => true))).toContain('is not in DOWN mode and cannot be brought up');
    expect(text(broughtUp(draining, [A], unknown))).toContain('is not in DOWN mode');
    expect(text(broughtDown(down, [A], unknown))).toContain('is not in DRAINING mode');
    expect(text(broughtDown(up, [A], unknown))).toContain('is not in DRAINING mode');
    expect(text(broughtDown(draining, [], unknown))).toBe('List of machines is empty');
    expect(text(broughtDown(draining, [A, A], unknown))).toContain('appears more than once');
    expect(up.windows).toEqual([]);
    expect(up.machines.size).toBe(0);
  });

  it('leaves the windows of others alone when it comes up', () => {
    const plan = moved(
      broughtDown(planned([windowOf(A, B), windowOf({ ip: '10.0.0.9' })], new Set()), [A, B], unknown),
    );
    expect(moved(broughtUp(plan, [B], unknown)).windows).toEqual([windowOf(A), windowOf({ ip: '10.0.0.9' })]);
  });

  it('stands for every agent with what is said of it; being DOWN in any way counts', () => {
    const host = { hostname: 'h', ip: '10.0.0.1' };
    const plan = planned(
      [windowOf({ hostname: 'H' }), { machine_ids: [host], unavailability: at(5) }],
      new Set([machineKey({ hostname: 'h' })]),
    );
    expect(unavailabilityAt(plan, host)).toEqual(at(5));
    expect(unavailabilityAt(plan, { ...host, ip: '10.0.0.2' })).toEqual(at(1));
    expect(unavailabilityAt(plan, { ...host, hostname: 'other' })).toBeUndefined();
    expect(isDown(plan, host)).toBe(true);
    expect(isDown(plan, { ...host, hostname: 'other' })).toBe(false);
  });
});

describe('whatever is scheduled and moved', () => {
  const machine = fc.constantFrom<MachineId>(
    A,
    B,
    { ip: '10.0.0.1' },
    { hostname: 'a.EXAMPLE', ip: '10.0.0.1' },
  );
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('schedule'),
      ids: fc.array(fc.array(machine, { maxLength: 3 }), { maxLength: 2 }),
    }),
    fc.record({
      kind: fc.constantFrom('down', 'up'),
      ids: fc.array(fc.array(machine, { maxLength: 2 }), { maxLength: 1 }),
    }),
  );

  it('the windows, the machines and what is DOWN agree, and the registry gives the same plan back', () => {
    let moves = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let plan = NO_MAINTENANCE;
        for (const { kind, ids } of steps) {
          const windows = ids.map((list) => windowOf(...list));
          const before = downMachines(plan).map(machineKey);
          if (kind === 'schedule') {
            if (scheduleProblem(plan, windows) !== undefined) continue;
            plan = rescheduled(plan, windows);
            expect(downMachines(plan).map(machineKey).sort()).toEqual(before.sort());
          } else {
            const move = (kind === 'down' ? broughtDown : broughtUp)(plan, ids.flat(), unknown);
            if ('problem' in move) continue;
            plan = move.next;
          }
          moves++;
          const keys = plan.windows.flatMap((w) => w.machine_ids.map(machineKey));
          expect([...plan.machines.keys()].sort()).toEqual(keys.sort());
          expect(plan.windows.every((w) => w.machine_ids.length > 0)).toBe(true);
          const again = planned(plan.windows, new Set(downMachines(plan).map(machineKey)));
          expect(again.machines).toEqual(plan.machines);
        }
      }),
      { numRuns: 500 },
    );
    expect(moves).toBeGreaterThan(300);
  });
});
