import { z } from 'zod';

const GIB = 1024 ** 3;
const absolutePath = z.string().regex(/^\//, { message: 'write an absolute path' });

/** What the agent fetches for its tasks (docs/decisions/0029-fetcher.md). */
export const fetcherConfigSchema = z.strictObject({
  cacheDir: z
    .string()
    .min(1)
    .optional()
    .describe('Folder for what is fetched with `cache`; default is `fetch-cache` in `workDir`.'),
  cacheBytes: z
    .int()
    .min(0)
    .default(2 * GIB)
    .describe('How much the cache keeps, in bytes; what was not used for the longest goes first.'),
  localFolders: z
    .array(absolutePath)
    .default(['/'])
    .describe(
      'Folders of this machine of which tasks may fetch files; [] allows none. A task of another user gets what that user may read.',
    ),
  frameworksHome: absolutePath
    .optional()
    .describe('Folder that relative URIs are meant in; without it they are refused.'),
  maxBytes: z
    .int()
    .positive()
    .default(16 * GIB)
    .describe('Bytes that one URI may bring at most: as a download, and again when it is unpacked.'),
  maxFiles: z
    .int()
    .positive()
    .default(200_000)
    .describe('Files, folders and links that an archive may hold at most.'),
  stallTimeoutSeconds: z
    .number()
    .positive()
    .default(60)
    .describe('A download that stands still for this long has failed.'),
  tries: z
    .int()
    .min(1)
    .max(10)
    .default(3)
    .describe('How often a download is tried at most, where another try may help.'),
});

export type FetcherConfig = z.output<typeof fetcherConfigSchema>;
