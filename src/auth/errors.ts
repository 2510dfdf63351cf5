import { defineErrors } from '../core/errors.ts';

/** Of the room as a whole, of keys and of the authority; people, tokens and policy have tables of their own. */
export const authErrors = defineErrors({
  AUTH_LISTEN_FAILED: {
    message: 'the HTTP API for identity cannot listen on {host} port {port}: {reason}',
    hint: 'Set auth.host and auth.port to a free address of this machine, or auth.enabled to false.',
  },
  AUTH_KEY_BAD_NAME: {
    message: 'no key can be named {name}',
    hint: 'Names of keys are lower-case letters, digits, dots and dashes, at most 100.',
  },
  AUTH_KEY_UNREADABLE: {
    message: 'the key {name} cannot be read: {reason}',
    hint: 'Look at the file in the folder of keys: it must belong to the user that Rimrock runs as, and be whole.',
  },
  AUTH_KEY_LOCKED: {
    message: 'the key {name} is encrypted, and the passphrase does not open it',
    hint: 'Set auth.keys.passphraseFile to the file with the passphrase that it was written with; to change it, put the new one into the first line and that one into the second.',
  },
  AUTH_KEY_NOT_WRITTEN: {
    message: 'the key {name} cannot be written: {reason}',
    hint: 'The folder of keys needs space and must belong to the user that Rimrock runs as. What was there before is still there.',
  },
  AUTH_CA_STATE_UNREADABLE: {
    message: 'what the store says of the certificate authority cannot be read',
    hint: 'It is of a newer version, or damaged: restore the store from a backup, or start an authority anew in another data folder.',
  },
  AUTH_CA_OTHER_TRUST_DOMAIN: {
    message: 'the authority is of the trust domain {kept}, not of {wanted}',
    hint: 'Set auth.trustDomain to {kept}; another trust domain needs an authority of its own, in another data folder.',
  },
  AUTH_CA_NOT_HERE: {
    message: 'the key {name} of the certificate authority is not on this machine',
    hint: 'Bring its file back into the folder of keys, or prepare and activate a root of this machine.',
  },
  AUTH_CA_NOT_STARTED: {
    message: 'the certificate authority is not there yet',
    hint: 'Wait until GET /ready says 200.',
  },
  AUTH_CA_ENDED: {
    message: 'nothing can be issued: {what} has ended',
    hint: 'Prepare and activate another root: `rimrock ca prepare`, then `rimrock ca activate --force`.',
  },
  AUTH_CA_CHANGED: {
    message: 'somebody else changed the certificate authority at the same moment; nothing was done',
    hint: 'Look at `rimrock ca state`, and do it again if it is still wanted.',
  },
  AUTH_CA_BAD_REQUEST: {
    message: 'no certificate can say this: {field}: {reason}',
    hint: 'Names are DNS names or IP addresses; an id is a path of letters, digits, dots, dashes and underscores between slashes.',
  },
  AUTH_CA_BAD_KEY: {
    message: 'that public key is of no use: {reason}',
    hint: 'Use ECDSA with P-256 (or P-384, P-521), Ed25519, or RSA of at least 2048 bits.',
  },
  AUTH_CA_BAD_CERTIFICATE: {
    message: 'that certificate cannot be an authority of ours: {reason}',
    hint: 'It must be an authority (CA:TRUE, keyCertSign) for the key that was made here, with every certificate up to and including its root.',
  },
  AUTH_CA_PREPARED_ALREADY: {
    message: 'a root is prepared already',
    hint: 'Activate it (`rimrock ca activate`) or let it go (`rimrock ca discard`).',
  },
  AUTH_CA_NOTHING_PREPARED: {
    message: 'no root is prepared',
    hint: 'Prepare one first: `rimrock ca prepare`.',
  },
  AUTH_CA_NOT_SPREAD: {
    message: 'the root that was prepared may not be known everywhere yet',
    hint: 'Wait for auth.ca.spreadSeconds after it was prepared; --force when the active root must go at once.',
  },
  AUTH_CA_OLD_STILL_BELIEVED: {
    message: 'the root before the active one is still believed',
    hint: 'Wait until nothing that is valid comes from it, or taint and revoke it.',
  },
  AUTH_CA_NOTHING_OLD: {
    message: 'there is no root from before the active one',
    hint: 'To get rid of the active one, prepare and activate another; then taint and revoke this one.',
  },
  AUTH_CA_NOT_TAINTED: {
    message:
      'the old root is not tainted: whoever has a certificate from it would be refused without warning',
    hint: 'Taint it first (`rimrock ca taint`), so that everybody renews, then revoke it.',
  },
  AUTH_CA_SAME_ROOT: {
    message: 'that root is believed already',
    hint: 'Bring in an intermediate below it, or another root.',
  },
  AUTH_CA_NO_INTERMEDIATE: {
    message: 'there is nothing that could sign below that root',
    hint: 'Bring in an intermediate with it: `rimrock ca csr`, then `rimrock ca bring-in`.',
  },
  AUTH_PKCS12_UNREADABLE: {
    message: 'the PKCS#12 file cannot be read: {reason}',
    hint: 'It must hold one key with its certificates, as `openssl pkcs12 -export` of OpenSSL 3 writes it.',
  },
  AUTH_PKCS12_PASSWORD: {
    message: 'the password does not open the PKCS#12 file',
    hint: 'Give the password that it was written with.',
  },
  AUTH_VAULT_LOCKED: {
    message: 'the passphrase in {file} is not the one that the other masters have',
    hint: 'Put the passphrase of the others into the first line of {file}, which auth.keys.passphraseFile names; or, to change it for all, the new one there and that of the others into the second. Nothing was changed.',
  },
  AUTH_VAULT_UNREADABLE: {
    message: 'what the store says of how identity is sealed cannot be read',
    hint: 'It is of a newer version, or damaged: restore the key data/auth-vault below store.consul.prefix from a backup. Nothing was changed.',
  },
  AUTH_VAULT_LOST: {
    message:
      'the store has {records} records of identity, and nothing that says how they are sealed: they cannot be read',
    hint: 'Restore the key data/auth-vault below store.consul.prefix from a backup; or remove data/auth/ there, to begin with another authority and no accounts.',
  },
  AUTH_VAULT_GONE: {
    message: 'the store holds no identity any more, and this master knows that it did',
    hint: 'Restore data/auth-vault and data/auth/ below store.consul.prefix from a backup of Consul. To begin with another authority and no accounts, so that everybody has to join again, remove {file} on each master.',
  },
  AUTH_RECORD_FORGED: {
    message: 'the record {key} in the store was not written by a master of ours',
    hint: 'Somebody else has changed it in Consul, or it is damaged: find out who may write there, and restore it from a backup. Removing it forgets what it says.',
  },
  AUTH_STANDS_BY: {
    message: 'another master leads; identity is served there',
    hint: 'Ask the address in the field location, or try again when a master leads.',
  },
  AUTH_PASSPHRASE_SHORT: {
    message: 'the passphrase in {path} has fewer than {shortest} characters',
    hint: 'Whoever reads Consul can try passphrases for as long as he likes: take one that a machine has made, such as `openssl rand -base64 32`, the same on each master.',
  },
  AUTH_PASSPHRASE_UNREADABLE: {
    message: 'the passphrase of the keys cannot be read from {path}: {reason}',
    hint: 'auth.keys.passphraseFile must name a file that the user Rimrock runs as can read, with the passphrase in its first line.',
  },
});
