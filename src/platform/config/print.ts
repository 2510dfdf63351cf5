import { stringify } from 'yaml';
import type { Issue } from '../../core/config/decode.ts';
import type { Role } from '../roles.ts';
import { maskSecrets } from './mask.ts';
import type { RimrockConfig } from './schema.ts';

/** The settings that a role really uses, as YAML that can be used again (but for the secrets). */
export function printConfig(role: Role, config: RimrockConfig): string {
  const used = Object.fromEntries(role.sections.map((section) => [section, config[section]]));
  return `# rimrock ${role.name}: what is in effect. Secrets are covered.\n${stringify(maskSecrets(used))}`;
}

/** One line for each issue. */
export function printIssues(issues: readonly Issue[]): string {
  return issues.map((issue) => `${issue.path}: ${issue.message}\n`).join('');
}
