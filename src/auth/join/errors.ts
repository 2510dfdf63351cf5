import { defineErrors } from '../../core/errors.ts';

export const joinErrors = defineErrors({
  AUTH_JOIN_TOKEN_BAD: {
    message: 'that is no join token',
    hint: 'A token is what `rimrock token create` printed, whole: three parts with dots between.',
  },
  AUTH_JOIN_TOKEN_REFUSED: {
    message: 'the join token buys nothing: it is spent, has ended, was revoked, or was never given',
    hint: 'Make another one: `rimrock token create`. If nobody should have used this one, `rimrock token list` says who did.',
  },
  AUTH_JOIN_TOKEN_UNREADABLE: {
    message: 'the join token cannot be read from {path}: {reason}',
    hint: 'auth.join.tokenFile must name a file that the user Rimrock runs as can read, with the token in its first line.',
  },
  AUTH_JOIN_NO_TOKEN: {
    message: 'auth.tls is {mode}, and this process has neither an identity nor a token to get one with',
    hint: 'Make a token on the machine of the master (`rimrock token create --for {role}`), and set auth.join.token or auth.join.tokenFile.',
  },
  AUTH_JOIN_OTHER_AUTHORITY: {
    message: 'whoever answers at {url} is not the authority that the join token is of',
    hint: 'Set auth.join.url to the identity API of the master that made the token; if that is right, somebody stands between.',
  },
  AUTH_JOIN_UNREACHABLE: {
    message: 'the authority at {url} cannot be joined: {reason}',
    hint: 'Set auth.join.url to the identity API of the master (auth.host, auth.port), which must run with auth.tls permissive or required.',
  },
  AUTH_JOIN_ENDED: {
    message: 'the identity that this process has kept has ended, and no token renews it',
    hint: 'Make a token (`rimrock token create --for {role}`) and set auth.join.token: it was off for longer than its certificate lives.',
  },
  AUTH_JOIN_BAD_REQUEST: {
    message: 'that cannot be asked for: {field}: {reason}',
    hint: 'See `rimrock token create --help`.',
  },
  AUTH_JOIN_NO_SUCH_TOKEN: {
    message: 'there is no token {id}',
    hint: '`rimrock token list` shows those there are.',
  },
  AUTH_JOIN_NOT_RENEWED: {
    message: 'the identity {id} is not renewed: {reason}',
    hint: 'It must be shown as the certificate of the connection, and the token that it came by must not be revoked.',
  },
  AUTH_JOIN_TOO_MANY: {
    message: 'too many ask at once for an identity after the end of their last',
    hint: 'It tries again by itself: a cluster that was off as a whole takes some seconds longer.',
  },
});
