import type { NameView } from '../acme/keeper.ts';
import type { CertificateView } from '../tls/certificate-store.ts';

/** Certificates as people see them: those that clients are shown, and those that names wait for. */
export function certificateViews(
  shown: readonly CertificateView[],
  names: readonly NameView[],
): Record<string, unknown>[] {
  const obtained = new Map(names.map(({ name, ...acme }) => [`acme:${name}`, { name, acme }]));
  const views: Record<string, unknown>[] = shown.map((view) => {
    const { acme } = obtained.get(view.name) ?? {};
    obtained.delete(view.name);
    return acme === undefined ? { ...view } : { ...view, acme };
  });
  for (const [id, { name, acme }] of obtained)
    views.push({ name: id, hosts: [name], issuer: null, notAfter: null, acme });
  return views;
}
