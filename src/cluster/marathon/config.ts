import { z } from 'zod';
import { credentialsShape, tlsSchema } from '../login/config.ts';

const addresses = z.string().refine((text) => addressesOf(text) !== undefined, {
  message:
    'write a URL such as http://marathon.example.com:8080, or several of one Marathon with commas between them',
});

/** Which Marathons are asked for what Mesos does not know. */
export const marathonConfigSchema = z
  .strictObject({
    urls: z
      .array(addresses)
      .max(64)
      .default([])
      .describe(
        'Marathons that are followed for service ports, health checks and their results; each a URL, or several of one Marathon with commas between them, which are tried in turn. Ours need not be named: it tells Mesos.',
      ),
    refreshSeconds: z
      .number()
      .min(1)
      .max(86_400)
      .default(300)
      .describe('Everything is looked at again after this time, whatever events say.'),
    silenceSeconds: z
      .number()
      .min(1)
      .max(3_600)
      .default(45)
      .describe('An event stream that says nothing for this long, not even a heartbeat, is lost.'),
    ...credentialsShape,
    tls: tlsSchema.describe('TLS towards Marathon.'),
  })
  .prefault({})
  .describe('Marathons that tell what Mesos does not know.');

/** The URLs of one Marathon. */
export function addressesOf(text: string): readonly string[] | undefined {
  const urls = text.split(',').map((url) => url.trim().replace(/\/+$/, ''));
  return urls.every((url) => /^https?:\/\/./i.test(url) && URL.canParse(url)) ? urls : undefined;
}
