/** Whether `text` is an IPv4 address in dotted-quad form. */
export function isIPv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) <= 255);
}

/** Whether `text` is an IPv6 address (RFC 4291 §2.2), without zone index and brackets. */
export function isIPv6(text: string): boolean {
  if (text.length > 45 || !text.includes(':')) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [i, half] of halves.entries()) {
    if (half === '') continue;
    const last = i === halves.length - 1;
    const n = countGroups(half.split(':'), last);
    if (n === undefined) return false;
    groups += n;
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

/** The 16-bit groups that `parts` stand for; an embedded IPv4 tail counts two. Undefined when one is malformed. */
function countGroups(parts: readonly string[], mayEndInIPv4: boolean): number | undefined {
  let n = 0;
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) n += 1;
    else if (mayEndInIPv4 && i === parts.length - 1 && isIPv4(part)) n += 2;
    else return undefined;
  }
  return n;
}

/** Whether `text` is an IP literal of either family. */
export function isIp(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}
