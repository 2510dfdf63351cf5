/** A name of the SOA record as it is used: `@` becomes a dot, and exactly one dot at the end. */
export function soaName(text: string): string {
  return `${text.replaceAll('@', '.').replace(/\.+$/, '')}.`;
}
