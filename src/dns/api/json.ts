/**
 * JSON in the shape that clients of Mesos-DNS know: indented by one blank, no newline at the end, and `<`, `>`, `&` escaped as its
 * encoder does.
 */
export function mesosDnsJson(value: unknown): string {
  return JSON.stringify(value, null, 1).replace(/[<>&\u2028\u2029]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
