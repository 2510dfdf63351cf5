/** Why a request to the identity API is not done; the shape of DC/OS: `{title, description, code}`. */
export interface IamRefusal {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly description: string;
  readonly retryAfterMs?: number;
}

const make =
  (status: number, code: string, title: string) =>
  (description: string): IamRefusal => ({ status, code, title, description });

const slowDown = make(429, 'ERR_TOO_MANY_ATTEMPTS', 'Too Many Requests');

export const refusals = {
  /** The body or a field of it; `description` names the field. */
  invalid: make(400, 'ERR_INVALID_DATA', 'Bad Request'),
  unknownUser: make(404, 'ERR_UNKNOWN_USER_ID', 'Not Found'),
  unknownGroup: make(404, 'ERR_UNKNOWN_GROUP_ID', 'Not Found'),
  unknownSession: make(404, 'ERR_UNKNOWN_SESSION_ID', 'Not Found'),
  exists: make(409, 'ERR_ALREADY_EXISTS', 'Conflict'),
  lastSuperuser: make(409, 'ERR_LAST_SUPERUSER', 'Conflict'),
  /** Somebody else has changed it meanwhile, again and again. */
  contended: make(409, 'ERR_CONCURRENT_CHANGE', 'Conflict'),
  credentials: make(401, 'ERR_INVALID_CREDENTIALS', 'Unauthorized'),
  loginNeeded: make(401, 'ERR_LOGIN_REQUIRED', 'Unauthorized'),
  passwordChange: make(403, 'ERR_PASSWORD_CHANGE_REQUIRED', 'Forbidden'),
  forbidden: make(403, 'ERR_FORBIDDEN', 'Forbidden'),
  crossSite: make(403, 'ERR_CROSS_SITE', 'Forbidden'),
  busy: make(503, 'ERR_BUSY', 'Service Unavailable'),
  slowDown,
  tooManyGuesses: (retryAfterMs: number): IamRefusal => ({
    ...make(
      429,
      'ERR_TOO_MANY_ATTEMPTS',
      'Too Many Requests',
    )(`too many wrong attempts: try again in ${Math.ceil(retryAfterMs / 1000)} s`),
    retryAfterMs,
  }),
} as const;

/** Tells a refusal from what was asked for. */
export function isRefusal(value: unknown): value is IamRefusal {
  return typeof value === 'object' && value !== null && 'status' in value && 'code' in value;
}
