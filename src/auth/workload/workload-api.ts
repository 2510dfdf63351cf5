import type { MethodDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

/** Of one field: its type and its number, as the definition of the service has them (SPIFFE Workload API, appendix A). */
type Fields = Readonly<Record<string, readonly [type: string, id: number]>>;

const message = (fields: Fields): object => ({
  fields: Object.fromEntries(
    Object.entries(fields).map(([name, [type, id]]) => {
      const map = /^map (\w+)$/.exec(type)?.[1];
      if (map !== undefined) return [name, { keyType: 'string', type: map, id }];
      const repeated = /^many (\w+)$/.exec(type)?.[1];
      return [name, repeated === undefined ? { type, id } : { rule: 'repeated', type: repeated, id }];
    }),
  ),
});

const method = (requestType: string, responseType: string, responseStream = false): object => ({
  requestType,
  responseType,
  ...(responseStream ? { responseStream } : {}),
});

/** google.protobuf.Struct: a JSON object. */
const structs = {
  Struct: message({ fields: ['map Value', 1] }),
  Value: {
    oneofs: {
      kind: { oneof: ['nullValue', 'numberValue', 'stringValue', 'boolValue', 'structValue', 'listValue'] },
    },
    ...message({
      nullValue: ['NullValue', 1],
      numberValue: ['double', 2],
      stringValue: ['string', 3],
      boolValue: ['bool', 4],
      structValue: ['Struct', 5],
      listValue: ['ListValue', 6],
    }),
  },
  NullValue: { values: { NULL_VALUE: 0 } },
  ListValue: message({ values: ['many Value', 1] }),
};

const definition = {
  nested: {
    SpiffeWorkloadAPI: {
      methods: {
        FetchX509SVID: method('X509SVIDRequest', 'X509SVIDResponse', true),
        FetchX509Bundles: method('X509BundlesRequest', 'X509BundlesResponse', true),
        FetchJWTSVID: method('JWTSVIDRequest', 'JWTSVIDResponse'),
        FetchJWTBundles: method('JWTBundlesRequest', 'JWTBundlesResponse', true),
        ValidateJWTSVID: method('ValidateJWTSVIDRequest', 'ValidateJWTSVIDResponse'),
      },
    },
    X509SVIDRequest: message({}),
    X509SVIDResponse: message({
      svids: ['many X509SVID', 1],
      crl: ['many bytes', 2],
      federatedBundles: ['map bytes', 3],
    }),
    X509SVID: message({
      spiffeId: ['string', 1],
      x509Svid: ['bytes', 2],
      x509SvidKey: ['bytes', 3],
      bundle: ['bytes', 4],
      hint: ['string', 5],
    }),
    X509BundlesRequest: message({}),
    X509BundlesResponse: message({ crl: ['many bytes', 1], bundles: ['map bytes', 2] }),
    JWTSVIDRequest: message({ audience: ['many string', 1], spiffeId: ['string', 2] }),
    JWTSVIDResponse: message({ svids: ['many JWTSVID', 1] }),
    JWTSVID: message({ spiffeId: ['string', 1], svid: ['string', 2], hint: ['string', 3] }),
    JWTBundlesRequest: message({}),
    JWTBundlesResponse: message({ bundles: ['map bytes', 1] }),
    ValidateJWTSVIDRequest: message({ audience: ['string', 1], svid: ['string', 2] }),
    ValidateJWTSVIDResponse: message({
      spiffeId: ['string', 1],
      claims: ['google.protobuf.Struct', 2],
    }),
    google: { nested: { protobuf: { nested: structs } } },
  },
};

/** The service as grpc-js takes it: by the name of each method. */
export const WORKLOAD_API = fromJSON(definition as Parameters<typeof fromJSON>[0], { defaults: true })[
  'SpiffeWorkloadAPI'
] as unknown as Readonly<Record<MethodName, MethodDefinition<object, object>>>;

export type MethodName =
  | 'FetchX509SVID'
  | 'FetchX509Bundles'
  | 'FetchJWTSVID'
  | 'FetchJWTBundles'
  | 'ValidateJWTSVID';

/** A value of JSON as google.protobuf.Value. */
function protoValue(value: unknown): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { numberValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(protoValue) } };
  return typeof value === 'object' && value !== null
    ? { structValue: protoStruct(value) }
    : { nullValue: 'NULL_VALUE' };
}

/** A JSON object as google.protobuf.Struct. */
export function protoStruct(object: object): object {
  return {
    fields: Object.fromEntries(Object.entries(object).map(([key, value]) => [key, protoValue(value)])),
  };
}
