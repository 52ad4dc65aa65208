/** The entry point `kvorum/compat`: clients of earlier systems, for programs written against them. */
export {
  type JsonValue,
  KVStoreClient,
  type KVStoreClientOptions,
  type KVStoreError,
  type KVStoreOk,
  type KVStoreReply,
} from './kv-store-client.ts'
