import { renameSync, writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

// What vitest's own JSON report does not say: which file's process died, in which test, and what failed outside the tests.

export interface TestReport {
  readonly name: string;
  /** `unfinished`: there is no result. */
  readonly state: 'passed' | 'failed' | 'skipped' | 'unfinished';
  /** Of a test without a result: it had begun. */
  readonly started?: boolean;
  readonly error?: string;
}

export interface FileReport {
  readonly file: string;
  /** `unfinished`: it began and did not end. */
  readonly state: 'passed' | 'failed' | 'unfinished';
  readonly ms: number;
  /** What failed besides tests: loading the file, or the set-up of a group of tests. */
  readonly errors: readonly { readonly group?: string; readonly message: string }[];
  readonly tests: readonly TestReport[];
}

export interface RunReport {
  /** Whether vitest came to its end; else it was ended, and `files` are those that had begun. */
  readonly ended: boolean;
  readonly files: readonly FileReport[];
  /** What failed outside of tests, and of which file that was where this is known. */
  readonly errors: readonly { readonly file?: string; readonly message: string }[];
}

/** How old the report may be when a run is ended from outside. */
const FRESH_MS = 1_000;

/** Writes a `RunReport` to a file, again and again, so that there is one also when the run is ended from outside. */
export class RunReporter implements Reporter {
  readonly #path: string;
  readonly #files = new Map<string, FileReport>();
  readonly #modules = new Map<string, TestModule>();
  readonly #started = new Set<TestCase>();
  #vitest: Vitest | undefined;
  #due: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestModuleQueued(module: TestModule): void {
    this.#modules.set(module.id, module);
    this.#writeSoon();
  }

  // Not the object that was queued: that one never has tests.
  onTestModuleCollected(module: TestModule): void {
    this.#modules.set(module.id, module);
  }

  onTestCaseReady(test: TestCase): void {
    this.#started.add(test);
    this.#writeSoon();
  }

  onTestModuleEnd(module: TestModule): void {
    this.#modules.delete(module.id);
    this.#take(module);
    this.#writeSoon();
  }

  onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly { readonly message: string; readonly VITEST_TEST_PATH?: unknown }[],
  ): void {
    for (const module of modules) this.#take(module);
    this.#modules.clear();
    const root = `${this.#vitest?.config.root ?? ''}/`;
    const found = errors.map(({ message, VITEST_TEST_PATH: path }) => ({
      ...(typeof path === 'string' && { file: path.replace(root, '') }),
      message,
    }));
    this.#write(true, found);
  }

  #take(module: TestModule): void {
    this.#files.set(module.id, fileReport(module, this.#started));
  }

  #writeSoon(): void {
    this.#due ??= setTimeout(() => this.#write(false, []), FRESH_MS).unref();
  }

  #write(ended: boolean, errors: RunReport['errors']): void {
    clearTimeout(this.#due);
    this.#due = undefined;
    const running = [...this.#modules.values()].map((module) => fileReport(module, this.#started));
    const report: RunReport = { ended, files: [...this.#files.values(), ...running], errors };
    // Whoever ends us in the midst of it finds the last one.
    writeFileSync(`${this.#path}.next`, JSON.stringify(report));
    renameSync(`${this.#path}.next`, this.#path);
  }
}

function fileReport(module: TestModule, started: ReadonlySet<TestCase>): FileReport {
  const state = module.state();
  const own = module.errors().map(({ message }) => ({ message }));
  const groups = [...module.children.allSuites()].flatMap((suite: TestSuite) =>
    suite.errors().map(({ message }) => ({ group: suite.fullName, message })),
  );
  return {
    file: module.relativeModuleId,
    state:
      state === 'failed' ? 'failed' : state === 'passed' || state === 'skipped' ? 'passed' : 'unfinished',
    ms: Math.round(module.diagnostic().duration),
    errors: [...own, ...groups],
    tests: [...module.children.allTests()].map((test) => testReport(test, started.has(test))),
  };
}

function testReport(test: TestCase, started: boolean): TestReport {
  const result = test.result();
  const name = test.fullName;
  if (result.state === 'pending') return { name, state: 'unfinished', started };
  const error = result.errors?.[0];
  return {
    name,
    state: result.state,
    ...(error && { error: `${error.name ?? 'Error'}: ${error.message}` }),
  };
}
