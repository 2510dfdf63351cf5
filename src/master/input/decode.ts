export * from '../../core/json/decode.ts';
