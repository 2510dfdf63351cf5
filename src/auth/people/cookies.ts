import type { User } from './records.ts';

/** The names that DC/OS and its clients know. */
export const AUTH_COOKIE = 'dcos-acs-auth-cookie';
const INFO_COOKIE = 'dcos-acs-info-cookie';

/** The value of a cookie in the field `cookie` (RFC 6265 §5.4); undefined when it is not there or empty. */
export function cookieValue(field: string, name: string): string | undefined {
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) {
      const value = pair.slice(equals + 1).trim();
      return value === '' ? undefined : value;
    }
  }
  return undefined;
}

/** `set-cookie` for somebody who logged in: the token, which scripts cannot read, and what pages show of the person. */
export function loginCookies(token: string, user: User, maxAgeSeconds: number, secure: boolean): string[] {
  const info = { uid: user.uid, description: user.description, is_remote: false };
  const encoded = Buffer.from(JSON.stringify(info)).toString('base64');
  const end = `Path=/; Max-Age=${maxAgeSeconds}; SameSite=Lax${secure ? '; Secure' : ''}`;
  return [`${AUTH_COOKIE}=${token}; ${end}; HttpOnly`, `${INFO_COOKIE}=${encoded}; ${end}`];
}

/** Both cookies gone. */
export function logoutCookies(): string[] {
  return [
    `${AUTH_COOKIE}=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly`,
    `${INFO_COOKIE}=; Path=/; Max-Age=0; SameSite=Lax`,
  ];
}
