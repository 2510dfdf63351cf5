export { OutBuffer, OutPool } from './out-buffer.ts';
export { FrameReader } from './reader.ts';
export type { FrameSink } from './reader.ts';
export {
  beginHeaders,
  endHeaders,
  writeFrameHeader,
  writeGoaway,
  writePing,
  writeReset,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from './writer.ts';
